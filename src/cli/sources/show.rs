//! `sources show` and `sources refusals`: what is known of a source, and why calls were refused. No secret is ever shown.

use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};

use super::find::find;
use crate::cli::{exit::Exit, output::Output, table::Columns};
use crate::sources::contract;
use crate::{
    app::{Gateway, intake::rejections, registry},
    store::source::SourceRow,
};

/// How far back `show` counts refusals, in days.
const REFUSALS_DAYS: i64 = 7;

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

/// What a listing says of a source.
pub(super) fn summary(gateway: &Gateway, source: &SourceRow) -> Value {
    let facts = &source.facts;
    let expected_by = expected_by(source);
    json!({
        "source_id": source.source_id,
        "name": facts.name,
        "kind": facts.kind.as_str(),
        "route": contract(facts.kind).inbound.as_ref().map(|inbound| inbound.path(&facts.name)),
        "tenant_id": facts.tenant_id,
        "last_seen_at": source.last_seen_at,
        "expected_by": expected_by,
        "is_late": expected_by.is_some_and(|by| by < gateway.now()),
        "is_disabled": source.disabled_at.is_some(),
    })
}

fn expected_by(source: &SourceRow) -> Option<Timestamp> {
    let every = SignedDuration::from_secs(source.expected_every_seconds?.into());
    source.last_seen_at.unwrap_or(source.created_at).checked_add(every).ok()
}

/// Shows one source.
pub(super) async fn run(gateway: &Gateway, name: &str, output: &mut Output) -> anyhow::Result<Exit> {
    let source = find(gateway, name).await?;
    let (credentials, holders) = registry::details(gateway, &source).await?;
    let since = gateway.today().saturating_sub(REFUSALS_DAYS.days());
    let counts = rejections::counts(gateway, Some(name), since).await?;
    let mut value = summary(gateway, &source);
    value["scheme"] = contract(source.facts.kind).scheme.into();
    value["site_host"] = json!(source.facts.site_host);
    value["settings"] = source.facts.settings.clone();
    value["replay_window_seconds"] = json!(source.replay_window_seconds);
    value["created_at"] = json!(source.created_at);
    value["disabled_at"] = json!(source.disabled_at);
    let credentials: Vec<Value> = credentials
        .iter()
        .map(|dates| {
            json!({"purpose": dates.purpose, "installation": dates.holder, "created_at": dates.created_at,
                   "valid_until": dates.valid_until, "credential": "[sealed]"})
        })
        .collect();
    let installations: Vec<Value> = holders
        .iter()
        .map(|row| json!({"installation": row.holder, "tenant_id": row.tenant_id, "bound_at": row.bound_at}))
        .collect();
    let refused: Vec<Value> = counts
        .iter()
        .map(|row| json!({"day": row.day, "reason": row.reason, "refused": row.refused, "last_at": row.last_at}))
        .collect();
    if output.is_json() {
        value["credentials"] = credentials.into();
        value["installations"] = installations.into();
        value["refused"] = refused.into();
        output.json(&value)?;
    } else {
        output.record(FIELDS, &value)?;
        output.section("Credentials", CREDENTIALS, &credentials)?;
        output.section("Installations", INSTALLATIONS, &installations)?;
        output.section("Refused in the last week", REFUSED, &refused)?;
    }
    Ok(Exit::Done)
}

/// Shows the latest refused calls.
pub(super) async fn refusals(
    gateway: &Gateway,
    name: Option<&str>,
    limit: u16,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let rows: Vec<Value> = rejections::latest(gateway, name, limit.into())
        .await?
        .iter()
        .map(|row| {
            json!({"at": row.at, "source_name": row.source_name, "source_kind": row.source_kind,
                   "reason": row.reason, "reply": row.reply})
        })
        .collect();
    output.rows(LATEST, &rows, "No call was refused lately.")?;
    Ok(Exit::Done)
}
