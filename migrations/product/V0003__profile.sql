-- What the source of an account said of it last: by its times an older word never overwrites a newer one. It names nobody
-- (keyed digests) and goes with the mirror of the person's fence.
CREATE TABLE milestone_gateway.profile (
    tenant_key text NOT NULL,
    identity_kind text NOT NULL,
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    -- When each was said, in source time; null: never.
    display_name_at timestamptz,
    email_at timestamptz,
    active_at timestamptz,
    -- While the account is deactivated: the instant that the gateway sets for it, so that only this is taken back.
    deactivated_at timestamptz,
    PRIMARY KEY (tenant_key, identity_kind, digest_key_id, digest)
);

-- What everybody's access was taken away with when the whole customer left, so that a single person's access can change
-- meanwhile and nobody is let in, or kept out, by that.
CREATE TABLE milestone_gateway.leaving (
    tenant_key text NOT NULL,
    restricted_at timestamptz NOT NULL,
    -- The customer has come back.
    is_over boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_key, restricted_at)
);

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['profile', 'leaving']
    LOOP
        EXECUTE format('ALTER TABLE milestone_gateway.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE milestone_gateway.%I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON milestone_gateway.%I '
            'USING (tenant_key = (SELECT milestone_gateway.current_tenant_key())) '
            'WITH CHECK (tenant_key = (SELECT milestone_gateway.current_tenant_key()))',
            table_name);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON milestone_gateway.profile, milestone_gateway.leaving TO gw_tenant;
