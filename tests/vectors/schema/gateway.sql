-- What the migrations make, as the catalog tells it. Not to be run and not to be edited: tests/behaviour/catalog/kept_schema.rs
-- compares it with a migrated database and says how it is written anew.

SCHEMA gateway: USAGE TO gw_intake
SCHEMA gateway: USAGE TO gw_queue
SCHEMA gateway: USAGE TO gw_tenant
SCHEMA gateway: USAGE TO gw_verify

TABLE gateway.audit_entry PARTITION BY RANGE (at) ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    at timestamp with time zone NOT NULL
    audit_id uuid NOT NULL
    actor text NOT NULL
    action text NOT NULL
    entry text NOT NULL
    hash bytea NOT NULL
    CONSTRAINT audit_entry_pkey PRIMARY KEY (tenant_id, at, audit_id)
    CONSTRAINT audit_entry_action_is_a_word CHECK ((action ~ '^[a-z0-9_.]{1,64}$'::text))
    CONSTRAINT audit_entry_actor_is_a_word CHECK ((actor ~ '^[a-z0-9_.:-]{1,64}$'::text))
    CONSTRAINT audit_entry_hash_length CHECK ((octet_length(hash) = 32))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT INSERT, SELECT TO gw_tenant

PARTITION gateway.audit_entry_default OF gateway.audit_entry DEFAULT
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0

TABLE gateway.audit_link ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    place bigint NOT NULL
    audit_id uuid NOT NULL
    audit_at timestamp with time zone NOT NULL
    chain_hash bytea NOT NULL
    CONSTRAINT audit_link_pkey PRIMARY KEY (tenant_id, place)
    CONSTRAINT audit_link_once_for_an_entry UNIQUE (tenant_id, audit_id)
    CONSTRAINT audit_link_hash_length CHECK ((octet_length(chain_hash) = 32))
    CONSTRAINT audit_link_place_positive CHECK ((place > 0))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT INSERT, SELECT TO gw_tenant

TABLE gateway.body_key
    purpose text NOT NULL
    body_day date NOT NULL
    master_id integer NOT NULL
    wrapped bytea STATISTICS 0
    created_at timestamp with time zone NOT NULL DEFAULT now()
    destroyed_at timestamp with time zone
    CONSTRAINT body_key_pkey PRIMARY KEY (purpose, body_day)
    CONSTRAINT body_key_purpose_known CHECK ((purpose = ANY (ARRAY['delivery'::text, 'dead_letter'::text])))
    CONSTRAINT body_key_there_or_destroyed CHECK (((wrapped IS NULL) = (destroyed_at IS NOT NULL)))
    CREATE TRIGGER body_key_can_only_be_destroyed BEFORE UPDATE ON gateway.body_key FOR EACH ROW WHEN (((new.wrapped IS NOT NULL) OR (old.wrapped IS NULL))) EXECUTE FUNCTION gateway.refuse_exchange()
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0
    GRANT INSERT, SELECT TO gw_intake
    GRANT INSERT, SELECT TO gw_tenant
    GRANT SELECT TO gw_queue
    GRANT UPDATE (destroyed_at, wrapped) TO gw_queue

TABLE gateway.data_subject ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    subject_id uuid NOT NULL
    kind text NOT NULL
    generation integer NOT NULL
    created_at timestamp with time zone NOT NULL
    refreshed_at timestamp with time zone
    erased_at timestamp with time zone
    CONSTRAINT data_subject_pkey PRIMARY KEY (tenant_id, subject_id)
    CONSTRAINT data_subject_has_tenant FOREIGN KEY (tenant_id) REFERENCES gateway.tenant(tenant_id)
    CONSTRAINT data_subject_generation_positive CHECK ((generation > 0))
    CONSTRAINT data_subject_kind_is_a_word CHECK ((kind ~ '^[a-z][a-z0-9_]{0,39}$'::text))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.dead_letter_body PARTITION BY RANGE (body_day) ROW SECURITY FORCED
    source_id uuid NOT NULL
    body_day date NOT NULL
    event_id uuid NOT NULL
    tenant_id uuid NOT NULL
    sealed bytea NOT NULL STATISTICS 0 STORAGE e
    CONSTRAINT dead_letter_body_pkey PRIMARY KEY (source_id, body_day, event_id)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT INSERT, SELECT TO gw_tenant

PARTITION gateway.dead_letter_body_default OF gateway.dead_letter_body DEFAULT
    sealed bytea NOT NULL STATISTICS 0 STORAGE e
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0

TABLE gateway.demo_clock
    only_row boolean NOT NULL DEFAULT true
    is_demo boolean NOT NULL DEFAULT true
    offset_seconds bigint NOT NULL
    CONSTRAINT demo_clock_pkey PRIMARY KEY (only_row)
    CONSTRAINT demo_clock_only_on_demo FOREIGN KEY (only_row, is_demo) REFERENCES gateway.deployment(only_row, is_demo)
    CONSTRAINT demo_clock_is_marked CHECK (is_demo)
    CONSTRAINT demo_clock_is_one_row CHECK (only_row)
    CONSTRAINT demo_clock_runs_ahead CHECK ((offset_seconds >= 0))
    GRANT INSERT, SELECT, UPDATE TO gw_queue
    GRANT SELECT TO gw_intake
    GRANT SELECT TO gw_tenant

TABLE gateway.deployment
    only_row boolean NOT NULL DEFAULT true
    is_demo boolean NOT NULL
    created_at timestamp with time zone NOT NULL DEFAULT now()
    CONSTRAINT deployment_pkey PRIMARY KEY (only_row)
    CONSTRAINT deployment_mark UNIQUE (only_row, is_demo)
    CONSTRAINT deployment_is_one_row CHECK (only_row)
    CREATE TRIGGER deployment_is_written_once BEFORE DELETE OR UPDATE ON gateway.deployment FOR EACH ROW EXECUTE FUNCTION gateway.refuse_change()
    GRANT SELECT TO gw_intake
    GRANT SELECT TO gw_queue
    GRANT SELECT TO gw_tenant

