-- Drops events and audit entries of whole months before the bound, which is never younger than twelve months by the
-- database's own time, whoever asks. A month with a pending event stays. The chain's links stay too: they hold hashes, and
-- what is left of the chain is verified from them. Returns how many partitions went.
CREATE FUNCTION gateway.drop_history_before(bound date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part record;
    is_needed boolean;
    dropped integer := 0;
    last_bound date := least(bound, (now() AT TIME ZONE 'UTC' - interval '12 months')::date);
    first_kept timestamptz := date_trunc('month', last_bound::timestamp) AT TIME ZONE 'UTC';
BEGIN
    PERFORM pg_advisory_xact_lock(7310579001);
    FOR part IN
        SELECT child.relname, parent.relname AS parent
        FROM pg_inherits i
        JOIN pg_class child ON child.oid = i.inhrelid
        JOIN pg_class parent ON parent.oid = i.inhparent
        JOIN pg_namespace n ON n.oid = parent.relnamespace
        WHERE n.nspname = 'gateway'
            AND parent.relname IN ('event', 'audit_entry')
            AND child.relname ~ '_[0-9]{6}$'
            AND to_date(right(child.relname, 6), 'YYYYMM')::timestamp AT TIME ZONE 'UTC' < first_kept
    LOOP
        is_needed := false;
        IF part.parent = 'event' THEN
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM gateway.%I WHERE state = ''pending'')', part.relname)
                INTO is_needed;
        END IF;
        IF NOT is_needed THEN
            EXECUTE format('DROP TABLE gateway.%I', part.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    DELETE FROM gateway.event_default WHERE received_at < first_kept AND state = 'done';
    DELETE FROM gateway.audit_entry_default WHERE at < first_kept;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION gateway.drop_history_before(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.drop_history_before(date) TO gw_queue;
