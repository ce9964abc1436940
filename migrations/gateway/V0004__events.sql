-- The inbox. A partitioned table cannot hold a UNIQUE key across months, so duplicates are a constraint of `event_key`.
-- No foreign key points at a partitioned table.

CREATE TABLE gateway.event_key (
    source_id uuid NOT NULL REFERENCES gateway.source (source_id),
    key_digest bytea NOT NULL CHECK (octet_length(key_digest) = 32),
    digest_key_id integer NOT NULL,
    event_id uuid NOT NULL,
    body_digest bytea NOT NULL CHECK (octet_length(body_digest) = 32),
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    duplicate_count integer NOT NULL DEFAULT 0,
    -- The same identifier came with another body: kept as an event of its own, flagged, never run.
    conflict_count integer NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, key_digest)
);
CREATE INDEX event_key_by_age ON gateway.event_key (last_seen_at);

-- What a source said. A pending event is its own work item.
CREATE TABLE gateway.event (
    source_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    body_bytes integer NOT NULL CHECK (body_bytes >= 0),
    -- Whose raw body this is: its own, or (a replay) the original's.
    body_event_id uuid NOT NULL,
    body_day date NOT NULL,
    -- Set on a replay: the event it repeats, and when that one arrived. Deadlines count from the original's arrival.
    replay_of uuid,
    original_received_at timestamptz NOT NULL,
    type_word text CHECK (type_word ~ '^[a-z_]{1,40}$'),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done')),
    outcome text CHECK (outcome IN ('applied', 'ignored', 'dead_lettered')),
    outcome_reason text CHECK (length(outcome_reason) <= 200),
    finished_at timestamptz,
    -- The attempt number is the fencing token: a worker whose lease ran out cannot finish what another has taken.
    attempt integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    not_before timestamptz NOT NULL,
    PRIMARY KEY (source_id, received_at, event_id),
    CHECK ((state = 'done') = (outcome IS NOT NULL)),
    CHECK ((state = 'done') = (finished_at IS NOT NULL)),
    CHECK ((outcome IS NULL) = (outcome_reason IS NULL)),
    CHECK (state = 'pending' OR lease_until IS NULL)
) PARTITION BY RANGE (received_at);
CREATE INDEX event_pending ON gateway.event (received_at) WHERE state = 'pending';
CREATE INDEX event_by_id ON gateway.event (event_id);
CREATE INDEX event_by_tenant ON gateway.event (tenant_id, received_at);
CREATE TABLE gateway.event_default PARTITION OF gateway.event DEFAULT;

-- Raw deliveries, sealed under their day's key. A partition is dropped and its key destroyed when its time is over.
CREATE TABLE gateway.event_body (
    source_id uuid NOT NULL,
    body_day date NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (source_id, body_day, event_id)
) PARTITION BY RANGE (body_day);
CREATE TABLE gateway.event_body_default PARTITION OF gateway.event_body DEFAULT;

-- Copies of raw deliveries that could not be applied, kept longer under keys of their own.
CREATE TABLE gateway.dead_letter_body (
    source_id uuid NOT NULL,
    body_day date NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (source_id, body_day, event_id)
) PARTITION BY RANGE (body_day);
CREATE TABLE gateway.dead_letter_body_default PARTITION OF gateway.dead_letter_body DEFAULT;

ALTER TABLE gateway.event_body ALTER COLUMN sealed SET STATISTICS 0;
ALTER TABLE gateway.dead_letter_body ALTER COLUMN sealed SET STATISTICS 0;
-- Sealed bytes do not compress; trying costs time on every insert.
ALTER TABLE gateway.event_body_default ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE gateway.event_body ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE gateway.dead_letter_body ALTER COLUMN sealed SET STORAGE EXTERNAL;

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['event', 'event_body', 'dead_letter_body']
    LOOP
        EXECUTE format('ALTER TABLE gateway.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE gateway.%I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON gateway.%I TO gw_tenant '
            'USING (tenant_id = (SELECT current_setting(''gateway.tenant_id'')::uuid)) '
            'WITH CHECK (tenant_id = (SELECT current_setting(''gateway.tenant_id'')::uuid))',
            table_name);
    END LOOP;
END
$$;
CREATE POLICY intake_inserts ON gateway.event FOR INSERT TO gw_intake WITH CHECK (true);
CREATE POLICY intake_inserts ON gateway.event_body FOR INSERT TO gw_intake WITH CHECK (true);
CREATE POLICY queue_claims ON gateway.event TO gw_queue USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON gateway.event_key TO gw_intake;
GRANT UPDATE (last_seen_at, duplicate_count, conflict_count) ON gateway.event_key TO gw_intake;
GRANT SELECT, DELETE ON gateway.event_key TO gw_queue;
GRANT INSERT ON gateway.event, gateway.event_body TO gw_intake;
GRANT SELECT ON gateway.event TO gw_queue;
GRANT UPDATE (attempt, lease_until, not_before) ON gateway.event TO gw_queue;
GRANT SELECT, INSERT, UPDATE ON gateway.event TO gw_tenant;
GRANT SELECT ON gateway.event_body TO gw_tenant;
GRANT SELECT, INSERT ON gateway.dead_letter_body TO gw_tenant;