TABLE gateway.event PARTITION BY RANGE (received_at) ROW SECURITY FORCED
    source_id uuid NOT NULL
    received_at timestamp with time zone NOT NULL
    event_id uuid NOT NULL
    tenant_id uuid NOT NULL
    body_bytes integer NOT NULL
    body_event_id uuid NOT NULL
    body_day date NOT NULL
    replay_of uuid
    original_received_at timestamp with time zone NOT NULL
    type_word text
    state text NOT NULL DEFAULT 'pending'::text
    outcome text
    outcome_reason text
    finished_at timestamp with time zone
    attempt integer NOT NULL DEFAULT 0
    failures integer NOT NULL DEFAULT 0
    lost_attempts integer NOT NULL DEFAULT 0
    lease_until timestamp with time zone
    not_before timestamp with time zone NOT NULL
    CONSTRAINT event_pkey PRIMARY KEY (source_id, received_at, event_id)
    CONSTRAINT event_body_bytes_not_negative CHECK ((body_bytes >= 0))
    CONSTRAINT event_done_has_end CHECK (((state = 'done'::text) = (finished_at IS NOT NULL)))
    CONSTRAINT event_done_has_no_lease CHECK (((state = 'pending'::text) OR (lease_until IS NULL)))
    CONSTRAINT event_done_has_outcome CHECK (((state = 'done'::text) = (outcome IS NOT NULL)))
    CONSTRAINT event_outcome_has_reason CHECK (((outcome IS NULL) = (outcome_reason IS NULL)))
    CONSTRAINT event_outcome_known CHECK ((outcome = ANY (ARRAY['applied'::text, 'ignored'::text, 'dead_lettered'::text])))
    CONSTRAINT event_outcome_reason_length CHECK ((length(outcome_reason) <= 200))
    CONSTRAINT event_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text])))
    CONSTRAINT event_type_is_a_word CHECK ((type_word ~ '^[a-z_]{1,40}$'::text))
    CREATE INDEX event_by_id ON ONLY gateway.event USING btree (event_id)
    CREATE INDEX event_by_tenant ON ONLY gateway.event USING btree (tenant_id, received_at)
    CREATE INDEX event_pending ON ONLY gateway.event USING btree (received_at) WHERE (state = 'pending'::text)
    POLICY intake_inserts FOR INSERT TO gw_intake WITH CHECK (true)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY queue_claims FOR ALL TO gw_queue USING (true) WITH CHECK (true)
    GRANT INSERT TO gw_intake
    GRANT INSERT, SELECT, UPDATE TO gw_tenant
    GRANT SELECT TO gw_queue
    GRANT UPDATE (attempt, failures, lease_until, lost_attempts, not_before) TO gw_queue

TABLE gateway.event_body PARTITION BY RANGE (body_day) ROW SECURITY FORCED
    source_id uuid NOT NULL
    body_day date NOT NULL
    event_id uuid NOT NULL
    tenant_id uuid NOT NULL
    sealed bytea NOT NULL STATISTICS 0 STORAGE e
    CONSTRAINT event_body_pkey PRIMARY KEY (source_id, body_day, event_id)
    POLICY intake_inserts FOR INSERT TO gw_intake WITH CHECK (true)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT INSERT TO gw_intake
    GRANT SELECT TO gw_tenant

PARTITION gateway.event_body_default OF gateway.event_body DEFAULT
    sealed bytea NOT NULL STATISTICS 0 STORAGE e
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0

PARTITION gateway.event_default OF gateway.event DEFAULT
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0

TABLE gateway.event_key
    source_id uuid NOT NULL
    key_digest bytea NOT NULL
    digest_key_id integer NOT NULL
    event_id uuid NOT NULL
    body_digest bytea NOT NULL
    first_seen_at timestamp with time zone NOT NULL
    last_seen_at timestamp with time zone NOT NULL
    duplicate_count integer NOT NULL DEFAULT 0
    conflict_count integer NOT NULL DEFAULT 0
    CONSTRAINT event_key_pkey PRIMARY KEY (source_id, key_digest)
    CONSTRAINT event_key_has_source FOREIGN KEY (source_id) REFERENCES gateway.source(source_id)
    CONSTRAINT event_key_body_digest_length CHECK ((octet_length(body_digest) = 32))
    CONSTRAINT event_key_digest_length CHECK ((octet_length(key_digest) = 32))
    CREATE INDEX event_key_by_age ON gateway.event_key USING btree (last_seen_at)
    GRANT DELETE, SELECT TO gw_queue
    GRANT INSERT, SELECT TO gw_intake
    GRANT UPDATE (conflict_count, duplicate_count, last_seen_at) TO gw_intake

TABLE gateway.fence ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    fence_id uuid NOT NULL
    subject_id uuid
    run_id uuid NOT NULL
    request_id uuid NOT NULL
    identity_kind text NOT NULL
    issuer text NOT NULL
    digest_key_id integer NOT NULL
    digest bytea NOT NULL STATISTICS 0
    generation integer NOT NULL
    covers_until timestamp with time zone NOT NULL
    committed_at timestamp with time zone NOT NULL
    expires_at timestamp with time zone NOT NULL
    returned_at timestamp with time zone
    CONSTRAINT fence_pkey PRIMARY KEY (tenant_id, fence_id)
    CONSTRAINT fence_once_for_a_generation UNIQUE (tenant_id, identity_kind, digest_key_id, digest, generation)
    CONSTRAINT fence_has_run FOREIGN KEY (tenant_id, run_id) REFERENCES gateway.run(tenant_id, run_id)
    CONSTRAINT fence_has_tenant FOREIGN KEY (tenant_id) REFERENCES gateway.tenant(tenant_id)
    CONSTRAINT fence_digest_length CHECK ((octet_length(digest) = 32))
    CONSTRAINT fence_expires_later CHECK ((expires_at > committed_at))
    CONSTRAINT fence_generation_positive CHECK ((generation > 0))
    CONSTRAINT fence_of_a_tenant_has_no_subject CHECK (((subject_id IS NULL) = (identity_kind = 'tenant'::text)))
    CONSTRAINT fence_return_is_later CHECK (((returned_at IS NULL) OR (returned_at > covers_until)))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_reads_digest_keys FOR SELECT TO gw_owner USING (true)
    GRANT DELETE, INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.identity ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    identity_id uuid NOT NULL
    subject_id uuid NOT NULL
    kind text NOT NULL
    issuer text NOT NULL
    is_anchor boolean NOT NULL
    norm_version smallint NOT NULL
    digest_key_id integer NOT NULL
    digest bytea NOT NULL STATISTICS 0
    sealed bytea NOT NULL STATISTICS 0
    report_due_at timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone
    CONSTRAINT identity_pkey PRIMARY KEY (tenant_id, identity_id)
    CONSTRAINT identity_once_for_a_subject UNIQUE (tenant_id, subject_id, kind, digest_key_id, digest)
    CONSTRAINT identity_has_subject FOREIGN KEY (tenant_id, subject_id) REFERENCES gateway.data_subject(tenant_id, subject_id)
    CONSTRAINT identity_digest_length CHECK ((octet_length(digest) = 32))
    CREATE INDEX identity_by_digest ON gateway.identity USING btree (tenant_id, digest)
    CREATE INDEX identity_report_due ON gateway.identity USING btree (report_due_at) WHERE (is_anchor AND (kind = 'atlassian_account_id'::text))
    CREATE UNIQUE INDEX identity_anchor_once ON gateway.identity USING btree (tenant_id, kind, issuer, norm_version, digest_key_id, digest) WHERE is_anchor
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_reads_digest_keys FOR SELECT TO gw_owner USING (true)
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0
    GRANT DELETE, INSERT, SELECT TO gw_tenant
    GRANT UPDATE (report_due_at) TO gw_tenant

