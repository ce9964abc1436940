//! From evidence about a tenant's installation, in any order, to what should be: present, or leaving since a certain time.
//!
//! No platform promises to tell that an app was uninstalled, so the evidence is graded. The best grade that stands starts the
//! clock, at its earliest piece:
//!
//! | grade | evidence |
//! |---|---|
//! | certain | `uninstalled` |
//! | strong | `uninstalling`: it cannot be stopped by us, but the administrator may install again |
//! | probable | `silence` for as long as the policy says, confirmed by a probe that was refused or found nothing |
//!
//! Silence alone, and `disabled`, start nothing. Whatever says "present" with a later source time ends what came before.

use jiff::{SignedDuration, Timestamp};

use crate::{
    datamap::policy::{OffboardingTerms, TenantTerms},
    domain::evidence::{Evidence, EvidenceKind},
};

use super::anchor_time;

/// How long after a departure a scheduled sign of life says nothing against it: such a call may run while the removal is
/// under way, and is delivered up to three minutes late (Atlassian, remote events).
pub const HEARTBEAT_LAG: SignedDuration = SignedDuration::from_mins(5);

/// How sure a departure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Silence that a probe has confirmed.
    Probable,
    /// The removal had begun.
    Strong,
    /// The removal was done.
    Certain,
}

/// What should be of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installation {
    /// No offboarding.
    Present,
    /// The whole tenant is leaving.
    Leaving {
        /// What the timeline is counted from: already bounded by its arrival (see [`anchor_time`]).
        anchor: Timestamp,
        /// The latest departure that the fence has to cover.
        latest: Timestamp,
        /// How sure it is.
        grade: Grade,
    },
}

/// What should be, given all evidence. Order and repetition change nothing; only source times are compared.
pub fn installation(evidence: &[Evidence], terms: &OffboardingTerms, tenant: TenantTerms) -> Installation {
    let standing: Vec<(&Evidence, Grade)> = evidence
        .iter()
        .filter_map(|each| Some((each, grade_of(each, evidence, tenant)?)))
        .filter(|(each, _)| !is_over(each, evidence) && !is_of_a_replaced_installation(each, evidence))
        .collect();
    let Some(grade) = standing.iter().map(|(_, grade)| *grade).max() else { return Installation::Present };
    let best = standing.iter().filter(|(_, its)| *its == grade);
    let bounded = best.map(|(each, _)| anchor_time(Some(each.source_at), each.arrived_at, terms));
    let latest = standing.iter().map(|(each, _)| each.source_at).max();
    match (bounded.min(), latest) {
        (Some(anchor), Some(latest)) => Installation::Leaving { anchor, latest: latest.max(anchor), grade },
        (None, _) | (_, None) => Installation::Present,
    }
}

/// The grade of a departure; `None` for what does not tell of one.
fn grade_of(each: &Evidence, all: &[Evidence], tenant: TenantTerms) -> Option<Grade> {
    match each.kind {
        EvidenceKind::Uninstalled => Some(Grade::Certain),
        EvidenceKind::Uninstalling => Some(Grade::Strong),
        EvidenceKind::ProbeRefused | EvidenceKind::ProbeGone => {
            let mut silences = all.iter().filter(|silence| is_true_silence(silence, all, tenant));
            silences.any(|silence| silence.source_at <= each.source_at).then_some(Grade::Probable)
        }
        EvidenceKind::Installed
        | EvidenceKind::Upgraded
        | EvidenceKind::Enabled
        | EvidenceKind::Heartbeat
        | EvidenceKind::Disabled
        | EvidenceKind::ProbeAlive
        | EvidenceKind::Silence => None,
    }
}

/// Silence that nothing, arrived late, has broken: neither in the hours that it speaks of nor since.
fn is_true_silence(silence: &Evidence, all: &[Evidence], tenant: TenantTerms) -> bool {
    let since = silence.source_at - SignedDuration::from_hours(i64::from(tenant.silence_hours));
    silence.kind == EvidenceKind::Silence && !all.iter().any(|each| lag(each.kind).is_some() && each.source_at > since)
}

/// True when something says "present" at a later source time. At equal times the departure wins.
fn is_over(departure: &Evidence, all: &[Evidence]) -> bool {
    all.iter().any(|each| lag(each.kind).is_some_and(|lag| each.source_at > departure.source_at + lag))
}

