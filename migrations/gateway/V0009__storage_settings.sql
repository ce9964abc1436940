-- A destroyed key or a removed identity is a dead tuple until vacuum has come by, and vacuum's usual threshold waits for
-- fifty dead tuples and a fifth of the table: in a small or quiet table that can be years. Receipts say when nothing can be
-- read any more (`physical_by`), so these tables are vacuumed as soon as there is anything dead in them.
DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY[
        'tenant_key', 'subject_key', 'body_key', 'identity', 'minimized_event', 'subject_signal',
        -- Rows that lie in a default partition are deleted one by one when their time is over; the others go with theirs.
        'event_body_default', 'dead_letter_body_default', 'event_default', 'audit_entry_default']
    LOOP
        EXECUTE format(
            'ALTER TABLE gateway.%I SET ('
            'autovacuum_enabled = true, autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0)',
            table_name);
        -- A long sealed value lies in the table's second store, which is vacuumed by settings of its own.
        IF EXISTS (SELECT 1 FROM pg_class WHERE oid = ('gateway.' || table_name)::regclass AND reltoastrelid <> 0) THEN
            EXECUTE format(
                'ALTER TABLE gateway.%I SET ('
                'toast.autovacuum_enabled = true, toast.autovacuum_vacuum_threshold = 0, '
                'toast.autovacuum_vacuum_scale_factor = 0)',
                table_name);
        END IF;
    END LOOP;
END
$$;
