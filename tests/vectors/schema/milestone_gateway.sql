-- What the migrations make, as the catalog tells it. Not to be run and not to be edited: tests/behaviour/catalog/kept_schema.rs
-- compares it with a migrated database and says how it is written anew.

SCHEMA milestone_gateway: USAGE TO gw_tenant
SCHEMA milestone_gateway: USAGE TO gw_verify

TABLE milestone_gateway.fence ROW SECURITY FORCED
    tenant_key text NOT NULL
    identity_kind text NOT NULL
    digest_key_id integer NOT NULL
    digest bytea NOT NULL
    generation integer NOT NULL
    covers_until timestamp with time zone NOT NULL
    expires_at timestamp with time zone NOT NULL
    returned_at timestamp with time zone
    CONSTRAINT fence_pkey PRIMARY KEY (tenant_key, identity_kind, digest_key_id, digest, generation)
    CONSTRAINT fence_digest_length CHECK ((octet_length(digest) = 32))
    CONSTRAINT fence_generation_positive CHECK ((generation > 0))
    CONSTRAINT fence_return_is_later CHECK ((returned_at > covers_until))
    POLICY one_tenant FOR ALL TO PUBLIC USING ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key))) WITH CHECK ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key)))
    GRANT DELETE, INSERT, SELECT, UPDATE TO gw_tenant
    GRANT SELECT TO gw_verify

TABLE milestone_gateway.job_token ROW SECURITY FORCED
    tenant_key text NOT NULL
    job_id uuid NOT NULL
    token bigint NOT NULL
    CONSTRAINT job_token_pkey PRIMARY KEY (tenant_key, job_id)
    POLICY one_tenant FOR ALL TO PUBLIC USING ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key))) WITH CHECK ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key)))
    GRANT INSERT, SELECT, UPDATE TO gw_tenant

TABLE milestone_gateway.leaving ROW SECURITY FORCED
    tenant_key text NOT NULL
    restricted_at timestamp with time zone NOT NULL
    is_over boolean NOT NULL DEFAULT false
    CONSTRAINT leaving_pkey PRIMARY KEY (tenant_key, restricted_at)
    POLICY one_tenant FOR ALL TO PUBLIC USING ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key))) WITH CHECK ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key)))
    GRANT DELETE, INSERT, SELECT, UPDATE TO gw_tenant

TABLE milestone_gateway.marker ROW SECURITY FORCED
    tenant_key text NOT NULL
    job_id uuid NOT NULL
    step_number integer NOT NULL
    batch_number integer NOT NULL
    token bigint NOT NULL
    row_count bigint NOT NULL
    is_last boolean NOT NULL
    committed_at timestamp with time zone NOT NULL DEFAULT now()
    CONSTRAINT marker_pkey PRIMARY KEY (tenant_key, job_id, step_number, batch_number)
    CONSTRAINT marker_batch_positive CHECK ((batch_number > 0))
    CONSTRAINT marker_row_count_not_negative CHECK ((row_count >= 0))
    CONSTRAINT marker_step_positive CHECK ((step_number > 0))
    POLICY one_tenant FOR ALL TO PUBLIC USING ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key))) WITH CHECK ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key)))
    GRANT DELETE, INSERT, SELECT TO gw_tenant

TABLE milestone_gateway.profile ROW SECURITY FORCED
    tenant_key text NOT NULL
    identity_kind text NOT NULL
    digest_key_id integer NOT NULL
    digest bytea NOT NULL
    display_name_at timestamp with time zone
    email_at timestamp with time zone
    active_at timestamp with time zone
    deactivated_at timestamp with time zone
    CONSTRAINT profile_pkey PRIMARY KEY (tenant_key, identity_kind, digest_key_id, digest)
    CONSTRAINT profile_digest_length CHECK ((octet_length(digest) = 32))
    POLICY one_tenant FOR ALL TO PUBLIC USING ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key))) WITH CHECK ((tenant_key = ( SELECT milestone_gateway.current_tenant_key() AS current_tenant_key)))
    GRANT DELETE, INSERT, SELECT, UPDATE TO gw_tenant

FUNCTION milestone_gateway.current_tenant_key() RETURNS text STABLE search_path=pg_catalog, pg_temp BODY 0a12c9785f45edb61d01db1e0c5d0583
    GRANT EXECUTE TO PUBLIC

FUNCTION milestone_gateway.isolate(isolated regclass) RETURNS void VOLATILE search_path=pg_catalog, pg_temp BODY 9fc8f5125da6ba86241db53d7ca9015b
