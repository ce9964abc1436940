//! Installations that have fallen silent: no platform promises to tell of an uninstall, so silence is asked about.
//!
//! A sign of life is `installed`, `upgraded`, `enabled`, a heartbeat, or a site that answered us. Once the policy's hours
//! have passed without one, `silence` is recorded (by the sweep, or here), and with credentials the site is asked; what it says is recorded when it
//! is news. What follows is decided from all evidence (see `offboard_tenant`): silence alone starts nothing.
//!
//! Nobody is looked at more often than every six hours. A look is claimed before it is made, so dying in it loses that look.

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{
        ground::error::Error,
        offboarding::evidence,
        polling::{
            Polling,
            budget::Budget,
            credentials::{Access, Credentials},
            turn::part_of,
        },
    },
    domain::{
        evidence::{Evidence, EvidenceKind},
        metric,
    },
    outbound::{
        CallFailure,
        installation_probe::{Probe, probe},
    },
    sources::contract,
    store::{self, TenantTx, installation::SilentInstallation, poll::PollSource, tenant::EVIDENCE_READ_MAX},
};

/// The least time between two looks at one installation, and how much more at most, at random.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(6);
const LOOK_SPREAD: SignedDuration = SignedDuration::from_mins(30);
/// Installations looked at in one round.
const LOOKS_PER_ROUND_MAX: i64 = 20;

/// What one round has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::app) struct Watched {
    pub(in crate::app) silent: u64,
    pub(in crate::app) probed: u64,
}

/// One round over installations that are silent. Safe to repeat and in several processes.
pub(in crate::app) async fn run(gateway: &Polling, sources: &[PollSource], budget: &Budget) -> Result<Watched, Error> {
    let now = gateway.now();
    let silence = SignedDuration::from_hours(i64::from(gateway.policy().tenant.silence_hours));
    let queue = gateway.databases().queue.client().await?;
    let silent = store::installation::silent(&queue, now - silence, now, LOOKS_PER_ROUND_MAX).await?;
    drop(queue);
    let mut watched = Watched::default();
    if silent.is_empty() {
        return Ok(watched);
    }
    let way = way_to_ask(gateway, sources).await;
    for installation in silent {
        if budget.is_over() {
            break;
        }
        look(gateway, &installation, way.as_ref(), &mut watched).await?;
    }
    Ok(watched)
}

/// The way to ask sites, where there is one. In production an app's token for a site comes only with a call from that site,
/// and a silent one does not call.
async fn way_to_ask(gateway: &Polling, sources: &[PollSource]) -> Option<Credentials> {
    let is_app = |source: &&PollSource| contract(source.kind).polling == contract::Polling::Installations;
    let source = sources.iter().filter(is_app).find(|source| source.holder.is_empty())?;
    if !source.has_credentials {
        return None;
    }
    let credentials = Credentials::of(gateway, source).await;
    if credentials.is_err() {
        tracing::warn!(source = source.name, "the source's credentials cannot be used to ask whether sites are there");
    }
    credentials.ok()
}

async fn look(
    gateway: &Polling,
    installation: &SilentInstallation,
    way: Option<&Credentials>,
    watched: &mut Watched,
) -> Result<(), Error> {
    let tenant = installation.tenant_id;
    let now = gateway.now();
    let mut client = gateway.databases().tenant.client().await?;
    let tx = TenantTx::begin(&mut client, tenant).await?;
    let is_ours = store::installation::claim_look(&tx, now, now + LOOK_AGAIN + part_of(gateway, LOOK_SPREAD)).await?;
    let evidence = store::tenant::evidence(&tx, None, EVIDENCE_READ_MAX).await?;
    tx.commit().await?;
    drop(client);
    let evidence: Vec<Evidence> = evidence.into_iter().map(|row| row.evidence).collect();
    let known = since_the_last_sign(&evidence);
    if !is_ours || known.has_left {
        return Ok(());
    }
    watched.silent += 1;
    // The sweep records it too; whoever comes first.
    evidence::watch_silence(gateway, tenant).await?;
    let Some(access) = way.and_then(|way| access(gateway, way, &installation.stable_key)) else { return Ok(()) };
    watched.probed += 1;
    let found = probe(&access.client, &access.base, &access.authorization).await;
    let (word, kind) = meaning(&found);
    metrics::counter!(metric::INSTALLATION_PROBES_TOTAL, "found" => word).increment(1);
    match kind {
        Some(kind) if known.last_probe != Some(kind) => {
            let outcome = evidence::record_evidence(gateway, tenant, kind, None, gateway.now()).await?;
            tracing::info!(%tenant, found = word, outcome = %outcome.reason(), "a silent installation was asked about");
        }
        Some(_) | None => {}
    }
    Ok(())
}

