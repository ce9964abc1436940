-- Partitions: made ahead of time, and dropped when what they hold has outlived its time. All of this runs as the owner;
-- whoever may call it passes nothing but dates.

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
            IF to_regclass('gateway.' || part) IS NULL THEN
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

-- Drops events and audit entries of whole months before the bound, which is never younger than twelve months by the
-- database's own time, whoever asks. A month with a pending event stays. The chain's links stay too: they hold hashes, and
-- what is left of the chain is verified from them. Returns how many partitions went.
CREATE FUNCTION gateway.drop_history_before(bound date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part record;
    is_needed boolean;
    dropped integer := 0;
    last_bound date := least(bound, (now() AT TIME ZONE 'UTC' - interval '12 months')::date);
    first_kept timestamptz := date_trunc('month', last_bound::timestamp) AT TIME ZONE 'UTC';
BEGIN
    PERFORM pg_advisory_xact_lock(7310579001);
    FOR part IN
        SELECT child.relname, parent.relname AS parent
        FROM pg_inherits i
        JOIN pg_class child ON child.oid = i.inhrelid
        JOIN pg_class parent ON parent.oid = i.inhparent
        JOIN pg_namespace n ON n.oid = parent.relnamespace
        WHERE n.nspname = 'gateway'
            AND parent.relname IN ('event', 'audit_entry')
            AND child.relname ~ '_[0-9]{6}$'
            AND to_date(right(child.relname, 6), 'YYYYMM')::timestamp AT TIME ZONE 'UTC' < first_kept
    LOOP
        is_needed := false;
        IF part.parent = 'event' THEN
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM gateway.%I WHERE state = ''pending'')', part.relname)
                INTO is_needed;
        END IF;
        IF NOT is_needed THEN
            EXECUTE format('DROP TABLE gateway.%I', part.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    DELETE FROM gateway.event_default WHERE received_at < first_kept AND state = 'done';
    DELETE FROM gateway.audit_entry_default WHERE at < first_kept;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION gateway.drop_history_before(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.drop_history_before(date) TO gw_queue;
