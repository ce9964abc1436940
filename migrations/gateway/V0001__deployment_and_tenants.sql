-- The gateway's own schema is owned by gw_owner and used by the least role that can do the work (see docs/architecture.md).
-- `bootstrap` has made the schema and the roles; this file is run by gw_owner.

-- One row: what this database is. The demo mark can be set only when the row is made.
CREATE TABLE gateway.deployment (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    is_demo boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
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

-- The demo clock's offset. A real deployment can never have one: the foreign key below asks for the demo mark.
CREATE TABLE gateway.demo_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    is_demo boolean NOT NULL DEFAULT true CHECK (is_demo),
    offset_seconds bigint NOT NULL CHECK (offset_seconds >= 0)
);
ALTER TABLE gateway.deployment ADD CONSTRAINT deployment_mark UNIQUE (only_row, is_demo);
ALTER TABLE gateway.demo_clock
    ADD CONSTRAINT demo_clock_only_on_demo FOREIGN KEY (only_row, is_demo)
    REFERENCES gateway.deployment (only_row, is_demo);

-- The gateway's calendar as the database knows it: its own clock, moved forward by the demo offset.
CREATE FUNCTION gateway.calendar_now() RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT now() + make_interval(secs => coalesce((SELECT offset_seconds FROM gateway.demo_clock), 0))
$$;
REVOKE ALL ON FUNCTION gateway.calendar_now() FROM PUBLIC;

CREATE TABLE gateway.tenant (
    tenant_id uuid PRIMARY KEY,
    stable_key text NOT NULL UNIQUE CHECK (length(stable_key) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL
);
ALTER TABLE gateway.tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.tenant FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON gateway.tenant TO gw_tenant, gw_verify
USING (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid))
WITH CHECK (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid));
-- The queue has to know which tenants exist; a tenant row says nothing about a person.
CREATE POLICY every_tenant ON gateway.tenant FOR SELECT TO gw_queue USING (true);

GRANT SELECT ON gateway.deployment, gateway.demo_clock TO gw_intake, gw_queue, gw_tenant;
GRANT INSERT, UPDATE ON gateway.demo_clock TO gw_queue;
GRANT SELECT, INSERT ON gateway.tenant TO gw_tenant;
GRANT SELECT ON gateway.tenant TO gw_queue, gw_verify;
