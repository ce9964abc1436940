//! Why a delivery was not believed.

/// The reason of a refusal, for our metrics and logs. The sender never learns it: all refusals look alike outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    /// The header that carries the signature is absent or empty.
    #[error("missing_signature")]
    MissingSignature,
    /// The header is there more than once; choosing one of them would be guessing.
    #[error("ambiguous_signature")]
    AmbiguousSignature,
    /// The signature names a method that is not on the allow-list.
    #[error("unsupported_method")]
    UnsupportedMethod,
    /// The signature is not of the form that its method prescribes.
    #[error("malformed_signature")]
    MalformedSignature,
    /// No credential produces this signature for these bytes.
    #[error("mismatch")]
    Mismatch,
    /// The source has no credential, or an empty one. An inability of ours, not a lie of the sender.
    #[error("no_credential")]
    NoCredential,
    /// The source has more credentials than are compared. An inability of ours, not a lie of the sender.
    #[error("too_many_credentials")]
    TooManyCredentials,
    /// No such source is registered.
    #[error("unknown_source")]
    UnknownSource,
    /// The signed time lies outside the replay window.
    #[error("stale_timestamp")]
    StaleTimestamp,
}

impl Refusal {
    /// Every reason, for metrics and documentation.
    pub const ALL: [Self; 9] = [
        Self::MissingSignature,
        Self::AmbiguousSignature,
        Self::UnsupportedMethod,
        Self::MalformedSignature,
        Self::Mismatch,
        Self::NoCredential,
        Self::TooManyCredentials,
        Self::UnknownSource,
        Self::StaleTimestamp,
    ];

    /// The word used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingSignature => "missing_signature",
            Self::AmbiguousSignature => "ambiguous_signature",
            Self::UnsupportedMethod => "unsupported_method",
            Self::MalformedSignature => "malformed_signature",
            Self::Mismatch => "mismatch",
            Self::NoCredential => "no_credential",
            Self::TooManyCredentials => "too_many_credentials",
            Self::UnknownSource => "unknown_source",
            Self::StaleTimestamp => "stale_timestamp",
        }
    }

    /// True when the comparison could not be made for reasons of ours. Such a delivery is answered 503, because a sender
    /// does not repeat after a 401 and the event would be lost.
    pub const fn is_our_inability(self) -> bool {
        matches!(self, Self::NoCredential | Self::TooManyCredentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_prints_its_own_word() {
        for refusal in Refusal::ALL {
            assert_eq!(refusal.to_string(), refusal.as_str());
        }
    }
}
