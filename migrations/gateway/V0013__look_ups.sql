-- What operators look up without knowing the tenant: whose a request, a run, a job or a receipt is, and one page of a list over all
-- tenants. Both tell ids and times and nothing else; what a row says is then read in a transaction of its own tenant.

-- Keys begin with the tenant, so an id alone needs an index of its own. Each costs about 40 bytes a row and one more entry for
-- each insert and for each update that moves a state. A request has ten such moments in ninety days, a run seven, a job three, so
-- nobody waits for them; the inbox gets no index here.
CREATE INDEX privacy_request_by_id ON gateway.privacy_request (request_id);
CREATE INDEX run_by_id ON gateway.run (run_id);
CREATE INDEX job_by_id ON gateway.job (job_id);
CREATE INDEX receipt_by_id ON gateway.receipt (receipt_id);
-- Pages of lists, newest first. Without these every page would sort the whole table.
CREATE INDEX privacy_request_by_time ON gateway.privacy_request (opened_at, request_id);
CREATE INDEX job_by_time ON gateway.job (created_at, job_id);

CREATE POLICY owner_finds_the_tenant ON gateway.privacy_request FOR SELECT TO gw_owner USING (true);
CREATE POLICY owner_finds_the_tenant ON gateway.run FOR SELECT TO gw_owner USING (true);
CREATE POLICY owner_finds_the_tenant ON gateway.job FOR SELECT TO gw_owner USING (true);
CREATE POLICY owner_finds_the_tenant ON gateway.receipt FOR SELECT TO gw_owner USING (true);

-- The tenant of an id of this kind; null when there is none. A kind that is not known is an error.
CREATE FUNCTION gateway.tenant_of(wanted_kind text, wanted_id uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found uuid;
BEGIN
    CASE wanted_kind
        WHEN 'request' THEN
            SELECT tenant_id INTO found FROM gateway.privacy_request WHERE request_id = wanted_id;
        WHEN 'run' THEN
            SELECT tenant_id INTO found FROM gateway.run WHERE run_id = wanted_id;
        WHEN 'job' THEN
            SELECT tenant_id INTO found FROM gateway.job WHERE job_id = wanted_id;
        WHEN 'receipt' THEN
            SELECT tenant_id INTO found FROM gateway.receipt WHERE receipt_id = wanted_id;
        ELSE
            RAISE EXCEPTION 'nothing of this kind is looked up' USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION gateway.tenant_of(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.tenant_of(text, uuid) TO gw_queue;

-- One page of requests, newest first: those after the place that the page before ended at, or the first. A filter that is
-- null asks nothing. The place is compared without a case of its own for the first page, so that the index bounds every one.
CREATE FUNCTION gateway.page_of_requests(
    of_tenant uuid, of_subject uuid, in_state text, after_time timestamptz, after_id uuid, most bigint
)
RETURNS TABLE (tenant_id uuid, request_id uuid, opened_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.tenant_id, r.request_id, r.opened_at
    FROM gateway.privacy_request r
    WHERE (of_tenant IS NULL OR r.tenant_id = of_tenant)
        AND (of_subject IS NULL OR r.subject_id = of_subject)
        AND (in_state IS NULL OR r.state = in_state)
        AND (r.opened_at, r.request_id)
            < (coalesce(after_time, 'infinity'), coalesce(after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
    ORDER BY r.opened_at DESC, r.request_id DESC
    LIMIT most
$$;
REVOKE ALL ON FUNCTION gateway.page_of_requests(uuid, uuid, text, timestamptz, uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.page_of_requests(uuid, uuid, text, timestamptz, uuid, bigint) TO gw_queue;
