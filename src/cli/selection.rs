//! What several commands select by: tenants, closed words, how many.

use clap::Args;

use super::exit::{Exit, Stop};
use crate::app::{
    Gateway,
    ground::tenants,
    support::{
        cursor::{Cursor, List, SortKey},
        pages::Paging,
    },
};
use crate::domain::TenantId;

/// How many rows a list shows.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Limit {
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub(super) limit: i64,
}

/// Which page of a list.
#[derive(Debug, Clone, Args)]
pub(super) struct PageArgs {
    #[command(flatten)]
    limit: Limit,
    /// The rows after this place: what `next` said of the page before
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,
}

impl PageArgs {
    /// The page of this list. Fails when the cursor is another list's.
    pub(super) fn of<K: SortKey>(&self, list: List) -> anyhow::Result<Paging<K>> {
        let after = self.after.as_ref().map(|cursor| cursor.key(list)).transpose().map_err(|error| {
            let hint = "give what `next` said of the page before, or leave --after out to begin";
            Stop::new(Exit::Usage, format!("--after: {error}"), hint)
        })?;
        Ok(Paging::new(self.limit.limit, after))
    }
}

/// The tenant that was typed: its printed id, or the key that the product knows it by. Fails when there is none.
pub(super) async fn tenant(gateway: &Gateway, typed: &str) -> anyhow::Result<TenantId> {
    let Ok(id) = typed.parse::<TenantId>() else { return Ok(tenants::by_key(gateway, typed).await?) };
    Ok(tenants::by_id(gateway, id).await?.tenant_id)
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
    fn the_cursor_of_another_list_is_a_usage_error_that_names_the_option() {
        let place = (jiff::Timestamp::UNIX_EPOCH, uuid::Uuid::nil());
        let page = PageArgs { limit: Limit { limit: 5 }, after: Some(Cursor::new(List::Jobs, &place)) };
        assert!(page.of::<(jiff::Timestamp, uuid::Uuid)>(List::Jobs).is_ok());
        let refused = page.of::<(jiff::Timestamp, uuid::Uuid)>(List::Events).expect_err("another list");
        assert!(refused.to_string().starts_with("--after: this is a cursor of the list of jobs"), "{refused}");
    }

    #[test]
    fn a_word_may_be_typed_with_a_hyphen_and_no_other_word_passes() {
        let words = ["applied", "dead_lettered"];
        assert_eq!(one_of(&words, "dead-lettered").as_deref(), Ok("dead_lettered"));
        assert_eq!(one_of(&words, "dead"), Err("expected one of applied, dead_lettered".to_owned()));
    }
}
