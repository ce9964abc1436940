//! Typed, prefixed ids. Two kinds cannot be mixed, and each prints as `req_…` so that support can tell them apart.
//!
//! The number behind an id is a UUID version 7 (RFC 9562) made from the injected clock and entropy, so it is local in an
//! index. It tells its time of creation and is therefore never used as a secret.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{Clock, Entropy};

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of the form {prefix}_ followed by 32 hexadecimal digits")]
pub struct ParseIdError {
    /// The prefix the id should have carried.
    pub prefix: &'static str,
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id from the injected clock and entropy.
            pub fn new(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(version_7(clock, entropy))
            }

            /// The id kept in a database column.
            #[allow(dead_code, reason = "some kinds are written and never read back")]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The number behind the id, as database columns hold it.
            pub const fn uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!($prefix, "_{}"), self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|digits| digits.len() == 32)
                    .and_then(|digits| Uuid::try_parse(digits).ok())
                    .map(Self)
                    .ok_or(ParseIdError { prefix: $prefix })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

typed_ids! {
    /// A registered sender with its own credentials.
    SourceId = "src";
    /// What a source said.
    EventId = "evt";
    /// An MSP; its stable key is the Atlassian cloudId.
    TenantId = "ten";
    /// One sign for or against a tenant's installation.
    EvidenceId = "evd";
    /// A person, as known to one tenant.
    SubjectId = "sub";
    /// One identity (account id, e-mail, uid) of a data subject.
    IdentityId = "idn";
    /// One exercise of a right.
    RequestId = "req";
    /// A 0/30/90 timeline.
    OffboardingId = "off";
    /// Queued work.
    JobId = "job";
    /// A call to an identity provider.
    CallId = "cal";
    /// Ordered disposals for one subject.
    PlanId = "pln";
    /// One execution of a plan.
    RunId = "run";
    /// The tombstone of an erased subject.
    FenceId = "fen";
    /// An audit entry.
    AuditId = "aud";
    /// A signed proof.
    ReceiptId = "rcp";
}

impl TenantId {
    /// What belongs to no tenant yet, or to all of them: sources that several tenants share, and what nobody has been found
    /// for. It is never a product database's tenant.
    pub const PLATFORM: Self = Self(Uuid::nil());
}

fn version_7(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let milliseconds = u64::try_from(clock.now().as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_printed_form_and_from_no_other_kind() {
        let id = RequestId::from_uuid(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse::<RequestId>(), Ok(id));
        assert_eq!(id.to_string().parse::<JobId>(), Err(ParseIdError { prefix: "job" }));
        assert!("req_zz".parse::<RequestId>().is_err());
    }
}
