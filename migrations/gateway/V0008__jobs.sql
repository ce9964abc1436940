-- Queued work: ids only. `run_at` is calendar time; leases use the database's own time.

CREATE TABLE gateway.job (
    tenant_id uuid NOT NULL CONSTRAINT job_has_tenant REFERENCES gateway.tenant (tenant_id),
    job_id uuid NOT NULL,
    kind text NOT NULL
        CONSTRAINT job_kind_known CHECK (kind IN ('access_off', 'access_on', 'mark', 'deletion', 'call_back')),
    request_id uuid NOT NULL,
    -- pending: the worker takes it when run_at has come. held: a person has to look (`jobs retry`). dead: attempts used up.
    state text NOT NULL
        CONSTRAINT job_state_known CHECK (state IN ('pending', 'held', 'completed', 'cancelled', 'dead')),
    run_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    -- The attempt number is the fencing token, here and in every product database.
    attempt integer NOT NULL DEFAULT 0,
    -- Attempts that failed for a reason that time alone does not mend.
    failures integer NOT NULL DEFAULT 0,
    -- Attempts that crashed: their worker died and the lease expired, or it panicked.
    lost_attempts integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    failure_reason text CONSTRAINT job_failure_reason_length CHECK (length(failure_reason) <= 300),
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT job_pkey PRIMARY KEY (tenant_id, job_id),
    CONSTRAINT job_has_request FOREIGN KEY (tenant_id, request_id)
        REFERENCES gateway.privacy_request (tenant_id, request_id),
    CONSTRAINT job_living_has_no_end CHECK ((state IN ('completed', 'cancelled', 'dead')) = (finished_at IS NOT NULL)),
    CONSTRAINT job_only_pending_has_lease CHECK (state = 'pending' OR lease_until IS NULL),
    CONSTRAINT job_stuck_has_reason CHECK (state NOT IN ('held', 'dead') OR failure_reason IS NOT NULL)
);
CREATE INDEX job_pending ON gateway.job (not_before) WHERE state = 'pending';
CREATE UNIQUE INDEX job_one_living ON gateway.job (tenant_id, request_id, kind) WHERE state IN ('pending', 'held');
-- What the sweep counts every minute.
CREATE INDEX job_stuck ON gateway.job (state) WHERE state IN ('held', 'dead');

SELECT gateway.isolate('gateway.job');
CREATE POLICY queue_claims ON gateway.job TO gw_queue USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON gateway.job TO gw_tenant;
GRANT SELECT ON gateway.job TO gw_queue;
GRANT UPDATE (attempt, failures, lost_attempts, lease_until, not_before, state, failure_reason, finished_at)
    ON gateway.job TO gw_queue;