TABLE gateway.installation_watch ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    next_at timestamp with time zone NOT NULL
    CONSTRAINT installation_watch_pkey PRIMARY KEY (tenant_id)
    CONSTRAINT installation_watch_has_tenant FOREIGN KEY (tenant_id) REFERENCES gateway.tenant(tenant_id)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_finds_the_silent FOR SELECT TO gw_owner USING (true)
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.job ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    job_id uuid NOT NULL
    kind text NOT NULL
    belongs_to text NOT NULL
    run_id uuid
    request_id uuid
    rule_word text
    state text NOT NULL
    run_at timestamp with time zone NOT NULL
    not_before timestamp with time zone NOT NULL
    attempt integer NOT NULL DEFAULT 0
    failures integer NOT NULL DEFAULT 0
    lost_attempts integer NOT NULL DEFAULT 0
    lease_until timestamp with time zone
    parked_code text
    failure_reason text
    created_at timestamp with time zone NOT NULL
    finished_at timestamp with time zone
    CONSTRAINT job_pkey PRIMARY KEY (tenant_id, job_id)
    CONSTRAINT job_has_request FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request(tenant_id, request_id)
    CONSTRAINT job_has_run FOREIGN KEY (tenant_id, run_id) REFERENCES gateway.run(tenant_id, run_id)
    CONSTRAINT job_has_tenant FOREIGN KEY (tenant_id) REFERENCES gateway.tenant(tenant_id)
    CONSTRAINT job_belongs_to_a_request CHECK (((belongs_to = 'request'::text) = (request_id IS NOT NULL)))
    CONSTRAINT job_belongs_to_a_rule CHECK (((belongs_to = 'rule'::text) = (rule_word IS NOT NULL)))
    CONSTRAINT job_belongs_to_a_run CHECK (((belongs_to = 'run'::text) = (run_id IS NOT NULL)))
    CONSTRAINT job_failure_reason_length CHECK ((length(failure_reason) <= 300))
    CONSTRAINT job_kind_known CHECK ((kind = ANY (ARRAY['revoke_access'::text, 'restore_access'::text, 'flag_for_deletion'::text, 'erasure'::text, 'provider_calls'::text])))
    CONSTRAINT job_living_has_no_end CHECK (((state = ANY (ARRAY['completed'::text, 'cancelled'::text])) = (finished_at IS NOT NULL)))
    CONSTRAINT job_only_pending_has_lease CHECK (((state = 'pending'::text) OR (lease_until IS NULL)))
    CONSTRAINT job_owner_known CHECK ((belongs_to = ANY (ARRAY['run'::text, 'request'::text, 'tenant'::text, 'rule'::text])))
    CONSTRAINT job_parked_code_is_a_word CHECK ((parked_code ~ '^[a-z_]{1,60}$'::text))
    CONSTRAINT job_parked_has_code CHECK (((state = 'parked'::text) = (parked_code IS NOT NULL)))
    CONSTRAINT job_parked_has_reason CHECK (((state <> 'parked'::text) OR (failure_reason IS NOT NULL)))
    CONSTRAINT job_rule_is_a_word CHECK ((rule_word ~ '^[a-z0-9_.-]{1,64}$'::text))
    CONSTRAINT job_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'parked'::text, 'completed'::text, 'cancelled'::text])))
    CREATE INDEX job_by_id ON gateway.job USING btree (job_id)
    CREATE INDEX job_by_time ON gateway.job USING btree (created_at, job_id)
    CREATE INDEX job_parked ON gateway.job USING btree (tenant_id) WHERE (state = 'parked'::text)
    CREATE INDEX job_pending ON gateway.job USING btree (not_before) WHERE (state = 'pending'::text)
    CREATE UNIQUE INDEX job_one_living ON gateway.job USING btree (tenant_id, request_id, kind, run_id, rule_word) NULLS NOT DISTINCT WHERE (state = ANY (ARRAY['pending'::text, 'parked'::text]))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_finds_the_tenant FOR SELECT TO gw_owner USING (true)
    POLICY queue_claims FOR ALL TO gw_queue USING (true) WITH CHECK (true)
    GRANT INSERT, SELECT, UPDATE TO gw_tenant
    GRANT SELECT TO gw_queue
    GRANT UPDATE (attempt, failure_reason, failures, finished_at, lease_until, lost_attempts, not_before, parked_code, state) TO gw_queue

TABLE gateway.key_check
    purpose text NOT NULL
    key_id integer NOT NULL
    check_value bytea NOT NULL
    created_at timestamp with time zone NOT NULL DEFAULT now()
    CONSTRAINT key_check_pkey PRIMARY KEY (purpose, key_id)
    CONSTRAINT key_check_purpose_known CHECK ((purpose = ANY (ARRAY['master'::text, 'digest'::text])))
    CONSTRAINT key_check_value_length CHECK ((octet_length(check_value) = 32))
    GRANT INSERT, SELECT TO gw_queue

TABLE gateway.minimized_event ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    event_id uuid NOT NULL
    subject_id uuid NOT NULL
    sealed bytea NOT NULL STATISTICS 0
    CONSTRAINT minimized_event_pkey PRIMARY KEY (tenant_id, event_id, subject_id)
    CONSTRAINT minimized_event_has_subject FOREIGN KEY (tenant_id, subject_id) REFERENCES gateway.data_subject(tenant_id, subject_id)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0
    GRANT DELETE, INSERT, SELECT TO gw_tenant

