//! A run: one execution of a plan, and the phases of an erasure, each with its time.
//!
//! A phase holds the phase before it, so whoever has one in hand has every time and report that belongs to it: a receipt can
//! only be made of [`KeyDestroyed`], which has them all. Phases go forward only. What the reader finds is no phase: the run
//! stays [`Executed`], and its next attempt makes a new plan and executes that.

use jiff::Timestamp;

use super::{RunId, verification::VerificationReport, words::closed_words};

closed_words! {
    /// What a run does.
    pub enum RunKind {
        /// Everything about a person or a tenant goes.
        Erasure = "erasure",
        /// A copy of what is there.
        Export = "export",
        /// Rows past their term go.
        Minimization = "minimization",
    }
}

closed_words! {
    /// The word of a phase, without its times.
    pub enum Phase {
        /// A plan is made.
        Planned = "planned",
        /// The fence is committed.
        Fenced = "fenced",
        /// Every step of the plan has run in every product database.
        Executed = "executed",
        /// The independent reader found nothing.
        Verified = "verified",
        /// Every provider call is confirmed.
        Told = "told",
        /// The keys are destroyed.
        KeyDestroyed = "key_destroyed",
        /// The receipt is signed.
        Certified = "certified",
    }
}

impl Phase {
    /// True when a run may go from this phase to `next`. A plan is executed again after the reader has found something.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Planned, Self::Fenced)
                | (Self::Fenced | Self::Executed, Self::Executed)
                | (Self::Executed, Self::Verified)
                | (Self::Verified, Self::Told)
                | (Self::Told, Self::KeyDestroyed)
                | (Self::KeyDestroyed, Self::Certified)
        )
    }
}

/// Where a job must still find its request before it commits anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Scheduled: no run has begun.
    Scheduled,
    /// Running, with its run in this phase.
    Running(Phase),
}

/// The erasure run of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub run_id: RunId,
    /// How far it is.
    pub phase: RunPhase,
}

/// How far an erasure is, with all that is known from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunPhase {
    /// A plan is made.
    Planned(Planned),
    /// The fence is committed; nothing is cancellable any more.
    Fenced(Fenced),
    /// The plan was executed; the reader has not read yet, or has found something.
    Executed(Executed),
    /// The reader found nothing.
    Verified(Verified),
    /// Every provider call is confirmed.
    Told(AccountsTold),
    /// The keys are destroyed.
    KeyDestroyed(KeyDestroyed),
    /// The receipt is signed.
    Certified(Certified),
}

/// A plan is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// When.
    pub planned_at: Timestamp,
}

/// The fence is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fenced {
    /// What came before.
    pub planned: Planned,
    /// When.
    pub fenced_at: Timestamp,
}

/// The plan was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// What came before.
    pub fenced: Fenced,
    /// When, the last time.
    pub executed_at: Timestamp,
    /// The reader's latest report.
    pub report: Option<VerificationReport>,
    /// When the reader has found something that is left. A new plan comes first.
    pub verification_failed_at: Option<Timestamp>,
}

/// The reader found nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What came before.
    pub fenced: Fenced,
    /// When the plan was executed.
    pub executed_at: Timestamp,
    /// What the reader has read.
    pub report: VerificationReport,
    /// When.
    pub verified_at: Timestamp,
}

/// Every provider call is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountsTold {
    /// What came before.
    pub verified: Verified,
    /// When.
    pub told_at: Timestamp,
}

/// The keys are destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDestroyed {
    /// What came before.
    pub told: AccountsTold,
    /// When.
    pub key_destroyed_at: Timestamp,
}

/// The receipt is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// What came before.
    pub key_destroyed: KeyDestroyed,
    /// When.
    pub certified_at: Timestamp,
}

/// The times of a run as rows hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseTimes {
    /// When the first plan was made.
    pub planned_at: Timestamp,
    /// When the fence was committed.
    pub fenced_at: Option<Timestamp>,
    /// When the plan was executed.
    pub executed_at: Option<Timestamp>,
    /// When the reader found something, if nothing has come of that yet.
    pub verification_failed_at: Option<Timestamp>,
    /// When the reader found nothing.
    pub verified_at: Option<Timestamp>,
    /// When every provider call was confirmed.
    pub told_at: Option<Timestamp>,
    /// When the keys were destroyed.
    pub key_destroyed_at: Option<Timestamp>,
    /// When the receipt was signed.
    pub certified_at: Option<Timestamp>,
}

impl RunPhase {
    /// The phase of a row; `None` when it lacks a time or the report that belongs to it.
    pub fn read(phase: Phase, times: &PhaseTimes, report: Option<VerificationReport>) -> Option<Self> {
        let planned = Planned { planned_at: times.planned_at };
        if phase == Phase::Planned {
            return Some(Self::Planned(planned));
        }
        let fenced = Fenced { planned, fenced_at: times.fenced_at? };
        if phase == Phase::Fenced {
            return Some(Self::Fenced(fenced));
        }
        let executed_at = times.executed_at?;
        if phase == Phase::Executed {
            let verification_failed_at = times.verification_failed_at;
            return Some(Self::Executed(Executed { fenced, executed_at, report, verification_failed_at }));
        }
        let verified = Verified { fenced, executed_at, report: report?, verified_at: times.verified_at? };
        if phase == Phase::Verified {
            return Some(Self::Verified(verified));
        }
        let told = AccountsTold { verified, told_at: times.told_at? };
        if phase == Phase::Told {
            return Some(Self::Told(told));
        }
        let key_destroyed = KeyDestroyed { told, key_destroyed_at: times.key_destroyed_at? };
        if phase == Phase::KeyDestroyed {
            return Some(Self::KeyDestroyed(key_destroyed));
        }
        Some(Self::Certified(Certified { key_destroyed, certified_at: times.certified_at? }))
    }

