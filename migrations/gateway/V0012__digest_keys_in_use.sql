-- Which digest keys living rows are found by. A key ring without one of them would silently find nobody: an erased person
-- would come back, and a person who asks would not be known. The start asks this across all tenants.

CREATE POLICY owner_reads_digest_keys ON gateway.identity FOR SELECT TO gw_owner USING (true);
CREATE POLICY owner_reads_digest_keys ON gateway.fence FOR SELECT TO gw_owner USING (true);

-- Identities live until their person is erased, fences until they expire.
CREATE FUNCTION gateway.digest_keys_in_use() RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT digest_key_id FROM gateway.identity
    UNION
    SELECT digest_key_id FROM gateway.fence WHERE expires_at > gateway.calendar_now()
$$;
REVOKE ALL ON FUNCTION gateway.digest_keys_in_use() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.digest_keys_in_use() TO gw_queue;
