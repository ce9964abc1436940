-- Queued work: ids only. `run_at` is calendar time; leases use the database's own time.

CREATE TABLE gateway.job (
    tenant_id uuid NOT NULL CONSTRAINT job_has_tenant REFERENCES gateway.tenant (tenant_id),
    job_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT job_kind_known CHECK (kind IN (
        'revoke_access', 'restore_access', 'flag_for_deletion', 'erasure', 'provider_calls')),
    -- What it works for; of the tenant itself nothing more is said.
    belongs_to text NOT NULL
        CONSTRAINT job_owner_known CHECK (belongs_to IN ('run', 'request', 'tenant', 'rule')),
    run_id uuid,
    request_id uuid,
    rule_word text CONSTRAINT job_rule_is_a_word CHECK (rule_word ~ '^[a-z0-9_.-]{1,64}$'),
    -- pending: the worker takes it when run_at has come. parked: a person has to look (`jobs retry`).
    state text NOT NULL
        CONSTRAINT job_state_known CHECK (state IN ('pending', 'parked', 'completed', 'cancelled')),
    run_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    -- The attempt number is the fencing token, here and in every product database.
    attempt integer NOT NULL DEFAULT 0,
    -- Attempts that failed for a reason that time alone does not mend.
    failures integer NOT NULL DEFAULT 0,
    -- Attempts that crashed: their worker died and the lease expired, or it panicked.
    lost_attempts integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    -- Why it is parked, as a word.
    parked_code text CONSTRAINT job_parked_code_is_a_word CHECK (parked_code ~ '^[a-z_]{1,60}$'),
    failure_reason text CONSTRAINT job_failure_reason_length CHECK (length(failure_reason) <= 300),
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT job_pkey PRIMARY KEY (tenant_id, job_id),
    CONSTRAINT job_has_request FOREIGN KEY (tenant_id, request_id)
        REFERENCES gateway.privacy_request (tenant_id, request_id),
    CONSTRAINT job_has_run FOREIGN KEY (tenant_id, run_id) REFERENCES gateway.run (tenant_id, run_id),
    CONSTRAINT job_belongs_to_a_run CHECK ((belongs_to = 'run') = (run_id IS NOT NULL)),
    CONSTRAINT job_belongs_to_a_request CHECK ((belongs_to = 'request') = (request_id IS NOT NULL)),
    CONSTRAINT job_belongs_to_a_rule CHECK ((belongs_to = 'rule') = (rule_word IS NOT NULL)),
    CONSTRAINT job_living_has_no_end CHECK ((state IN ('completed', 'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT job_only_pending_has_lease CHECK (state = 'pending' OR lease_until IS NULL),
    CONSTRAINT job_parked_has_code CHECK ((state = 'parked') = (parked_code IS NOT NULL)),
    CONSTRAINT job_parked_has_reason CHECK (state <> 'parked' OR failure_reason IS NOT NULL)
);
CREATE INDEX job_pending ON gateway.job (not_before) WHERE state = 'pending';
CREATE UNIQUE INDEX job_one_living ON gateway.job (tenant_id, request_id, kind, run_id, rule_word) NULLS NOT DISTINCT
    WHERE state IN ('pending', 'parked');
-- What the sweep counts every minute.
CREATE INDEX job_parked ON gateway.job (tenant_id) WHERE state = 'parked';

SELECT gateway.isolate('gateway.job');
CREATE POLICY queue_claims ON gateway.job TO gw_queue USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON gateway.job TO gw_tenant;
GRANT SELECT ON gateway.job TO gw_queue;
GRANT UPDATE (attempt, failures, lost_attempts, lease_until, not_before, state, parked_code, failure_reason,
        finished_at)
    ON gateway.job TO gw_queue;