/// How far behind a departure a sign of presence must lie to end it; `None` for what is no such sign.
const fn lag(kind: EvidenceKind) -> Option<SignedDuration> {
    match kind {
        EvidenceKind::Installed | EvidenceKind::Upgraded | EvidenceKind::Enabled => Some(SignedDuration::ZERO),
        EvidenceKind::Heartbeat | EvidenceKind::ProbeAlive => Some(HEARTBEAT_LAG),
        EvidenceKind::Uninstalling
        | EvidenceKind::Uninstalled
        | EvidenceKind::Disabled
        | EvidenceKind::ProbeRefused
        | EvidenceKind::ProbeGone
        | EvidenceKind::Silence => None,
    }
}

/// True when the departure names an installation that another one has taken the place of before: a site may carry two for a
/// while (an import, a second product), and the end of the older one is not the tenant's.
fn is_of_a_replaced_installation(departure: &Evidence, all: &[Evidence]) -> bool {
    let Some(own) = departure.installation.as_deref() else { return false };
    let installed = |is_own: bool| {
        all.iter()
            .filter(|each| lag(each.kind) == Some(SignedDuration::ZERO) && each.source_at <= departure.source_at)
            .filter(|each| each.installation.as_deref().is_some_and(|name| (name == own) == is_own))
            .map(|each| each.source_at)
            .max()
    };
    installed(false).is_some_and(|other| Some(other) > installed(true))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{EvidenceKind::*, *};

    const TERMS: OffboardingTerms =
        OffboardingTerms { flag_after_days: 30, erase_by_days: 90, erasure_margin_days: 7, backdate_max_days: 7 };
    const TENANT: TenantTerms = TenantTerms { silence_hours: 72 };

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minute * 60).expect("a time")
    }

    fn evidence(kind: EvidenceKind, minute: i64) -> Evidence {
        Evidence { kind, installation: None, source_at: at(minute), arrived_at: at(minute) }
    }

    fn of(installation: &str, kind: EvidenceKind, minute: i64) -> Evidence {
        Evidence { installation: Some(installation.to_owned()), ..evidence(kind, minute) }
    }

    fn decide(evidence: &[Evidence]) -> Installation {
        installation(evidence, &TERMS, TENANT)
    }

    fn told(signs: &[(EvidenceKind, i64)]) -> Installation {
        decide(&signs.iter().map(|(kind, minute)| evidence(*kind, *minute)).collect::<Vec<_>>())
    }

    fn leaving(anchor: i64, latest: i64, grade: Grade) -> Installation {
        Installation::Leaving { anchor: at(anchor), latest: at(latest), grade }
    }

    #[test]
    fn a_tenant_is_present_until_the_removal_and_again_after_a_later_installation() {
        assert_eq!(told(&[]), Installation::Present);
        assert_eq!(told(&[(Installed, 1)]), Installation::Present);
        assert_eq!(told(&[(Installed, 1), (Uninstalled, 2)]), leaving(2, 2, Grade::Certain));
        for back in [Installed, Upgraded, Enabled] {
            assert_eq!(told(&[(Uninstalled, 2), (back, 3)]), Installation::Present);
            assert_eq!(told(&[(Uninstalled, 2), (back, 2)]), leaving(2, 2, Grade::Certain), "at equal times it stands");
            assert_eq!(told(&[(Uninstalled, 2), (back, 3), (Uninstalled, 9)]), leaving(9, 9, Grade::Certain));
        }
    }

    #[test]
    fn the_best_grade_starts_the_clock_at_its_earliest_piece() {
        assert_eq!(told(&[(Uninstalling, 2)]), leaving(2, 2, Grade::Strong));
        assert_eq!(told(&[(Uninstalling, 2), (Uninstalled, 4), (Uninstalled, 3)]), leaving(3, 4, Grade::Certain));
        assert_eq!(told(&[(Uninstalling, 2), (Uninstalling, 5)]), leaving(2, 5, Grade::Strong));
    }

    #[test]
    fn a_sign_of_life_that_arrives_late_or_runs_into_the_removal_cancels_nothing() {
        for sign in [Heartbeat, ProbeAlive] {
            assert_eq!(told(&[(Uninstalling, 10), (sign, 9)]), leaving(10, 10, Grade::Strong));
            assert_eq!(told(&[(Uninstalling, 10), (sign, 15)]), leaving(10, 10, Grade::Strong));
            assert_eq!(told(&[(Uninstalling, 10), (sign, 16)]), Installation::Present);
        }
    }

    #[test]
    fn disabled_starts_nothing() {
        assert_eq!(told(&[(Disabled, 5)]), Installation::Present);
    }

    #[test]
    fn silence_starts_nothing_until_a_probe_confirms_it() {
        let hours = |count: i64| count * 60;
        assert_eq!(told(&[(Heartbeat, 0), (Silence, hours(72))]), Installation::Present);
        assert_eq!(told(&[(ProbeRefused, 5)]), Installation::Present);
        for probe in [ProbeRefused, ProbeGone] {
            let signs = [(Heartbeat, 0), (Silence, hours(72)), (probe, hours(73)), (probe, hours(80))];
            assert_eq!(told(&signs), leaving(hours(73), hours(80), Grade::Probable));
            let asked_before = [(Heartbeat, 0), (probe, hours(71)), (Silence, hours(72))];
            assert_eq!(told(&asked_before), Installation::Present);
            let broken_late = [(Heartbeat, 1), (Silence, hours(72)), (probe, hours(73))];
            assert_eq!(told(&broken_late), Installation::Present, "a sign of life within the hours of silence");
        }
    }

    #[test]
    fn the_end_of_an_installation_that_another_has_replaced_is_not_the_tenants() {
        let replaced = [of("a", Installed, 1), of("b", Installed, 5), of("a", Uninstalled, 6)];
        assert_eq!(decide(&replaced), Installation::Present);
        let last = [&replaced[..], &[of("b", Uninstalled, 9)]].concat();
        assert_eq!(decide(&last), leaving(9, 9, Grade::Certain));
        let moved = [of("a", Installed, 1), of("a", Uninstalled, 2), of("b", Installed, 5)];
        assert_eq!(decide(&moved), Installation::Present);
        assert_eq!(decide(&moved[..2]), leaving(2, 2, Grade::Certain));
    }

    #[test]
    fn a_broken_clock_cannot_bring_the_erasure_forward() {
        let old = Evidence { source_at: at(-60 * 24 * 400), ..evidence(Uninstalled, 0) };
        let bound = at(-60 * 24 * 7);
        assert_eq!(decide(&[old]), Installation::Leaving { anchor: bound, latest: bound, grade: Grade::Certain });
    }

    fn pieces() -> impl Strategy<Value = Vec<Evidence>> {
        let piece =
            (0_usize..EvidenceKind::ALL.len(), 0_i64..20, prop_oneof![Just(None), Just(Some("a")), Just(Some("b"))]);
        proptest::collection::vec(piece, 0..14).prop_map(|pieces| {
            let make = |(kind, step, installation): (usize, i64, Option<&str>)| Evidence {
                installation: installation.map(str::to_owned),
                // Steps of twelve hours, so that silence can be true.
                ..evidence(EvidenceKind::ALL[kind], step * 720)
            };
            pieces.into_iter().map(make).collect()
        })
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_evidence_change_nothing(
            (original, mixed) in pieces().prop_flat_map(|original| {
                let mut doubled = original.clone();
                doubled.extend(original.iter().take(5).cloned());
                (Just(original), Just(doubled).prop_shuffle())
            })
        ) {
            prop_assert_eq!(decide(&original), decide(&mixed));
        }

        #[test]
        fn of_all_signs_of_life_the_latest_is_enough(original in pieces()) {
            let latest = original.iter().filter(|each| each.kind == Heartbeat).map(|each| each.source_at).max();
            let kept = original.iter().filter(|each| each.kind != Heartbeat || Some(each.source_at) == latest);
            let kept: Vec<Evidence> = kept.cloned().collect();
            prop_assert_eq!(decide(&original), decide(&kept));
        }

        #[test]
        fn whoever_is_installed_last_of_all_is_present(mut original in pieces()) {
            original.push(evidence(Installed, 720 * 20));
            prop_assert_eq!(decide(&original), Installation::Present);
        }
    }
}
