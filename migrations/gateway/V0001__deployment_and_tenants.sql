-- What this database is, what time it is here, and which tenants there are.
--
-- The gateway's own schema is owned by gw_owner and used by the least role that can do the work (see docs/architecture.md).
-- `bootstrap` has made the schema and the roles; these files are run by gw_owner. Every constraint has a name that says what
-- holds, because an error carries that name and no value. A test compares the result with tests/vectors/schema/gateway.sql.

-- Shuts a table off by tenant: whoever works as gw_tenant sees and writes the rows of the transaction's tenant, and without
-- a tenant every statement is an error. The sub-select is evaluated once for each statement, so the keys' indexes serve it.
CREATE FUNCTION gateway.isolate(isolated regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', isolated);
    -- The owner, too, sees only what a policy of its own lets it see.
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', isolated);
    EXECUTE format(
        'CREATE POLICY one_tenant ON %s TO gw_tenant '
        'USING (tenant_id = (SELECT current_setting(''gateway.tenant_id'')::uuid)) '
        'WITH CHECK (tenant_id = (SELECT current_setting(''gateway.tenant_id'')::uuid))',
        isolated);
END
$$;
REVOKE ALL ON FUNCTION gateway.isolate(regclass) FROM PUBLIC;

-- Has a table vacuumed as soon as there is anything dead in it. A destroyed key or a removed identity is a dead tuple until
-- vacuum has come by, and vacuum's usual threshold waits for fifty dead tuples and a fifth of the table: in a small or quiet
-- table that can be years. Receipts say when nothing can be read any more (`physical_by`). A long sealed value lies in the
-- table's second store, which is vacuumed by settings of its own.
CREATE FUNCTION gateway.vacuum_at_once(vacuumed regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'ALTER TABLE %s SET ('
        'autovacuum_enabled = true, autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, '
        'toast.autovacuum_enabled = true, toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0)',
        vacuumed);
END
$$;
REVOKE ALL ON FUNCTION gateway.vacuum_at_once(regclass) FROM PUBLIC;

-- One row: what this database is. The demo mark can be set only when the row is made.
CREATE TABLE gateway.deployment (
    only_row boolean DEFAULT true
        CONSTRAINT deployment_pkey PRIMARY KEY
        CONSTRAINT deployment_is_one_row CHECK (only_row),
    is_demo boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deployment_mark UNIQUE (only_row, is_demo)
);

CREATE FUNCTION gateway.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;
CREATE TRIGGER deployment_is_written_once
BEFORE UPDATE OR DELETE ON gateway.deployment
FOR EACH ROW EXECUTE FUNCTION gateway.refuse_change();

-- The demo clock's offset. A real deployment can never have one: the foreign key asks for the demo mark.
CREATE TABLE gateway.demo_clock (
    only_row boolean DEFAULT true
        CONSTRAINT demo_clock_pkey PRIMARY KEY
        CONSTRAINT demo_clock_is_one_row CHECK (only_row),
    is_demo boolean NOT NULL DEFAULT true CONSTRAINT demo_clock_is_marked CHECK (is_demo),
    offset_seconds bigint NOT NULL CONSTRAINT demo_clock_runs_ahead CHECK (offset_seconds >= 0),
    CONSTRAINT demo_clock_only_on_demo FOREIGN KEY (only_row, is_demo) REFERENCES gateway.deployment (only_row, is_demo)
);

-- The gateway's calendar as the database knows it: its own clock, moved forward by the demo offset.
CREATE FUNCTION gateway.calendar_now() RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT now() + make_interval(secs => coalesce((SELECT offset_seconds FROM gateway.demo_clock), 0))
$$;
REVOKE ALL ON FUNCTION gateway.calendar_now() FROM PUBLIC;

GRANT SELECT ON gateway.deployment, gateway.demo_clock TO gw_intake, gw_queue, gw_tenant;
GRANT INSERT, UPDATE ON gateway.demo_clock TO gw_queue;

CREATE TABLE gateway.tenant (
    tenant_id uuid CONSTRAINT tenant_pkey PRIMARY KEY,
    stable_key text NOT NULL
        CONSTRAINT tenant_is_known_once UNIQUE
        CONSTRAINT tenant_stable_key_length CHECK (length(stable_key) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL,
    -- When everything of the tenant was deleted and certified; null again once it is back.
    erased_at timestamptz
);
SELECT gateway.isolate('gateway.tenant');
ALTER POLICY one_tenant ON gateway.tenant TO gw_tenant, gw_verify;
-- The queue has to know which tenants exist; a tenant row says nothing about a person.
CREATE POLICY every_tenant ON gateway.tenant FOR SELECT TO gw_queue USING (true);
CREATE POLICY owner_finds_and_makes ON gateway.tenant TO gw_owner USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON gateway.tenant TO gw_tenant;
GRANT UPDATE (erased_at) ON gateway.tenant TO gw_tenant;
GRANT SELECT ON gateway.tenant TO gw_queue, gw_verify;

-- The platform: what belongs to no tenant yet, or to all of them, hangs on this row. It is never a product database's tenant.
INSERT INTO gateway.tenant (tenant_id, stable_key, created_at)
VALUES ('00000000-0000-0000-0000-000000000000', '(platform)', now());

-- The tenant that a verified credential names. A site that has installed our app is a tenant from its first word on.
CREATE FUNCTION gateway.tenant_for_intake(wanted_key text, new_tenant_id uuid, at timestamptz) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found uuid;
BEGIN
    SELECT tenant_id INTO found FROM gateway.tenant WHERE stable_key = wanted_key;
    IF found IS NULL THEN
        INSERT INTO gateway.tenant (tenant_id, stable_key, created_at) VALUES (new_tenant_id, wanted_key, at)
        ON CONFLICT (stable_key) DO NOTHING;
        SELECT tenant_id INTO found FROM gateway.tenant WHERE stable_key = wanted_key;
    END IF;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION gateway.tenant_for_intake(text, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.tenant_for_intake(text, uuid, timestamptz) TO gw_intake;

-- What speaks for or against a living installation, by source time, so that the order of arrival does not matter.
CREATE TABLE gateway.tenant_evidence (
    tenant_id uuid NOT NULL CONSTRAINT tenant_evidence_has_tenant REFERENCES gateway.tenant (tenant_id),
    evidence_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT tenant_evidence_kind_known CHECK (kind IN (
        'installed', 'upgraded', 'enabled', 'heartbeat', 'uninstalling', 'uninstalled', 'disabled', 'probe_refused',
        'probe_gone', 'probe_alive', 'silence')),
    -- A bare id, where the source names the installation.
    installation text
        CONSTRAINT tenant_evidence_installation_is_an_id CHECK (installation ~ '^[A-Za-z0-9._:-]{1,128}$'),
    -- Source time, never later than the arrival; it alone decides the order.
    source_at timestamptz NOT NULL,
    -- Arrival bounds how far back a deadline may be counted.
    arrived_at timestamptz NOT NULL,
    event_id uuid,
    CONSTRAINT tenant_evidence_pkey PRIMARY KEY (tenant_id, evidence_id)
);
-- A repetition adds nothing.
CREATE UNIQUE INDEX tenant_evidence_once
    ON gateway.tenant_evidence (tenant_id, kind, source_at, installation) NULLS NOT DISTINCT WHERE kind <> 'heartbeat';
-- Signs of life come every hour: only the latest is kept.
CREATE UNIQUE INDEX tenant_evidence_one_heartbeat ON gateway.tenant_evidence (tenant_id) WHERE kind = 'heartbeat';

SELECT gateway.isolate('gateway.tenant_evidence');
CREATE POLICY owner_finds_the_silent ON gateway.tenant_evidence FOR SELECT TO gw_owner USING (true);
GRANT SELECT, INSERT, UPDATE ON gateway.tenant_evidence TO gw_tenant;
