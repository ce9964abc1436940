-- Queued work: ids only. `run_at` is calendar time; leases use the database's own time.

CREATE TABLE gateway.job (
    tenant_id uuid NOT NULL REFERENCES gateway.tenant (tenant_id),
    job_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('access_off', 'access_on', 'mark', 'deletion')),
    request_id uuid NOT NULL,
    -- pending: the worker takes it when run_at has come. held: a person has to look (`jobs retry`). dead: attempts used up.
    state text NOT NULL CHECK (state IN ('pending', 'held', 'completed', 'cancelled', 'dead')),
    run_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    -- The attempt number is the fencing token, here and in every product database.
    attempt integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    failure_reason text CHECK (length(failure_reason) <= 300),
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, job_id),
    FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request (tenant_id, request_id),
    CHECK ((state IN ('completed', 'cancelled', 'dead')) = (finished_at IS NOT NULL)),
    CHECK (state = 'pending' OR lease_until IS NULL),
    CHECK (state NOT IN ('held', 'dead') OR failure_reason IS NOT NULL)
);
CREATE INDEX job_pending ON gateway.job (not_before) WHERE state = 'pending';
CREATE UNIQUE INDEX job_one_living ON gateway.job (tenant_id, request_id, kind) WHERE state IN ('pending', 'held');

ALTER TABLE gateway.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.job FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON gateway.job TO gw_tenant
USING (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid))
WITH CHECK (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid));
CREATE POLICY queue_claims ON gateway.job TO gw_queue USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON gateway.job TO gw_tenant;
GRANT SELECT ON gateway.job TO gw_queue;
GRANT UPDATE (attempt, failures, lease_until, not_before, state, failure_reason, finished_at) ON gateway.job TO gw_queue;
