-- Offboarding of a whole customer: what is known of its installation, and requests and fences that are about nobody in
-- particular but about everything of the tenant.

-- When everything of the tenant was deleted and certified; null again once it is back.
ALTER TABLE gateway.tenant ADD COLUMN purged_at timestamptz;
GRANT UPDATE (purged_at) ON gateway.tenant TO gw_tenant;

-- What speaks for or against a living installation, by source time, so that the order of arrival does not matter.
CREATE TABLE gateway.tenant_evidence (
    tenant_id uuid NOT NULL REFERENCES gateway.tenant (tenant_id),
    evidence_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('installed', 'upgraded', 'enabled', 'heartbeat', 'uninstalling', 'uninstalled',
                                       'disabled', 'probe_refused', 'probe_gone', 'probe_alive', 'silence')),
    -- A bare id, where the source names the installation.
    installation text CHECK (installation ~ '^[A-Za-z0-9._:-]{1,128}$'),
    -- Source time, never later than the arrival; it alone decides the order.
    source_at timestamptz NOT NULL,
    -- Arrival bounds how far back a deadline may be counted.
    arrived_at timestamptz NOT NULL,
    event_id uuid,
    PRIMARY KEY (tenant_id, evidence_id)
);
-- A repetition adds nothing.
CREATE UNIQUE INDEX tenant_evidence_once
    ON gateway.tenant_evidence (tenant_id, kind, source_at, installation) NULLS NOT DISTINCT WHERE kind <> 'heartbeat';
-- Signs of life come every hour: only the latest is kept.
CREATE UNIQUE INDEX tenant_evidence_one_heartbeat ON gateway.tenant_evidence (tenant_id) WHERE kind = 'heartbeat';

ALTER TABLE gateway.tenant_evidence ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.tenant_evidence FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON gateway.tenant_evidence TO gw_tenant
USING (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid))
WITH CHECK (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid));
GRANT SELECT, INSERT, UPDATE ON gateway.tenant_evidence TO gw_tenant;

-- A request without a subject is about the tenant itself. One that silence and probes have opened comes from no event.
ALTER TABLE gateway.privacy_request
    ALTER COLUMN subject_id DROP NOT NULL,
    ALTER COLUMN origin_event_id DROP NOT NULL,
    -- The tenant's request whose fence has ended this one about a person.
    ADD COLUMN superseded_by uuid,
    ADD CONSTRAINT privacy_request_of_a_person_has_an_event CHECK (subject_id IS NULL OR origin_event_id IS NOT NULL),
    ADD CONSTRAINT privacy_request_superseded CHECK (
        superseded_by IS NULL OR (state = 'cancelled' AND subject_id IS NOT NULL AND superseded_by <> request_id));
-- A person's request that the purge of the whole tenant overtakes ends as cancelled wherever it stood before it was verified.
DO $$
DECLARE
    old record;
    replaced integer := 0;
BEGIN
    FOR old IN
        SELECT conname
        FROM pg_constraint
        WHERE conrelid = 'gateway.privacy_request'::regclass
            AND contype = 'c'
            AND (pg_get_constraintdef(oid) LIKE '%(fenced_at IS NULL)%' OR pg_get_constraintdef(oid) LIKE '%(executed_at IS NULL)%')
    LOOP
        EXECUTE format('ALTER TABLE gateway.privacy_request DROP CONSTRAINT %I', old.conname);
        replaced := replaced + 1;
    END LOOP;
    IF replaced <> 2 THEN
        RAISE EXCEPTION 'privacy_request has % constraints of fence and execution instead of 2', replaced;
    END IF;
END
$$;
ALTER TABLE gateway.privacy_request
    ADD CONSTRAINT privacy_request_fenced CHECK (
        superseded_by IS NOT NULL OR (state IN ('open', 'cancelled')) = (fenced_at IS NULL)),
    ADD CONSTRAINT privacy_request_executed CHECK (
        superseded_by IS NOT NULL OR (state IN ('open', 'cancelled', 'fenced')) = (executed_at IS NULL));

-- One living request for the tenant at a time.
CREATE UNIQUE INDEX privacy_request_one_living_of_tenant ON gateway.privacy_request (tenant_id, right_word)
    WHERE subject_id IS NULL AND state <> 'cancelled' AND state <> 'completed';
CREATE INDEX privacy_request_of_tenant ON gateway.privacy_request (tenant_id, opened_at) WHERE subject_id IS NULL;

ALTER TABLE gateway.offboarding ALTER COLUMN subject_id DROP NOT NULL;

-- A tenant's fence covers everything of it: keyed digests of the tenant's key, and no subject.
ALTER TABLE gateway.fence
    ALTER COLUMN subject_id DROP NOT NULL,
    ADD CONSTRAINT fence_of_a_tenant_has_no_subject CHECK ((subject_id IS NULL) = (identity_kind = 'tenant'));

-- The credentials of the tenant's own sources go with it.
GRANT DELETE ON gateway.source_credential TO gw_tenant;
