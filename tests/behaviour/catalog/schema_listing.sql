-- Everything about the schema $1 that a migration decides, one line each, from the catalog alone. Partitions of a day or a
-- month and the tables of the migrations themselves are left out; a partition's columns and constraints are its parent's.
WITH relation AS (
    SELECT c.*, c.relispartition AS is_partition, format('%I.%I', $1::text, c.relname) AS name
    FROM pg_class c
    WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p', 'S')
        AND c.relname !~ '_schema_history$' AND (NOT c.relispartition OR c.relname ~ '_default$')
),
line (object, rank, place, text) AS (
    SELECT '', 0, 0, format('SCHEMA %I: %s TO %s', $1::text, string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type),
        g.grantee::regrole)
    FROM pg_namespace n, aclexplode(n.nspacl) g
    WHERE n.oid = $1::text::regnamespace AND g.grantee <> n.nspowner
    GROUP BY g.grantee
    UNION ALL
    SELECT r.relname, 0, 0, concat_ws(' ',
        E'\n' || CASE WHEN r.relkind = 'S' THEN 'SEQUENCE' WHEN r.is_partition THEN 'PARTITION' ELSE 'TABLE' END, r.name,
        'OF ' || (SELECT i.inhparent::regclass FROM pg_inherits i WHERE i.inhrelid = r.oid),
        pg_get_expr(r.relpartbound, r.oid), 'PARTITION BY ' || pg_get_partkeydef(r.oid),
        CASE WHEN r.relrowsecurity THEN 'ROW SECURITY' END, CASE WHEN r.relforcerowsecurity THEN 'FORCED' END)
    FROM relation r
    UNION ALL
    SELECT r.relname, 1, a.attnum, concat_ws(' ', '   ', a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
        CASE WHEN a.attstattarget >= 0 THEN 'STATISTICS ' || a.attstattarget END,
        CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' || a.attstorage::text END)
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
    WHERE r.relkind <> 'S' AND (NOT r.is_partition OR a.attstattarget >= 0 OR a.attstorage <> t.typstorage)
    UNION ALL
    -- NOT NULL stands with its column; whether it is a constraint with a name depends on PostgreSQL's version.
    SELECT r.relname, 2, position(k.contype::text IN 'pufcx'),
        format('    CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
    FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid
    WHERE NOT r.is_partition AND k.contype <> 'n'
    UNION ALL
    SELECT r.relname, 3, 0, '    ' || pg_get_indexdef(x.indexrelid)
    FROM relation r JOIN pg_index x ON x.indrelid = r.oid
    WHERE NOT r.is_partition AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.conrelid = r.oid)
    UNION ALL
    SELECT r.relname, 4, 0, '    ' || pg_get_triggerdef(g.oid)
    FROM relation r JOIN pg_trigger g ON g.tgrelid = r.oid
    WHERE NOT g.tgisinternal
    UNION ALL
    SELECT r.relname, 5, 0, format('    POLICY %I%s FOR %s TO %s%s%s', p.polname,
        CASE WHEN NOT p.polpermissive THEN ' RESTRICTIVE' END,
        CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
        (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ' ORDER BY role::regrole::text)
            FROM unnest(p.polroles) AS roles (role)),
        ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
        ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT r.relname, 6, 0, '    SET ' || setting
    FROM relation r
    LEFT JOIN pg_class store ON store.oid = r.reltoastrelid,
        unnest(r.reloptions || ARRAY(SELECT 'toast.' || o FROM unnest(store.reloptions) AS o)) AS setting
    UNION ALL
    SELECT r.relname, 7, 0, format('    GRANT %s TO %s', string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type),
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
    FROM relation r, aclexplode(r.relacl) g
    WHERE g.grantee <> r.relowner
    GROUP BY r.relname, g.grantee
    UNION ALL
    SELECT r.relname, 8, 0, format('    GRANT %s (%s) TO %s', g.privilege_type, string_agg(a.attname, ', ' ORDER BY a.attname),
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid, aclexplode(a.attacl) g
    GROUP BY r.relname, g.privilege_type, g.grantee
    UNION ALL
    SELECT p.proname, 9, 0, concat_ws(' ', format(E'\nFUNCTION %I.%I(%s)', $1::text, p.proname, pg_get_function_arguments(p.oid)),
        'RETURNS ' || pg_get_function_result(p.oid),
        CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
        CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END, array_to_string(p.proconfig, '; '), 'BODY ' || md5(p.prosrc))
    FROM pg_proc p
    WHERE p.pronamespace = $1::text::regnamespace
    UNION ALL
    SELECT p.proname, 10, 0, '    GRANT EXECUTE TO '
        || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END
    FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
    WHERE p.pronamespace = $1::text::regnamespace AND g.grantee <> p.proowner
)
SELECT text FROM line ORDER BY rank > 8, object COLLATE "C", rank, place, text COLLATE "C"