    /// Its word.
    pub const fn word(&self) -> Phase {
        match self {
            Self::Planned(_) => Phase::Planned,
            Self::Fenced(_) => Phase::Fenced,
            Self::Executed(_) => Phase::Executed,
            Self::Verified(_) => Phase::Verified,
            Self::Told(_) => Phase::Told,
            Self::KeyDestroyed(_) => Phase::KeyDestroyed,
            Self::Certified(_) => Phase::Certified,
        }
    }

    /// Its times and those of all phases before it.
    pub const fn times(&self) -> PhaseTimes {
        match self {
            Self::Planned(phase) => phase.times(),
            Self::Fenced(phase) => phase.times(),
            Self::Executed(phase) => phase.times(),
            Self::Verified(phase) => phase.times(),
            Self::Told(phase) => phase.times(),
            Self::KeyDestroyed(phase) => phase.times(),
            Self::Certified(phase) => phase.times(),
        }
    }

    /// The reader's latest report.
    pub const fn report(&self) -> Option<&VerificationReport> {
        match self {
            Self::Planned(_) | Self::Fenced(_) => None,
            Self::Executed(phase) => phase.report.as_ref(),
            Self::Verified(phase) => Some(&phase.report),
            Self::Told(phase) => Some(&phase.verified.report),
            Self::KeyDestroyed(phase) => Some(&phase.told.verified.report),
            Self::Certified(phase) => Some(&phase.key_destroyed.told.verified.report),
        }
    }

    /// True when the reader has found something, and nothing has come of that yet.
    pub const fn has_failed_verification(&self) -> bool {
        matches!(self, Self::Executed(Executed { verification_failed_at: Some(_), .. }))
    }
}

impl Planned {
    const fn times(&self) -> PhaseTimes {
        PhaseTimes {
            planned_at: self.planned_at,
            fenced_at: None,
            executed_at: None,
            verification_failed_at: None,
            verified_at: None,
            told_at: None,
            key_destroyed_at: None,
            certified_at: None,
        }
    }
}

impl Fenced {
    const fn times(&self) -> PhaseTimes {
        PhaseTimes { fenced_at: Some(self.fenced_at), ..self.planned.times() }
    }
}

impl Executed {
    const fn times(&self) -> PhaseTimes {
        let verification_failed_at = self.verification_failed_at;
        PhaseTimes { executed_at: Some(self.executed_at), verification_failed_at, ..self.fenced.times() }
    }
}

impl Verified {
    const fn times(&self) -> PhaseTimes {
        let (executed_at, verified_at) = (Some(self.executed_at), Some(self.verified_at));
        PhaseTimes { executed_at, verified_at, ..self.fenced.times() }
    }
}

impl AccountsTold {
    const fn times(&self) -> PhaseTimes {
        PhaseTimes { told_at: Some(self.told_at), ..self.verified.times() }
    }
}

impl KeyDestroyed {
    const fn times(&self) -> PhaseTimes {
        PhaseTimes { key_destroyed_at: Some(self.key_destroyed_at), ..self.told.times() }
    }
}

impl Certified {
    const fn times(&self) -> PhaseTimes {
        PhaseTimes { certified_at: Some(self.certified_at), ..self.key_destroyed.times() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of a run that has come to this phase, a second for each.
    fn times_of(phase: Phase) -> PhaseTimes {
        let at = |reached: Phase| (phase >= reached).then(|| Timestamp::from_second(reached as i64).expect("a time"));
        PhaseTimes {
            planned_at: Timestamp::UNIX_EPOCH,
            fenced_at: at(Phase::Fenced),
            executed_at: at(Phase::Executed),
            verification_failed_at: None,
            verified_at: at(Phase::Verified),
            told_at: at(Phase::Told),
            key_destroyed_at: at(Phase::KeyDestroyed),
            certified_at: at(Phase::Certified),
        }
    }

    #[test]
    fn a_phase_reads_back_with_its_times_and_with_nothing_missing() {
        let report = || Some(VerificationReport { tables_read: 3, ..VerificationReport::default() });
        for phase in Phase::ALL {
            let read = RunPhase::read(phase, &times_of(phase), report()).expect("complete");
            assert_eq!((read.word(), read.times()), (phase, times_of(phase)));
            assert_eq!(read.report().is_some(), phase >= Phase::Executed, "{phase}");
            if let Some(before) = Phase::ALL.into_iter().rev().find(|before| *before < phase) {
                assert_eq!(RunPhase::read(phase, &times_of(before), report()), None, "{phase}");
                assert!(before.may_become(phase) && !phase.may_become(before), "{phase}");
            }
        }
        assert_eq!(RunPhase::read(Phase::Verified, &times_of(Phase::Verified), None), None);
    }

    #[test]
    fn what_the_reader_has_found_is_no_phase() {
        let failed = PhaseTimes { verification_failed_at: Some(Timestamp::MAX), ..times_of(Phase::Executed) };
        let read = RunPhase::read(Phase::Executed, &failed, None).expect("complete");
        assert!(read.has_failed_verification() && read.word() == Phase::Executed && read.times() == failed);
        assert!(
            !RunPhase::read(Phase::Executed, &times_of(Phase::Executed), None)
                .expect("complete")
                .has_failed_verification()
        );
    }
}