TABLE gateway.offboarding ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    offboarding_id uuid NOT NULL
    request_id uuid NOT NULL
    anchor_at timestamp with time zone NOT NULL
    latest_departure_at timestamp with time zone NOT NULL
    revoke_access_due_at timestamp with time zone NOT NULL
    flag_due_at timestamp with time zone NOT NULL
    erasure_start_at timestamp with time zone NOT NULL
    erasure_due_at timestamp with time zone NOT NULL
    access_revoked_at timestamp with time zone
    flagged_at timestamp with time zone
    accounts_collected_at timestamp with time zone
    CONSTRAINT offboarding_pkey PRIMARY KEY (tenant_id, offboarding_id)
    CONSTRAINT offboarding_once_for_a_request UNIQUE (tenant_id, request_id)
    CONSTRAINT offboarding_has_request FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request(tenant_id, request_id)
    CONSTRAINT offboarding_deadlines_in_order CHECK (((revoke_access_due_at <= flag_due_at) AND (flag_due_at <= erasure_start_at) AND (erasure_start_at < erasure_due_at)))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.plan ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    plan_id uuid NOT NULL
    run_id uuid NOT NULL
    digest bytea NOT NULL
    plan jsonb NOT NULL
    created_at timestamp with time zone NOT NULL
    CONSTRAINT plan_pkey PRIMARY KEY (tenant_id, plan_id)
    CONSTRAINT plan_has_run FOREIGN KEY (tenant_id, run_id) REFERENCES gateway.run(tenant_id, run_id)
    CONSTRAINT plan_digest_length CHECK ((octet_length(digest) = 32))
    CREATE INDEX plan_of_run ON gateway.plan USING btree (tenant_id, run_id, created_at)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT INSERT, SELECT TO gw_tenant

TABLE gateway.poll_cursor
    source_id uuid NOT NULL
    holder text NOT NULL
    feed text NOT NULL
    since_ms bigint NOT NULL
    due_at timestamp with time zone NOT NULL
    held_back_until timestamp with time zone
    failures integer NOT NULL DEFAULT 0
    turn bigint NOT NULL DEFAULT 1
    lease_until timestamp with time zone
    CONSTRAINT poll_cursor_pkey PRIMARY KEY (source_id, holder, feed)
    CONSTRAINT poll_cursor_has_source FOREIGN KEY (source_id) REFERENCES gateway.source(source_id)
    CONSTRAINT poll_cursor_failures_not_negative CHECK ((failures >= 0))
    CONSTRAINT poll_cursor_feed_known CHECK ((feed = ANY (ARRAY['accounts'::text, 'worklogs_updated'::text, 'worklogs_deleted'::text])))
    CONSTRAINT poll_cursor_holder_length CHECK ((length(holder) <= 256))
    CONSTRAINT poll_cursor_since_not_negative CHECK ((since_ms >= 0))
    GRANT INSERT, SELECT, UPDATE TO gw_queue

TABLE gateway.privacy_request ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    request_id uuid NOT NULL
    right_word text NOT NULL
    scope text NOT NULL
    subject_id uuid
    origin text NOT NULL
    actor text NOT NULL
    origin_event_id uuid
    state text NOT NULL
    received_at timestamp with time zone NOT NULL
    opened_at timestamp with time zone NOT NULL
    acknowledge_due_at timestamp with time zone
    acknowledged_at timestamp with time zone
    due_at timestamp with time zone NOT NULL
    extended_until timestamp with time zone
    extension_reason text
    refused_code text
    superseded_by uuid
    ended_at timestamp with time zone
    CONSTRAINT privacy_request_pkey PRIMARY KEY (tenant_id, request_id)
    CONSTRAINT privacy_request_has_subject FOREIGN KEY (tenant_id, subject_id) REFERENCES gateway.data_subject(tenant_id, subject_id)
    CONSTRAINT privacy_request_superseded_by_a_request FOREIGN KEY (tenant_id, superseded_by) REFERENCES gateway.privacy_request(tenant_id, request_id)
    CONSTRAINT privacy_request_acknowledged_was_due CHECK (((acknowledged_at IS NULL) OR (acknowledge_due_at IS NOT NULL)))
    CONSTRAINT privacy_request_actor_is_a_word CHECK ((actor ~ '^[a-z0-9_.:-]{1,64}$'::text))
    CONSTRAINT privacy_request_ended CHECK (((state = ANY (ARRAY['completed'::text, 'refused'::text, 'withdrawn'::text, 'cancelled'::text, 'superseded'::text])) = (ended_at IS NOT NULL)))
    CONSTRAINT privacy_request_extension_has_a_reason CHECK (((extended_until IS NULL) = (extension_reason IS NULL)))
    CONSTRAINT privacy_request_extension_is_later CHECK ((extended_until > due_at))
    CONSTRAINT privacy_request_extension_reason_is_a_word CHECK ((extension_reason ~ '^[a-z_]{1,60}$'::text))
    CONSTRAINT privacy_request_of_a_person_names_them CHECK (((scope = 'person'::text) = (subject_id IS NOT NULL)))
    CONSTRAINT privacy_request_origin_known CHECK ((origin = ANY (ARRAY['signal'::text, 'operator'::text, 'subject'::text, 'controller'::text])))
    CONSTRAINT privacy_request_refused CHECK (((state = 'refused'::text) = (refused_code IS NOT NULL)))
    CONSTRAINT privacy_request_refused_code_is_a_word CHECK ((refused_code ~ '^[a-z_]{1,60}$'::text))
    CONSTRAINT privacy_request_right_known CHECK ((right_word = ANY (ARRAY['access'::text, 'rectification'::text, 'erasure'::text, 'restriction'::text, 'portability'::text, 'objection'::text])))
    CONSTRAINT privacy_request_scope_known CHECK ((scope = ANY (ARRAY['person'::text, 'tenant'::text])))
    CONSTRAINT privacy_request_signal_about_a_person_has_an_event CHECK (((origin <> 'signal'::text) OR (scope = 'tenant'::text) OR (origin_event_id IS NOT NULL)))
    CONSTRAINT privacy_request_state_known CHECK ((state = ANY (ARRAY['received'::text, 'awaiting_identity'::text, 'awaiting_approval'::text, 'scheduled'::text, 'running'::text, 'completed'::text, 'refused'::text, 'withdrawn'::text, 'cancelled'::text, 'superseded'::text])))
    CONSTRAINT privacy_request_superseded CHECK (((state = 'superseded'::text) = (superseded_by IS NOT NULL)))
    CONSTRAINT privacy_request_superseded_is_a_persons CHECK (((superseded_by IS NULL) OR ((scope = 'person'::text) AND (superseded_by <> request_id))))
    CREATE INDEX privacy_request_by_id ON gateway.privacy_request USING btree (request_id)
    CREATE INDEX privacy_request_by_time ON gateway.privacy_request USING btree (opened_at, request_id)
    CREATE INDEX privacy_request_of_tenant ON gateway.privacy_request USING btree (tenant_id, opened_at) WHERE (scope = 'tenant'::text)
    CREATE UNIQUE INDEX privacy_request_one_living ON gateway.privacy_request USING btree (tenant_id, subject_id, right_word) WHERE (ended_at IS NULL)
    CREATE UNIQUE INDEX privacy_request_one_living_of_tenant ON gateway.privacy_request USING btree (tenant_id, right_word) WHERE ((scope = 'tenant'::text) AND (ended_at IS NULL))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_finds_the_tenant FOR SELECT TO gw_owner USING (true)
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.provider_call ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    call_id uuid NOT NULL
    request_id uuid NOT NULL
    kind text NOT NULL
    source_id uuid
    issuer text
    uid_digest bytea STATISTICS 0
    sealed bytea STATISTICS 0
    state text NOT NULL
    attempts integer NOT NULL DEFAULT 0
    created_at timestamp with time zone NOT NULL
    finished_at timestamp with time zone
    CONSTRAINT provider_call_pkey PRIMARY KEY (tenant_id, call_id)
    CONSTRAINT provider_call_once_for_a_request UNIQUE NULLS NOT DISTINCT (tenant_id, request_id, uid_digest, issuer, kind)
    CONSTRAINT provider_call_has_request FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request(tenant_id, request_id)
    CONSTRAINT provider_call_account_is_deleted CHECK (((uid_digest IS NULL) OR (kind = 'firebase_delete'::text)))
    CONSTRAINT provider_call_attempts_not_negative CHECK ((attempts >= 0))
    CONSTRAINT provider_call_digest_length CHECK ((octet_length(uid_digest) = 32))
    CONSTRAINT provider_call_kind_known CHECK ((kind = ANY (ARRAY['firebase_disable'::text, 'firebase_revoke'::text, 'firebase_delete'::text])))
    CONSTRAINT provider_call_of_a_person_has_no_account CHECK (((uid_digest IS NOT NULL) OR ((issuer IS NULL) AND (sealed IS NULL) AND (state <> 'ambiguous'::text))))
    CONSTRAINT provider_call_of_a_person_or_an_account CHECK (((source_id IS NULL) = (uid_digest IS NOT NULL)))
    CONSTRAINT provider_call_pending_has_no_end CHECK (((state = 'pending'::text) = (finished_at IS NULL)))
    CONSTRAINT provider_call_pending_keeps_the_uid CHECK (((uid_digest IS NULL) OR ((state = 'pending'::text) = (sealed IS NOT NULL))))
    CONSTRAINT provider_call_state_known CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'already_gone'::text, 'withdrawn'::text, 'shared'::text, 'ambiguous'::text, 'unreachable'::text])))
    CREATE INDEX provider_call_pending ON gateway.provider_call USING btree (tenant_id, request_id, attempts, call_id) WHERE (state = 'pending'::text)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0
    GRANT INSERT, SELECT TO gw_tenant
    GRANT UPDATE (attempts, finished_at, sealed, state) TO gw_tenant