const fn meaning(probe: &Probe) -> (&'static str, Option<EvidenceKind>) {
    match probe {
        Probe::Alive => ("alive", Some(EvidenceKind::ProbeAlive)),
        Probe::Refused => ("refused", Some(EvidenceKind::ProbeRefused)),
        Probe::Gone => ("gone", Some(EvidenceKind::ProbeGone)),
        Probe::Unclear => ("unclear", None),
    }
}

/// The same path below a server on this machine as below Atlassian's API host.
fn access(gateway: &Polling, way: &Credentials, stable_key: &str) -> Option<Access> {
    match way {
        Credentials::Development { authorization, api } => {
            let base = api.jira_of_cloud_below(stable_key).map_err(CallFailure::from).ok()?;
            let client = gateway.outgoing().loopback().clone();
            Some(Access { client, base, authorization: authorization.clone() })
        }
        Credentials::App(_) | Credentials::Site(_) => None,
    }
}

/// What the evidence since the last sign of life says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Known {
    last_probe: Option<EvidenceKind>,
    /// True when the removal was told: nothing needs to be asked.
    has_left: bool,
}

fn since_the_last_sign(evidence: &[Evidence]) -> Known {
    let last_sign = evidence.iter().filter(|each| is_sign_of_life(each.kind)).map(|each| each.source_at).max();
    let since = last_sign.unwrap_or(Timestamp::MIN);
    let mut later: Vec<&Evidence> = evidence.iter().filter(|each| each.source_at >= since).collect();
    later.sort_by_key(|each| each.source_at);
    let mut known = Known::default();
    for each in later {
        match each.kind {
            EvidenceKind::ProbeRefused | EvidenceKind::ProbeGone => known.last_probe = Some(each.kind),
            EvidenceKind::Uninstalling | EvidenceKind::Uninstalled => known.has_left = true,
            EvidenceKind::Installed
            | EvidenceKind::Upgraded
            | EvidenceKind::Enabled
            | EvidenceKind::Heartbeat
            | EvidenceKind::Disabled
            | EvidenceKind::ProbeAlive
            | EvidenceKind::Silence => {}
        }
    }
    known
}

const fn is_sign_of_life(kind: EvidenceKind) -> bool {
    match kind {
        EvidenceKind::Installed
        | EvidenceKind::Upgraded
        | EvidenceKind::Enabled
        | EvidenceKind::Heartbeat
        | EvidenceKind::ProbeAlive => true,
        EvidenceKind::Uninstalling
        | EvidenceKind::Uninstalled
        | EvidenceKind::Disabled
        | EvidenceKind::ProbeRefused
        | EvidenceKind::ProbeGone
        | EvidenceKind::Silence => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(evidence: &[(EvidenceKind, i64)]) -> Known {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).expect("a time");
        let evidence: Vec<Evidence> = evidence
            .iter()
            .map(|(kind, hour)| Evidence {
                kind: *kind,
                installation: None,
                source_at: at(*hour),
                arrived_at: at(*hour),
            })
            .collect();
        since_the_last_sign(&evidence)
    }

    #[test]
    fn only_what_came_after_the_last_sign_of_life_counts() {
        use EvidenceKind::{Heartbeat, Installed, ProbeGone, ProbeRefused, Silence, Uninstalled};
        assert_eq!(known(&[(Installed, 0)]), Known::default());
        let silent = known(&[(Silence, 80), (Installed, 0), (ProbeRefused, 81), (ProbeGone, 80)]);
        assert_eq!(silent, Known { last_probe: Some(ProbeRefused), has_left: false });
        assert_eq!(known(&[(Installed, 0), (Silence, 80), (ProbeGone, 80), (Heartbeat, 90)]), Known::default());
        assert!(known(&[(Installed, 0), (Uninstalled, 5)]).has_left);
        assert!(!known(&[(Uninstalled, 5), (Installed, 6)]).has_left);
    }
}
