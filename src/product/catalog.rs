//! Reads what a product database's schema really looks like from `pg_catalog`.

use std::collections::BTreeMap;

use tokio_postgres::{Client, GenericClient, types::Type};

use crate::domain::catalog::{Catalog, Column, ForeignKey, Table};

use super::error::{DatabaseError, ProductError};

// A domain is reported as the type beneath it: whether a column can hold an identifier depends on that, not on the name.
const COLUMNS: &str = "\
WITH RECURSIVE beneath AS (
SELECT oid AS domain, typbasetype AS type, typtypmod AS modifier
FROM pg_catalog.pg_type
WHERE typtype = 'd'
UNION ALL
SELECT beneath.domain, inner_type.typbasetype, inner_type.typtypmod
FROM beneath
JOIN pg_catalog.pg_type AS inner_type ON inner_type.oid = beneath.type
WHERE inner_type.typtype = 'd'
),
base AS (
SELECT beneath.domain, beneath.type, beneath.modifier
FROM beneath
JOIN pg_catalog.pg_type AS base_type ON base_type.oid = beneath.type
WHERE base_type.typtype <> 'd'
)
SELECT
c.relname::text,
c.relrowsecurity AND c.relforcerowsecurity,
a.attname::text,
format_type(COALESCE(base.type, a.atttypid), COALESCE(base.modifier, a.atttypmod)),
NOT a.attnotnull,
a.attgenerated <> ''
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN base ON base.domain = a.atttypid
WHERE n.nspname = $1
AND c.relkind IN ('r', 'p')
AND NOT c.relispartition
ORDER BY c.relname, a.attnum";

// `conparentid = 0` leaves out the copies that PostgreSQL makes of a constraint for each partition.
const KEYS: &str = "\
SELECT
k.contype = 'p',
c.relname::text,
k.conname::text,
(SELECT array_agg(a.attname::text ORDER BY p.place)
FROM unnest(k.conkey) WITH ORDINALITY AS p (number, place)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = p.number),
referred.relname::text,
(SELECT array_agg(a.attname::text ORDER BY p.place)
FROM unnest(k.confkey) WITH ORDINALITY AS p (number, place)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = p.number)
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class AS referred ON referred.oid = k.confrelid AND referred.relnamespace = c.relnamespace
WHERE n.nspname = $1
AND k.contype IN ('p', 'f')
AND c.relkind IN ('r', 'p')
AND NOT c.relispartition
AND (k.contype = 'p' OR (k.conparentid = 0 AND referred.oid IS NOT NULL))
ORDER BY c.relname, k.conname";

/// Reads one schema: ordinary and partitioned tables (no views, no partitions), columns with `format_type` names (a domain
/// is reported as its base type), primary keys, foreign keys inside the schema, forced row level security, generated
/// columns. Fails when the schema has no table. Needs no tenant; repeating is safe.
pub async fn read_catalog(client: &Client, schema: &str) -> Result<Catalog, ProductError> {
    let catalog = read(client, schema).await.map_err(|source| ProductError::ReadCatalog { source })?;
    if catalog.tables.is_empty() {
        return Err(ProductError::EmptySchema { schema: schema.to_owned() });
    }
    Ok(catalog)
}

pub(super) async fn read<C: GenericClient + Sync>(client: &C, schema: &str) -> Result<Catalog, DatabaseError> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for row in client.query_typed(COLUMNS, &[(&schema, Type::TEXT)]).await? {
        let table = tables.entry(row.try_get(0)?).or_default();
        table.row_security_forced = row.try_get(1)?;
        if let Some(name) = row.try_get::<_, Option<String>>(2)? {
            let column =
                Column { data_type: row.try_get(3)?, is_nullable: row.try_get(4)?, is_generated: row.try_get(5)? };
            table.columns.insert(name, column);
        }
    }
    for row in client.query_typed(KEYS, &[(&schema, Type::TEXT)]).await? {
        let Some(table) = tables.get_mut(row.try_get::<_, &str>(1)?) else { continue };
        if row.try_get(0)? {
            table.primary_key = row.try_get(3)?;
        } else {
            table.foreign_keys.push(ForeignKey {
                name: row.try_get(2)?,
                columns: row.try_get(3)?,
                references_table: row.try_get(4)?,
                references_columns: row.try_get(5)?,
            });
        }
    }
    Ok(Catalog { schema: schema.to_owned(), tables })
}