TABLE gateway.provider_call_attempt ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    call_id uuid NOT NULL
    attempt integer NOT NULL
    began_at timestamp with time zone NOT NULL
    ended_at timestamp with time zone
    outcome text
    CONSTRAINT provider_call_attempt_pkey PRIMARY KEY (tenant_id, call_id, attempt)
    CONSTRAINT provider_call_attempt_has_call FOREIGN KEY (tenant_id, call_id) REFERENCES gateway.provider_call(tenant_id, call_id)
    CONSTRAINT provider_call_attempt_ended_has_outcome CHECK (((outcome IS NULL) = (ended_at IS NULL)))
    CONSTRAINT provider_call_attempt_outcome_is_a_word CHECK ((outcome ~ '^[a-z_0-9]{1,40}$'::text))
    CONSTRAINT provider_call_attempt_positive CHECK ((attempt > 0))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT INSERT, SELECT TO gw_tenant
    GRANT UPDATE (ended_at, outcome) TO gw_tenant

TABLE gateway.receipt ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    receipt_id uuid NOT NULL
    run_id uuid NOT NULL
    issued_at timestamp with time zone NOT NULL
    jws text NOT NULL
    CONSTRAINT receipt_pkey PRIMARY KEY (tenant_id, receipt_id)
    CONSTRAINT receipt_once_for_a_run UNIQUE (tenant_id, run_id)
    CONSTRAINT receipt_has_run FOREIGN KEY (tenant_id, run_id) REFERENCES gateway.run(tenant_id, run_id)
    CREATE INDEX receipt_by_id ON gateway.receipt USING btree (receipt_id)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_finds_the_tenant FOR SELECT TO gw_owner USING (true)
    GRANT INSERT, SELECT TO gw_tenant

TABLE gateway.rejection
    slot integer NOT NULL
    at timestamp with time zone NOT NULL
    source_name text NOT NULL
    source_kind text NOT NULL
    reason text NOT NULL
    reply text NOT NULL
    CONSTRAINT rejection_pkey PRIMARY KEY (slot)
    CONSTRAINT rejection_reason_is_a_word CHECK ((reason ~ '^[a-z_]{1,40}$'::text))
    CONSTRAINT rejection_reply_known CHECK ((reply = ANY (ARRAY['unauthorized'::text, 'unavailable'::text])))
    CONSTRAINT rejection_slot_in_the_ring CHECK (((slot >= 0) AND (slot <= 999)))
    GRANT DELETE, SELECT TO gw_queue
    GRANT INSERT, SELECT, UPDATE TO gw_intake

TABLE gateway.rejection_count
    day date NOT NULL
    source_name text NOT NULL
    source_kind text NOT NULL
    reason text NOT NULL
    refused bigint NOT NULL
    last_at timestamp with time zone NOT NULL
    CONSTRAINT rejection_count_pkey PRIMARY KEY (day, source_name, source_kind, reason)
    CONSTRAINT rejection_count_positive CHECK ((refused > 0))
    CONSTRAINT rejection_count_reason_is_a_word CHECK ((reason ~ '^[a-z_]{1,40}$'::text))
    GRANT DELETE, SELECT TO gw_queue
    GRANT INSERT, SELECT, UPDATE TO gw_intake

SEQUENCE gateway.rejection_turn
    GRANT USAGE TO gw_intake

TABLE gateway.reported_account
    digest_key_id integer NOT NULL
    digest bytea NOT NULL STATISTICS 0
    next_due_at timestamp with time zone NOT NULL
    claimed_until timestamp with time zone
    closed_at timestamp with time zone
    CONSTRAINT reported_account_pkey PRIMARY KEY (digest_key_id, digest)
    CONSTRAINT reported_account_digest_length CHECK ((octet_length(digest) = 32))
    CREATE INDEX reported_account_by_due ON gateway.reported_account USING btree (next_due_at)
    GRANT DELETE, INSERT, SELECT, UPDATE TO gw_queue