-- Makes one partition, unless rows of its range came first and lie in the default partition already. Those stay where they
-- are, and whatever ends a partition ends them there too.
CREATE FUNCTION gateway.make_partition(part text, parent text, from_bound text, to_bound text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bound_column text := CASE parent WHEN 'event' THEN 'received_at' WHEN 'audit_entry' THEN 'at' ELSE 'body_day' END;
    is_too_late boolean;
BEGIN
    -- Making a partition scans the default one under a lock that stops intake; once rows lie there it would do so at every
    -- attempt, and in vain. Looking first stops nobody.
    EXECUTE format('SELECT EXISTS (SELECT FROM gateway.%I WHERE %I >= %L AND %I < %L)',
        parent || '_default', bound_column, from_bound, bound_column, to_bound) INTO is_too_late;
    IF is_too_late THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE gateway.%I PARTITION OF gateway.%I FOR VALUES FROM (%L) TO (%L)',
        part, parent, from_bound, to_bound);
    IF parent IN ('event_body', 'dead_letter_body') THEN
        EXECUTE format('ALTER TABLE gateway.%I ALTER COLUMN sealed SET STORAGE EXTERNAL', part);
    END IF;
EXCEPTION WHEN check_violation THEN
    -- A row came between the look and the lock.
    NULL;
END
$$;
REVOKE ALL ON FUNCTION gateway.make_partition(text, text, text, text) FROM PUBLIC;

-- Partitions for the days and months around `around`. Runs as the owner; callers may pass nothing but a date, and one far
-- from the calendar is brought within 400 days of it, so that nobody can fill the catalog with partitions.
CREATE FUNCTION gateway.ensure_partitions(around date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today CONSTANT date := (gateway.calendar_now() AT TIME ZONE 'UTC')::date;
    first_day date;
    part text;
    parent text;
BEGIN
    around := least(greatest(around, today - 400), today + 400);
    PERFORM pg_advisory_xact_lock(7310579001);
    FOR month_step IN 0..1 LOOP
        first_day := (date_trunc('month', around::timestamp) + make_interval(months => month_step))::date;
        FOREACH parent IN ARRAY ARRAY['event', 'audit_entry'] LOOP
            part := format('%s_%s', parent, to_char(first_day, 'YYYYMM'));
            IF to_regclass('gateway.' || parent) IS NOT NULL AND to_regclass('gateway.' || part) IS NULL THEN
                PERFORM gateway.make_partition(part, parent, (first_day::timestamp AT TIME ZONE 'UTC')::text,
                    ((first_day + interval '1 month')::timestamp AT TIME ZONE 'UTC')::text);
            END IF;
        END LOOP;
    END LOOP;
    FOR day_step IN 0..2 LOOP
        first_day := around + day_step;
        FOREACH parent IN ARRAY ARRAY['event_body', 'dead_letter_body'] LOOP
            part := format('%s_%s', parent, to_char(first_day, 'YYYYMMDD'));
            IF to_regclass('gateway.' || part) IS NULL THEN
                PERFORM gateway.make_partition(part, parent, first_day::text, (first_day + 1)::text);
            END IF;
        END LOOP;
    END LOOP;
END
$$;

-- Drops raw deliveries of days before the bounds, which cannot lie after today. Returns how many partitions went.
CREATE FUNCTION gateway.drop_bodies_before(delivery_bound date, dead_letter_bound date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today CONSTANT date := (gateway.calendar_now() AT TIME ZONE 'UTC')::date;
    part record;
    dropped integer := 0;
BEGIN
    IF delivery_bound IS NULL OR delivery_bound > today OR dead_letter_bound IS NULL OR dead_letter_bound > today THEN
        RAISE EXCEPTION 'only deliveries of days that are over can be dropped' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(7310579001);
    FOR part IN
        SELECT child.relname,
               parent.relname AS parent,
               to_date(right(child.relname, 8), 'YYYYMMDD') AS body_day
        FROM pg_inherits i
        JOIN pg_class child ON child.oid = i.inhrelid
        JOIN pg_class parent ON parent.oid = i.inhparent
        JOIN pg_namespace n ON n.oid = parent.relnamespace
        WHERE n.nspname = 'gateway'
            AND parent.relname IN ('event_body', 'dead_letter_body')
            AND child.relname ~ '_[0-9]{8}$'
    LOOP
        IF part.body_day < (CASE part.parent WHEN 'event_body' THEN delivery_bound ELSE dead_letter_bound END) THEN
            EXECUTE format('DROP TABLE gateway.%I', part.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    DELETE FROM gateway.event_body_default WHERE body_day < delivery_bound;
    DELETE FROM gateway.dead_letter_body_default WHERE body_day < dead_letter_bound;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION gateway.ensure_partitions(date) FROM PUBLIC;
REVOKE ALL ON FUNCTION gateway.drop_bodies_before(date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.ensure_partitions(date) TO gw_queue, gw_intake;
GRANT EXECUTE ON FUNCTION gateway.drop_bodies_before(date, date) TO gw_queue;
