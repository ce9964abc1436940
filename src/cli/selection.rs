//! What several commands select by: tenants, closed words, how many.

use clap::Args;

use crate::app::{Error, Gateway, ground::tenants};
use crate::domain::TenantId;

/// How many rows a list shows.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Limit {
    /// At most this many, newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub(super) limit: i64,
}

/// The tenant that was typed: its printed id, or the key that the product knows it by. Fails when there is none.
pub(super) async fn tenant(gateway: &Gateway, typed: &str) -> anyhow::Result<TenantId> {
    let Ok(id) = typed.parse::<TenantId>() else { return Ok(tenants::by_key(gateway, typed).await?) };
    let is_known = tenants::list(gateway).await?.iter().any(|tenant| tenant.tenant_id == id);
    if is_known { Ok(id) } else { Err(Error::NotFound("tenant").into()) }
}

/// The tenant that was typed, if one was.
pub(super) async fn optional_tenant(gateway: &Gateway, typed: Option<&str>) -> anyhow::Result<Option<TenantId>> {
    match typed {
        Some(typed) => tenant(gateway, typed).await.map(Some),
        None => Ok(None),
    }
}

/// One of a closed set of words; `dead-lettered` is taken for `dead_lettered`.
pub(super) fn one_of(words: &[&str], typed: &str) -> Result<String, String> {
    let word = typed.replace('-', "_");
    if words.contains(&word.as_str()) { Ok(word) } else { Err(format!("expected one of {}", words.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_may_be_typed_with_a_hyphen_and_no_other_word_passes() {
        let words = ["applied", "dead_lettered"];
        assert_eq!(one_of(&words, "dead-lettered").as_deref(), Ok("dead_lettered"));
        assert_eq!(one_of(&words, "dead"), Err("expected one of applied, dead_lettered".to_owned()));
    }
}