TABLE gateway.run ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    run_id uuid NOT NULL
    kind text NOT NULL
    request_id uuid
    rule_word text
    phase text NOT NULL
    planned_at timestamp with time zone NOT NULL
    fenced_at timestamp with time zone
    executed_at timestamp with time zone
    verified_at timestamp with time zone
    told_at timestamp with time zone
    key_destroyed_at timestamp with time zone
    certified_at timestamp with time zone
    verification jsonb
    verification_failed_at timestamp with time zone
    CONSTRAINT run_pkey PRIMARY KEY (tenant_id, run_id)
    CONSTRAINT run_has_request FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request(tenant_id, request_id)
    CONSTRAINT run_belongs_to_a_request_or_a_rule CHECK (((request_id IS NULL) <> (rule_word IS NULL)))
    CONSTRAINT run_certified CHECK (((kind <> 'erasure'::text) OR ((phase = 'certified'::text) = (certified_at IS NOT NULL))))
    CONSTRAINT run_executed CHECK (((kind <> 'erasure'::text) OR ((phase = ANY (ARRAY['planned'::text, 'fenced'::text])) = (executed_at IS NULL))))
    CONSTRAINT run_fenced CHECK (((kind <> 'erasure'::text) OR ((phase = 'planned'::text) = (fenced_at IS NULL))))
    CONSTRAINT run_key_destroyed CHECK (((kind <> 'erasure'::text) OR ((phase = ANY (ARRAY['key_destroyed'::text, 'certified'::text])) = (key_destroyed_at IS NOT NULL))))
    CONSTRAINT run_kind_known CHECK ((kind = ANY (ARRAY['erasure'::text, 'export'::text, 'minimization'::text])))
    CONSTRAINT run_phase_known CHECK ((phase = ANY (ARRAY['planned'::text, 'fenced'::text, 'executed'::text, 'verified'::text, 'told'::text, 'key_destroyed'::text, 'certified'::text])))
    CONSTRAINT run_rule_is_a_word CHECK ((rule_word ~ '^[a-z0-9_.-]{1,64}$'::text))
    CONSTRAINT run_times_in_order CHECK (((fenced_at >= planned_at) AND (executed_at >= fenced_at) AND (verified_at >= executed_at) AND (told_at >= verified_at) AND (key_destroyed_at >= told_at) AND (certified_at >= key_destroyed_at)))
    CONSTRAINT run_told CHECK (((kind <> 'erasure'::text) OR ((phase = ANY (ARRAY['told'::text, 'key_destroyed'::text, 'certified'::text])) = (told_at IS NOT NULL))))
    CONSTRAINT run_verification_failed CHECK (((verification_failed_at IS NULL) OR ((phase = 'executed'::text) AND (verification IS NOT NULL))))
    CONSTRAINT run_verified CHECK (((kind <> 'erasure'::text) OR ((phase = ANY (ARRAY['planned'::text, 'fenced'::text, 'executed'::text])) = (verified_at IS NULL))))
    CONSTRAINT run_verified_has_verification CHECK (((verified_at IS NULL) OR (verification IS NOT NULL)))
    CREATE INDEX run_by_id ON gateway.run USING btree (run_id)
    CREATE UNIQUE INDEX run_one_erasure_of_a_request ON gateway.run USING btree (tenant_id, request_id) WHERE (kind = 'erasure'::text)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_finds_the_tenant FOR SELECT TO gw_owner USING (true)
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.source ROW SECURITY FORCED
    source_id uuid NOT NULL
    name text NOT NULL
    kind text NOT NULL
    tenant_id uuid NOT NULL
    site_host text
    settings jsonb NOT NULL DEFAULT '{}'::jsonb
    replay_window_seconds integer
    expected_every_seconds integer
    created_at timestamp with time zone NOT NULL
    disabled_at timestamp with time zone
    CONSTRAINT source_pkey PRIMARY KEY (source_id)
    CONSTRAINT source_name_once UNIQUE (name)
    CONSTRAINT source_has_tenant FOREIGN KEY (tenant_id) REFERENCES gateway.tenant(tenant_id)
    CONSTRAINT source_expected_every_minute_or_less CHECK ((expected_every_seconds >= 60))
    CONSTRAINT source_kind_known CHECK ((kind = ANY (ARRAY['jira_admin'::text, 'forge'::text, 'connect'::text, 'google_pubsub'::text, 'google_events'::text, 'firebase_function'::text, 'atlassian_report'::text])))
    CONSTRAINT source_name_is_plain CHECK ((name ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text))
    CONSTRAINT source_replay_window_outlasts_retries CHECK ((replay_window_seconds >= 4500))
    CONSTRAINT source_settings_are_an_object CHECK ((jsonb_typeof(settings) = 'object'::text))
    CONSTRAINT source_site_host_is_lower_case CHECK ((site_host = lower(site_host)))
    POLICY names_for_the_queue FOR SELECT TO gw_queue USING (true)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_reads_for_the_look_up FOR SELECT TO gw_owner USING (true)
    GRANT INSERT, SELECT, UPDATE TO gw_tenant
    GRANT SELECT TO gw_queue

TABLE gateway.source_credential ROW SECURITY FORCED
    source_id uuid NOT NULL
    credential_id uuid NOT NULL
    purpose text NOT NULL DEFAULT 'verify'::text
    holder text NOT NULL DEFAULT ''::text
    master_id integer NOT NULL
    sealed bytea NOT NULL STATISTICS 0
    created_at timestamp with time zone NOT NULL
    valid_until timestamp with time zone
    CONSTRAINT source_credential_pkey PRIMARY KEY (source_id, credential_id)
    CONSTRAINT source_credential_has_source FOREIGN KEY (source_id) REFERENCES gateway.source(source_id)
    CONSTRAINT source_credential_holder_length CHECK ((length(holder) <= 256))
    CONSTRAINT source_credential_purpose_known CHECK ((purpose = ANY (ARRAY['verify'::text, 'provider'::text])))
    CREATE UNIQUE INDEX source_credential_one_current ON gateway.source_credential USING btree (source_id, purpose, holder) WHERE (valid_until IS NULL)
    POLICY own_sources FOR ALL TO gw_tenant USING ((EXISTS ( SELECT 1
   FROM gateway.source s
  WHERE (s.source_id = source_credential.source_id)))) WITH CHECK ((EXISTS ( SELECT 1
   FROM gateway.source s
  WHERE (s.source_id = source_credential.source_id))))
    POLICY owner_reads_for_the_look_up FOR SELECT TO gw_owner USING (true)
    GRANT DELETE, INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.source_holder ROW SECURITY FORCED
    source_id uuid NOT NULL
    holder text NOT NULL
    tenant_id uuid NOT NULL
    bound_at timestamp with time zone NOT NULL
    CONSTRAINT source_holder_pkey PRIMARY KEY (source_id, holder)
    CONSTRAINT source_holder_has_source FOREIGN KEY (source_id) REFERENCES gateway.source(source_id)
    CONSTRAINT source_holder_length CHECK (((length(holder) >= 1) AND (length(holder) <= 256)))
    POLICY names_for_the_queue FOR SELECT TO gw_queue USING (true)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT DELETE, INSERT, SELECT, UPDATE TO gw_tenant
    GRANT SELECT TO gw_queue

