//! `sources show` and `sources rejections`: what is known of a source, and why calls were refused. No secret is ever shown.

use jiff::ToSpan as _;

use super::find::find;
use crate::app::{
    Gateway,
    intake::rejections,
    registry,
    support::{
        cursor::List,
        pages,
        views::{
            PageView,
            source::{RejectionView, SourceDetails},
        },
    },
};
use crate::cli::{exit::Exit, output::Output, selection::PageArgs, table::Columns};

/// How far back `show` counts rejections, in days.
const REJECTIONS_DAYS: i64 = 7;

const FIELDS: Columns<'static> = &[
    ("source", "source_id"),
    ("name", "name"),
    ("kind", "kind"),
    ("route", "route"),
    ("scheme", "scheme"),
    ("tenant", "tenant_id"),
    ("site", "site_host"),
    ("settings", "settings"),
    ("replay window, seconds", "replay_window_seconds"),
    ("created", "created_at"),
    ("disabled", "disabled_at"),
    ("last seen", "last_seen_at"),
    ("expected by", "expected_by"),
    ("late", "is_late"),
];
const CREDENTIALS: Columns<'static> = &[
    ("FOR", "purpose"),
    ("INSTALLATION", "installation"),
    ("CREATED", "created_at"),
    ("VALID UNTIL", "valid_until"),
    ("CREDENTIAL", "credential"),
];
const INSTALLATIONS: Columns<'static> =
    &[("INSTALLATION", "installation"), ("TENANT", "tenant_id"), ("BOUND", "bound_at")];
const REFUSED: Columns<'static> = &[("DAY", "day"), ("REASON", "reason"), ("REFUSED", "refused"), ("LAST", "last_at")];
const LATEST: Columns<'static> =
    &[("AT", "at"), ("SOURCE", "source_name"), ("KIND", "source_kind"), ("REASON", "reason"), ("ANSWERED", "reply")];

/// Shows one source.
pub(super) async fn run(gateway: &Gateway, name: &str, output: &mut Output) -> anyhow::Result<Exit> {
    let source = find(gateway, name).await?;
    let (credentials, holders) = registry::details(gateway, &source).await?;
    let since = gateway.today().saturating_sub(REJECTIONS_DAYS.days());
    let counts = rejections::counts(gateway, Some(name), since).await?;
    let details = SourceDetails::new(&source, &credentials, &holders, &counts, gateway.now());
    output.record(FIELDS, &details)?;
    if !output.is_json() {
        output.section("Credentials", CREDENTIALS, &details.credentials)?;
        output.section("Installations", INSTALLATIONS, &details.installations)?;
        output.section("Refused in the last week", REFUSED, &details.refused)?;
    }
    Ok(Exit::Done)
}

/// Shows the latest refused calls.
pub(super) async fn rejections(
    gateway: &Gateway,
    name: Option<&str>,
    page: &PageArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let page = pages::rejections(gateway, name, &page.of(List::Rejections)?).await?;
    output.page(LATEST, &PageView::of(&page, |row| RejectionView::from(row)), "No call was refused lately.")?;
    Ok(Exit::Done)
}
