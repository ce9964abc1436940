//! A source by its name.

use crate::app::{Gateway, registry};
use crate::cli::exit::{Exit, Stop};

/// The source with this name, or what to do about there being none.
pub(super) async fn find(gateway: &Gateway, name: &str) -> anyhow::Result<registry::SourceRow> {
    let found = registry::list(gateway, Some(name)).await?.pop();
    found.ok_or_else(|| {
        Stop::new(Exit::NotFound, "there is no source of this name", "`sources list` shows every source").into()
    })
}