TABLE gateway.step ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    plan_id uuid NOT NULL
    step_number integer NOT NULL
    table_name text NOT NULL
    disposal text NOT NULL
    row_count bigint
    finished_at timestamp with time zone
    CONSTRAINT step_pkey PRIMARY KEY (tenant_id, plan_id, step_number)
    CONSTRAINT step_has_plan FOREIGN KEY (tenant_id, plan_id) REFERENCES gateway.plan(tenant_id, plan_id)
    CONSTRAINT step_counted_when_finished CHECK (((row_count IS NULL) = (finished_at IS NULL)))
    CONSTRAINT step_disposal_known CHECK ((disposal = ANY (ARRAY['delete'::text, 'rewrite'::text])))
    CONSTRAINT step_number_positive CHECK ((step_number > 0))
    CONSTRAINT step_row_count_not_negative CHECK ((row_count >= 0))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.subject_key ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    subject_id uuid NOT NULL
    epoch integer NOT NULL
    wrapped bytea STATISTICS 0
    created_at timestamp with time zone NOT NULL
    destroyed_at timestamp with time zone
    CONSTRAINT subject_key_pkey PRIMARY KEY (tenant_id, subject_id)
    CONSTRAINT subject_key_has_epoch FOREIGN KEY (tenant_id, epoch) REFERENCES gateway.tenant_key(tenant_id, epoch)
    CONSTRAINT subject_key_there_or_destroyed CHECK (((wrapped IS NULL) = (destroyed_at IS NOT NULL)))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.subject_signal ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    subject_id uuid NOT NULL
    signal text NOT NULL
    source_at timestamp with time zone NOT NULL
    arrived_at timestamp with time zone NOT NULL
    event_id uuid NOT NULL
    CONSTRAINT subject_signal_pkey PRIMARY KEY (tenant_id, subject_id, signal, source_at)
    CONSTRAINT subject_signal_has_subject FOREIGN KEY (tenant_id, subject_id) REFERENCES gateway.data_subject(tenant_id, subject_id)
    CONSTRAINT subject_signal_known CHECK ((signal = ANY (ARRAY['user_created'::text, 'user_updated'::text, 'user_deleted'::text, 'account_closed'::text])))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0
    GRANT DELETE, INSERT, SELECT TO gw_tenant

TABLE gateway.tenant ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    stable_key text NOT NULL
    created_at timestamp with time zone NOT NULL
    erased_at timestamp with time zone
    CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id)
    CONSTRAINT tenant_is_known_once UNIQUE (stable_key)
    CONSTRAINT tenant_stable_key_length CHECK (((length(stable_key) >= 1) AND (length(stable_key) <= 200)))
    POLICY every_tenant FOR SELECT TO gw_queue USING (true)
    POLICY one_tenant FOR ALL TO gw_tenant, gw_verify USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_finds_and_makes FOR ALL TO gw_owner USING (true) WITH CHECK (true)
    GRANT INSERT, SELECT TO gw_tenant
    GRANT SELECT TO gw_queue
    GRANT SELECT TO gw_verify
    GRANT UPDATE (erased_at) TO gw_tenant

TABLE gateway.tenant_evidence ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    evidence_id uuid NOT NULL
    kind text NOT NULL
    installation text
    source_at timestamp with time zone NOT NULL
    arrived_at timestamp with time zone NOT NULL
    event_id uuid
    CONSTRAINT tenant_evidence_pkey PRIMARY KEY (tenant_id, evidence_id)
    CONSTRAINT tenant_evidence_has_tenant FOREIGN KEY (tenant_id) REFERENCES gateway.tenant(tenant_id)
    CONSTRAINT tenant_evidence_installation_is_an_id CHECK ((installation ~ '^[A-Za-z0-9._:-]{1,128}$'::text))
    CONSTRAINT tenant_evidence_kind_known CHECK ((kind = ANY (ARRAY['installed'::text, 'upgraded'::text, 'enabled'::text, 'heartbeat'::text, 'uninstalling'::text, 'uninstalled'::text, 'disabled'::text, 'probe_refused'::text, 'probe_gone'::text, 'probe_alive'::text, 'silence'::text])))
    CREATE UNIQUE INDEX tenant_evidence_once ON gateway.tenant_evidence USING btree (tenant_id, kind, source_at, installation) NULLS NOT DISTINCT WHERE (kind <> 'heartbeat'::text)
    CREATE UNIQUE INDEX tenant_evidence_one_heartbeat ON gateway.tenant_evidence USING btree (tenant_id) WHERE (kind = 'heartbeat'::text)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    POLICY owner_finds_the_silent FOR SELECT TO gw_owner USING (true)
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.tenant_key ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    epoch integer NOT NULL
    master_id integer NOT NULL
    wrapped bytea STATISTICS 0
    created_at timestamp with time zone NOT NULL
    destroyed_at timestamp with time zone
    CONSTRAINT tenant_key_pkey PRIMARY KEY (tenant_id, epoch)
    CONSTRAINT tenant_key_has_tenant FOREIGN KEY (tenant_id) REFERENCES gateway.tenant(tenant_id)
    CONSTRAINT tenant_key_epoch_positive CHECK ((epoch > 0))
    CONSTRAINT tenant_key_there_or_destroyed CHECK (((wrapped IS NULL) = (destroyed_at IS NOT NULL)))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    SET autovacuum_enabled=true
    SET autovacuum_vacuum_scale_factor=0
    SET autovacuum_vacuum_threshold=0
    SET toast.autovacuum_enabled=true
    SET toast.autovacuum_vacuum_scale_factor=0
    SET toast.autovacuum_vacuum_threshold=0
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.token_use
    source_id uuid NOT NULL
    token_digest bytea NOT NULL STATISTICS 0
    expires_at timestamp with time zone NOT NULL
    CONSTRAINT token_use_pkey PRIMARY KEY (source_id, token_digest)
    CONSTRAINT token_use_has_source FOREIGN KEY (source_id) REFERENCES gateway.source(source_id)
    CONSTRAINT token_use_digest_length CHECK ((octet_length(token_digest) = 32))
    CREATE INDEX token_use_by_expiry ON gateway.token_use USING btree (expires_at)
    GRANT DELETE, SELECT TO gw_queue
    GRANT INSERT, SELECT TO gw_intake

