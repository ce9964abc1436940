-- Privacy requests, and the timeline of those that an offboarding has opened.

-- A request without a subject is about the tenant itself.
CREATE TABLE gateway.privacy_request (
    tenant_id uuid NOT NULL,
    request_id uuid NOT NULL,
    subject_id uuid,
    -- GDPR's word for the right that is exercised.
    right_word text NOT NULL CONSTRAINT privacy_request_right_known CHECK (right_word IN ('erasure')),
    -- Where it came from: a lifecycle signal, by way of an offboarding.
    origin text NOT NULL CONSTRAINT privacy_request_origin_known CHECK (origin IN ('offboarding')),
    -- Null for a request that silence and probes have opened.
    origin_event_id uuid,
    state text NOT NULL CONSTRAINT privacy_request_state_known CHECK (state IN (
        'open', 'cancelled', 'fenced', 'executed', 'verification_failed', 'verified', 'key_destroyed', 'completed')),
    -- The tenant's request whose fence has ended this one about a person.
    superseded_by uuid,
    opened_at timestamptz NOT NULL,
    cancelled_at timestamptz,
    fenced_at timestamptz,
    executed_at timestamptz,
    verified_at timestamptz,
    key_destroyed_at timestamptz,
    completed_at timestamptz,
    verification jsonb,
    CONSTRAINT privacy_request_pkey PRIMARY KEY (tenant_id, request_id),
    CONSTRAINT privacy_request_has_subject FOREIGN KEY (tenant_id, subject_id)
        REFERENCES gateway.data_subject (tenant_id, subject_id),
    CONSTRAINT privacy_request_of_a_person_has_an_event CHECK (subject_id IS NULL OR origin_event_id IS NOT NULL),
    CONSTRAINT privacy_request_superseded CHECK (
        superseded_by IS NULL OR (state = 'cancelled' AND subject_id IS NOT NULL AND superseded_by <> request_id)),
    -- The state and its times agree. A request that the tenant's own has superseded ends as cancelled wherever it stood
    -- before it was verified.
    CONSTRAINT privacy_request_cancelled CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL)),
    CONSTRAINT privacy_request_fenced CHECK (
        superseded_by IS NOT NULL OR (state IN ('open', 'cancelled')) = (fenced_at IS NULL)),
    CONSTRAINT privacy_request_executed CHECK (
        superseded_by IS NOT NULL OR (state IN ('open', 'cancelled', 'fenced')) = (executed_at IS NULL)),
    CONSTRAINT privacy_request_verified CHECK (
        (state IN ('verified', 'key_destroyed', 'completed')) = (verified_at IS NOT NULL)),
    CONSTRAINT privacy_request_key_destroyed CHECK (
        (state IN ('key_destroyed', 'completed')) = (key_destroyed_at IS NOT NULL)),
    CONSTRAINT privacy_request_completed CHECK ((state = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT privacy_request_has_verification CHECK (
        state NOT IN ('verification_failed', 'verified', 'key_destroyed', 'completed') OR verification IS NOT NULL)
);
-- One living request of a kind at a time, for a person and for the tenant.
CREATE UNIQUE INDEX privacy_request_one_living ON gateway.privacy_request (tenant_id, subject_id, right_word)
    WHERE state <> 'cancelled' AND state <> 'completed';
CREATE UNIQUE INDEX privacy_request_one_living_of_tenant ON gateway.privacy_request (tenant_id, right_word)
    WHERE subject_id IS NULL AND state <> 'cancelled' AND state <> 'completed';
CREATE INDEX privacy_request_of_tenant ON gateway.privacy_request (tenant_id, opened_at) WHERE subject_id IS NULL;

CREATE TABLE gateway.offboarding (
    tenant_id uuid NOT NULL,
    offboarding_id uuid NOT NULL,
    request_id uuid NOT NULL,
    subject_id uuid,
    -- Source time the deadlines count from, and source time of the latest departure (which the fence will cover).
    anchor_at timestamptz NOT NULL,
    latest_departure_at timestamptz NOT NULL,
    access_off_due_at timestamptz NOT NULL,
    mark_due_at timestamptz NOT NULL,
    purge_start_at timestamptz NOT NULL,
    purge_due_at timestamptz NOT NULL,
    access_off_at timestamptz,
    marked_at timestamptz,
    -- When all accounts that the tenant's people have at their identity providers were noted. The first row of the tenant is
    -- deleted in the product database only after that.
    accounts_collected_at timestamptz,
    CONSTRAINT offboarding_pkey PRIMARY KEY (tenant_id, offboarding_id),
    CONSTRAINT offboarding_once_for_a_request UNIQUE (tenant_id, request_id),
    CONSTRAINT offboarding_has_request FOREIGN KEY (tenant_id, request_id)
        REFERENCES gateway.privacy_request (tenant_id, request_id),
    CONSTRAINT offboarding_has_subject FOREIGN KEY (tenant_id, subject_id)
        REFERENCES gateway.data_subject (tenant_id, subject_id),
    CONSTRAINT offboarding_deadlines_in_order CHECK (
        access_off_due_at <= mark_due_at AND mark_due_at <= purge_start_at AND purge_start_at < purge_due_at)
);

SELECT gateway.isolate('gateway.privacy_request');
SELECT gateway.isolate('gateway.offboarding');
GRANT SELECT, INSERT, UPDATE ON gateway.privacy_request, gateway.offboarding TO gw_tenant;
