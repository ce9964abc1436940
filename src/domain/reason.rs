//! Why something was rejected, ignored, parked or failed: a stable code, a sentence for people, and what to do.
//!
//! Promises: the list is closed and its codes never change, so that programs may look at them. Parameters are names of fields
//! and tables, counts, lengths, ids and states, and never anything about a person: a reason may stand in a log, in the audit
//! and on a screen. `docs/reasons.md` lists them all.

mod cause;
mod event;
mod ignored;
mod input;
mod job;
mod table;
mod wait;
mod work;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::{Map, Value};

pub use cause::Cause;
pub use event::EventReason;
pub use ignored::IgnoreReason;
pub use input::InputReason;
pub use job::JobReason;
pub use table::Entry;
pub use wait::WaitReason;
pub use work::WorkReason;

/// Why something was rejected, ignored, parked or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// An event had no consequence.
    Ignored(IgnoreReason),
    /// An event is a dead letter.
    Event(EventReason),
    /// An attempt failed.
    Work(WorkReason),
    /// A job is parked, waits, or has nothing to do any more.
    Job(JobReason),
    /// Something else has to end first.
    Wait(WaitReason),
    /// What was asked for is rejected.
    Input(InputReason),
}

/// Does the same with whichever reason it is.
macro_rules! each {
    ($reason:expr, $inner:ident => $what:expr) => {
        match $reason {
            Reason::Ignored($inner) => $what,
            Reason::Event($inner) => $what,
            Reason::Work($inner) => $what,
            Reason::Job($inner) => $what,
            Reason::Wait($inner) => $what,
            Reason::Input($inner) => $what,
        }
    };
}

impl Reason {
    /// The stable code, which never changes.
    pub const fn code(&self) -> &'static str {
        each!(self, inner => inner.code())
    }

    /// What the sentence names, by name.
    pub fn parameters(&self) -> Map<String, Value> {
        let parameters = each!(self, inner => inner.parameters());
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// What is stored beside an event or a job: the code, and after a colon the parameters, if there are any.
    pub fn stored(&self) -> Cow<'static, str> {
        let parameters = each!(self, inner => inner.parameters());
        if parameters.is_empty() {
            return Cow::Borrowed(self.code());
        }
        let texts = parameters.iter().map(|(_, value)| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        Cow::Owned(format!("{}: {}", self.code(), texts.collect::<Vec<_>>().join(", ")))
    }
}

impl Cause {
    /// Another reason's sentence.
    pub fn of_reason(reason: &Reason) -> Self {
        Self::of_sentence(&reason.to_string())
    }
}

/// Every reason that there is, by what it is about.
const TABLES: [(&str, &[Entry]); 6] = [
    ("Why an event had no consequence", IgnoreReason::TABLE),
    ("Why an event is a dead letter", EventReason::TABLE),
    ("Why an attempt failed", WorkReason::TABLE),
    ("Why a job did not complete", JobReason::TABLE),
    ("What has to end first", WaitReason::TABLE),
    ("Why something that was asked for is rejected", InputReason::TABLE),
];

/// The reason whose code a stored text begins with. `None` when it begins with none that this version knows.
pub fn entry_of(stored: &str) -> Option<&'static Entry> {
    let word = stored.split(':').next().unwrap_or(stored);
    TABLES.iter().flat_map(|(_, table)| table.iter()).find(|entry| entry.code == word)
}

/// The code that a stored text begins with.
pub fn code_of(stored: &str) -> Option<&'static str> {
    entry_of(stored).map(|entry| entry.code)
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        each!(self, inner => inner.fmt(formatter))
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Reason", 3)?;
        fields.serialize_field("code", self.code())?;
        fields.serialize_field("sentence", &self.to_string())?;
        fields.serialize_field("parameters", &self.parameters())?;
        fields.end()
    }
}

impl From<IgnoreReason> for Reason {
    fn from(reason: IgnoreReason) -> Self {
        Self::Ignored(reason)
    }
}

impl From<EventReason> for Reason {
    fn from(reason: EventReason) -> Self {
        Self::Event(reason)
    }
}

impl From<WorkReason> for Reason {
    fn from(reason: WorkReason) -> Self {
        Self::Work(reason)
    }
}

impl From<JobReason> for Reason {
    fn from(reason: JobReason) -> Self {
        Self::Job(reason)
    }
}

impl From<WaitReason> for Reason {
    fn from(reason: WaitReason) -> Self {
        Self::Wait(reason)
    }
}

impl From<InputReason> for Reason {
    fn from(reason: InputReason) -> Self {
        Self::Input(reason)
    }
}