TABLE gateway.tree_issue ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    issue_id text NOT NULL
    project_id text
    seen_at timestamp with time zone
    deleted_at timestamp with time zone
    may_have_removed_hours boolean NOT NULL DEFAULT false
    CONSTRAINT tree_issue_pkey PRIMARY KEY (tenant_id, issue_id)
    CONSTRAINT tree_issue_has_tenant FOREIGN KEY (tenant_id) REFERENCES gateway.tenant(tenant_id)
    CONSTRAINT tree_issue_id_is_a_number CHECK ((issue_id ~ '^[0-9]{1,20}$'::text))
    CONSTRAINT tree_issue_project_is_a_number CHECK ((project_id ~ '^[0-9]{1,20}$'::text))
    CONSTRAINT tree_issue_project_was_seen CHECK (((project_id IS NULL) = (seen_at IS NULL)))
    CREATE INDEX tree_issue_of_project ON gateway.tree_issue USING btree (tenant_id, project_id, issue_id) WHERE (project_id IS NOT NULL)
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT DELETE, INSERT, SELECT, UPDATE TO gw_tenant

TABLE gateway.tree_project ROW SECURITY FORCED
    tenant_id uuid NOT NULL
    project_id text NOT NULL
    deletions timestamp with time zone[] NOT NULL DEFAULT '{}'::timestamp with time zone[]
    restored_at timestamp with time zone
    CONSTRAINT tree_project_pkey PRIMARY KEY (tenant_id, project_id)
    CONSTRAINT tree_project_has_tenant FOREIGN KEY (tenant_id) REFERENCES gateway.tenant(tenant_id)
    CONSTRAINT tree_project_deletions_few CHECK ((cardinality(deletions) <= 16))
    CONSTRAINT tree_project_id_is_a_number CHECK ((project_id ~ '^[0-9]{1,20}$'::text))
    POLICY one_tenant FOR ALL TO gw_tenant USING ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('gateway.tenant_id'::text))::uuid AS current_setting)))
    GRANT DELETE, INSERT, SELECT, UPDATE TO gw_tenant

FUNCTION gateway.accounts_to_report(at timestamp with time zone, most bigint) RETURNS TABLE(tenant_id uuid, identity_id uuid) STABLE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY 3721586842b9fe3377569add8ca9db29
    GRANT EXECUTE TO gw_queue

FUNCTION gateway.calendar_now() RETURNS timestamp with time zone STABLE search_path=pg_catalog, pg_temp BODY 9194620c44b76ece9eeb3b063607f3b2

FUNCTION gateway.digest_keys_in_use() RETURNS SETOF integer STABLE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY 8cf9e779813449883d4fe685958ac80c
    GRANT EXECUTE TO gw_queue

FUNCTION gateway.drop_bodies_before(delivery_bound date, dead_letter_bound date) RETURNS integer VOLATILE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY 3e93030409888c79837656da932c9098
    GRANT EXECUTE TO gw_queue

FUNCTION gateway.drop_history_before(bound date) RETURNS integer VOLATILE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY 96d830656c62be48713f88c70e979277
    GRANT EXECUTE TO gw_queue

FUNCTION gateway.ensure_partitions(around date) RETURNS void VOLATILE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY cce9be73c0efeb15c63369272f53997b
    GRANT EXECUTE TO gw_intake
    GRANT EXECUTE TO gw_queue

FUNCTION gateway.isolate(isolated regclass) RETURNS void VOLATILE search_path=pg_catalog, pg_temp BODY dc3e575a871ef922eb62081b7bac47f8

FUNCTION gateway.make_partition(part text, parent text, from_bound text, to_bound text) RETURNS void VOLATILE search_path=pg_catalog, pg_temp BODY 965d8bcf829f60ed49325b907658e857

FUNCTION gateway.page_of_requests(of_tenant uuid, of_subject uuid, in_state text, after_time timestamp with time zone, after_id uuid, most bigint) RETURNS TABLE(tenant_id uuid, request_id uuid, opened_at timestamp with time zone) STABLE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY 09d6ba4fe5dc6b12570f3c3a4d282e4f
    GRANT EXECUTE TO gw_queue

FUNCTION gateway.refuse_change() RETURNS trigger VOLATILE search_path=pg_catalog, pg_temp BODY 12d423f24f77ea618d3b047eb4dd58ee
    GRANT EXECUTE TO PUBLIC

FUNCTION gateway.refuse_exchange() RETURNS trigger VOLATILE search_path=pg_catalog, pg_temp BODY 770897347f6c6c57641767c202f3e17c
    GRANT EXECUTE TO PUBLIC

FUNCTION gateway.silent_installations(silent_since timestamp with time zone, at timestamp with time zone, most bigint) RETURNS TABLE(tenant_id uuid, stable_key text) STABLE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY f6b94de9a610056f32e00f03220728b5
    GRANT EXECUTE TO gw_queue

FUNCTION gateway.source_for_intake(wanted text, wanted_holder text, at timestamp with time zone) RETURNS TABLE(source_id uuid, tenant_id uuid, kind text, site_host text, settings jsonb, replay_window_seconds integer, credential_id uuid, master_id integer, sealed bytea) STABLE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY 21e14edf9b485a5fb82747d8113a692a
    GRANT EXECUTE TO gw_intake

FUNCTION gateway.sources_to_poll(tokens_since timestamp with time zone) RETURNS TABLE(source_id uuid, holder text, name text, kind text, tenant_id uuid, site_host text, created_at timestamp with time zone, has_credentials boolean) STABLE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY ec1e054dff25965e94b8e271e698b584
    GRANT EXECUTE TO gw_queue

FUNCTION gateway.tenant_for_intake(wanted_key text, new_tenant_id uuid, at timestamp with time zone) RETURNS uuid VOLATILE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY db6d3e4a37322253fa1f0f642d1b0bfe
    GRANT EXECUTE TO gw_intake

FUNCTION gateway.tenant_of(wanted_kind text, wanted_id uuid) RETURNS uuid STABLE SECURITY DEFINER search_path=pg_catalog, pg_temp BODY 6d73541bdb1eac5f67ec54a6aa1925be
    GRANT EXECUTE TO gw_queue

FUNCTION gateway.vacuum_at_once(vacuumed regclass) RETURNS void VOLATILE search_path=pg_catalog, pg_temp BODY 4ca72d72c2d3a78e4cf611eac09f70bb
