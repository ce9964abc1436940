//! The compiled policy: what a product's privacy policy promises, as numbers and words that the engine acts on.

use std::collections::BTreeMap;

use crate::domain::{IdentityKind, SubjectKind, event::PersonSignal};

/// A policy, compiled. Every entry names the sentence of the product's privacy policy that it implements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The product's key, for example `milestone`.
    pub product: String,
    /// The subject kind that Jira's account ids denote.
    pub jira_subject: SubjectKind,
    /// What follows from a signal about a person.
    pub signals: BTreeMap<PersonSignal, Consequence>,
    /// The 0/30/90 timeline.
    pub offboarding: OffboardingTerms,
    /// When a whole tenant is taken for gone. The offboarding's numbers are the same as a person's.
    pub tenant: TenantTerms,
    /// Days to acknowledge (business days) and to complete (calendar days) a request.
    pub deadlines: Deadlines,
    /// Days a raw delivery is kept.
    pub raw_body_days: u16,
    /// Days a dead-lettered raw delivery is kept; at least `raw_body_days`.
    pub dead_letter_body_days: u16,
    /// Days until the last backup that may hold an erased person is gone.
    pub backup_horizon_days: u16,
    /// Days between two rotations of a tenant's key epoch.
    pub key_epoch_days: u16,
    /// Days a fence lives: backup horizon plus the longest replay window.
    pub fence_days: u16,
    /// What happens to hours of an erased person that arrive late.
    pub behind_fence: BehindFence,
    /// What a correction does.
    pub rectification: RectificationTerms,
    /// The identity kind each subject kind is anchored by, as the data map says.
    pub anchors: BTreeMap<SubjectKind, IdentityKind>,
}

/// What follows from a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// The subject's offboarding starts, counted from the signal's source time.
    StartOffboarding,
    /// An offboarding that began before the signal's source time is stopped, as long as no fence is committed.
    CancelOffboarding,
    /// The subject is erased at once, within the deadline of requests; nothing cancels it.
    Erase,
    /// What the product has copied of the account is corrected.
    Rectify,
    /// Nothing in the product database; the signal is kept.
    Nothing,
}

/// What a correction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RectificationTerms {
    /// What becomes of copies when the platform says that they are out of date and nobody can be asked for what is right.
    pub when_source_unavailable: WhenSourceUnavailable,
    /// Whether an account that its source has deactivated loses access, until it is activated again.
    pub deactivated_loses_access: bool,
}

/// What becomes of copies that are known to be out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenSourceUnavailable {
    /// They are emptied.
    Blank,
    /// They stay until somebody corrects them.
    Keep,
}

/// The timeline's numbers, each a multiple of 24 h counted from the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffboardingTerms {
    /// Marked for deletion after this many days.
    pub flag_after_days: u16,
    /// Gone by this many days.
    pub erase_by_days: u16,
    /// The erasure starts this many days before that.
    pub erasure_margin_days: u16,
    /// How far before its arrival a signal's source time is believed, in days.
    pub backdate_max_days: u16,
}

/// When a whole tenant is taken for gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantTerms {
    /// Hours without a sign of life that count as silence.
    pub silence_hours: u16,
}

/// Deadlines of a privacy request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Business days (Monday to Friday) until a request is acknowledged.
    pub acknowledge_business_days: u16,
    /// Calendar days until it is complete.
    pub complete_days: u16,
}

/// What happens to hours of an erased person that arrive late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BehindFence {
    /// The hours are applied without the person.
    CutOut,
    /// The hours are refused.
    Refuse,
}
