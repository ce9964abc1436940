-- Privacy requests: exercises of a right, of a person or about a whole tenant; and the timeline of those that a departure has
-- opened.

CREATE TABLE gateway.privacy_request (
    tenant_id uuid NOT NULL,
    request_id uuid NOT NULL,
    -- GDPR's word for the right that is exercised.
    right_word text NOT NULL CONSTRAINT privacy_request_right_known CHECK (right_word IN (
        'access', 'rectification', 'erasure', 'restriction', 'portability', 'objection')),
    -- A request about the tenant itself has no subject.
    scope text NOT NULL CONSTRAINT privacy_request_scope_known CHECK (scope IN ('person', 'tenant')),
    subject_id uuid,
    -- Where it came from: a sender's signal, an operator of the gateway, the person, the controller.
    origin text NOT NULL CONSTRAINT privacy_request_origin_known CHECK (origin IN (
        'signal', 'operator', 'subject', 'controller')),
    -- Who has opened it, in the audit's words.
    actor text NOT NULL CONSTRAINT privacy_request_actor_is_a_word CHECK (actor ~ '^[a-z0-9_.:-]{1,64}$'),
    -- Null for a request that silence and probes have opened.
    origin_event_id uuid,
    -- received, awaiting_identity, awaiting_approval: somebody has to decide. scheduled: its jobs wait for their day, and it can
    -- still be stopped. running: a run carries it out, and nothing stops it but the tenant's own erasure. All others: ended.
    state text NOT NULL CONSTRAINT privacy_request_state_known CHECK (state IN (
        'received', 'awaiting_identity', 'awaiting_approval', 'scheduled', 'running',
        'completed', 'refused', 'withdrawn', 'cancelled', 'superseded')),
    received_at timestamptz NOT NULL,
    -- What the revocation of access writes into the product, so that whoever restores access knows whose mark it is: no two
    -- requests that write into the same rows have the same instant. Else it is `received_at`.
    opened_at timestamptz NOT NULL,
    acknowledge_due_at timestamptz,
    acknowledged_at timestamptz,
    due_at timestamptz NOT NULL,
    extended_until timestamptz,
    extension_reason text CONSTRAINT privacy_request_extension_reason_is_a_word
        CHECK (extension_reason ~ '^[a-z_]{1,60}$'),
    refused_code text CONSTRAINT privacy_request_refused_code_is_a_word CHECK (refused_code ~ '^[a-z_]{1,60}$'),
    -- The tenant's request whose fence has ended this one about a person.
    superseded_by uuid,
    ended_at timestamptz,
    CONSTRAINT privacy_request_pkey PRIMARY KEY (tenant_id, request_id),
    CONSTRAINT privacy_request_has_subject FOREIGN KEY (tenant_id, subject_id)
        REFERENCES gateway.data_subject (tenant_id, subject_id),
    CONSTRAINT privacy_request_of_a_person_names_them CHECK ((scope = 'person') = (subject_id IS NOT NULL)),
    CONSTRAINT privacy_request_signal_about_a_person_has_an_event CHECK (
        origin <> 'signal' OR scope = 'tenant' OR origin_event_id IS NOT NULL),
    CONSTRAINT privacy_request_acknowledged_was_due CHECK (acknowledged_at IS NULL OR acknowledge_due_at IS NOT NULL),
    CONSTRAINT privacy_request_extension_has_a_reason CHECK ((extended_until IS NULL) = (extension_reason IS NULL)),
    CONSTRAINT privacy_request_extension_is_later CHECK (extended_until > due_at),
    -- The state, its times and its reasons agree.
    CONSTRAINT privacy_request_ended CHECK (
        (state IN ('completed', 'refused', 'withdrawn', 'cancelled', 'superseded')) = (ended_at IS NOT NULL)),
    CONSTRAINT privacy_request_refused CHECK ((state = 'refused') = (refused_code IS NOT NULL)),
    CONSTRAINT privacy_request_superseded CHECK ((state = 'superseded') = (superseded_by IS NOT NULL)),
    CONSTRAINT privacy_request_superseded_is_a_persons CHECK (
        superseded_by IS NULL OR (scope = 'person' AND superseded_by <> request_id)),
    CONSTRAINT privacy_request_superseded_by_a_request FOREIGN KEY (tenant_id, superseded_by)
        REFERENCES gateway.privacy_request (tenant_id, request_id)
);
-- One living request of a kind at a time, for a person and for the tenant.
CREATE UNIQUE INDEX privacy_request_one_living ON gateway.privacy_request (tenant_id, subject_id, right_word)
    WHERE ended_at IS NULL;
CREATE UNIQUE INDEX privacy_request_one_living_of_tenant ON gateway.privacy_request (tenant_id, right_word)
    WHERE scope = 'tenant' AND ended_at IS NULL;
CREATE INDEX privacy_request_of_tenant ON gateway.privacy_request (tenant_id, opened_at) WHERE scope = 'tenant';

-- The timeline of a request that a departure has opened.
CREATE TABLE gateway.offboarding (
    tenant_id uuid NOT NULL,
    offboarding_id uuid NOT NULL,
    request_id uuid NOT NULL,
    -- Source time the deadlines count from, and source time of the latest departure (which the fence will cover).
    anchor_at timestamptz NOT NULL,
    latest_departure_at timestamptz NOT NULL,
    revoke_access_due_at timestamptz NOT NULL,
    flag_due_at timestamptz NOT NULL,
    erasure_start_at timestamptz NOT NULL,
    erasure_due_at timestamptz NOT NULL,
    access_revoked_at timestamptz,
    flagged_at timestamptz,
    -- When all accounts that the tenant's people have at their identity providers were noted. The first row of the tenant is
    -- deleted in the product database only after that.
    accounts_collected_at timestamptz,
    CONSTRAINT offboarding_pkey PRIMARY KEY (tenant_id, offboarding_id),
    CONSTRAINT offboarding_once_for_a_request UNIQUE (tenant_id, request_id),
    CONSTRAINT offboarding_has_request FOREIGN KEY (tenant_id, request_id)
        REFERENCES gateway.privacy_request (tenant_id, request_id),
    CONSTRAINT offboarding_deadlines_in_order CHECK (
        revoke_access_due_at <= flag_due_at AND flag_due_at <= erasure_start_at AND erasure_start_at < erasure_due_at)
);

SELECT gateway.isolate('gateway.privacy_request');
SELECT gateway.isolate('gateway.offboarding');
GRANT SELECT, INSERT, UPDATE ON gateway.privacy_request, gateway.offboarding TO gw_tenant;
