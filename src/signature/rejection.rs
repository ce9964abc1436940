//! Why a delivery was not believed.

/// The reason of a rejection, for our metrics and logs. The sender never learns it: all rejections look alike outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Rejection {
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
    /// No token came.
    #[error("missing_token")]
    MissingToken,
    /// More than one token came; choosing one of them would be guessing.
    #[error("ambiguous_token")]
    AmbiguousToken,
    /// The token is not a compact JWS within our bounds, or came in another way than its scheme prescribes.
    #[error("malformed_token")]
    MalformedToken,
    /// The token names another algorithm than the one that this route is pinned to.
    #[error("forbidden_algorithm")]
    ForbiddenAlgorithm,
    /// The token's header brings a key or an address, or asks for an extension.
    #[error("forbidden_header")]
    ForbiddenHeader,
    /// The token names no key, or names it by something that is not an id.
    #[error("bad_key_id")]
    BadKeyId,
    /// The pinned host has no key of this id.
    #[error("unknown_key")]
    UnknownKey,
    /// The host's keys cannot be had now, or this one cannot be used. An inability of ours, not a lie of the sender.
    #[error("key_unavailable")]
    KeyUnavailable,
    /// The claims are not JSON of the shape that this kind of token has.
    #[error("malformed_claims")]
    MalformedClaims,
    /// The token says no time at which it ends.
    #[error("missing_expiry")]
    MissingExpiry,
    /// The token has ended.
    #[error("expired")]
    Expired,
    /// The token is from the future.
    #[error("not_yet_valid")]
    NotYetValid,
    /// The token ends later than its kind ever does.
    #[error("lifetime_too_long")]
    LifetimeTooLong,
    /// Somebody else than expected issued the token.
    #[error("wrong_issuer")]
    WrongIssuer,
    /// The token is for somebody else.
    #[error("wrong_audience")]
    WrongAudience,
    /// The token is of another environment of our app.
    #[error("wrong_environment")]
    WrongEnvironment,
    /// The token is of another account than the configured one, or of one whose address is not verified.
    #[error("wrong_account")]
    WrongAccount,
    /// The token was made for another request (`qsh`).
    #[error("wrong_request")]
    WrongRequest,
    /// The token is a page's context token, which signs no request.
    #[error("context_token")]
    ContextToken,
    /// The token, or the signed message, was used before.
    #[error("replayed")]
    Replayed,
    /// The body names somebody else than the token.
    #[error("body_disagrees")]
    BodyDisagrees,
}

impl Rejection {
    /// Every reason.
    #[cfg(test)]
    pub const ALL: [Self; 30] = [
        Self::MissingSignature,
        Self::AmbiguousSignature,
        Self::UnsupportedMethod,
        Self::MalformedSignature,
        Self::Mismatch,
        Self::NoCredential,
        Self::TooManyCredentials,
        Self::UnknownSource,
        Self::StaleTimestamp,
        Self::MissingToken,
        Self::AmbiguousToken,
        Self::MalformedToken,
        Self::ForbiddenAlgorithm,
        Self::ForbiddenHeader,
        Self::BadKeyId,
        Self::UnknownKey,
        Self::KeyUnavailable,
        Self::MalformedClaims,
        Self::MissingExpiry,
        Self::Expired,
        Self::NotYetValid,
        Self::LifetimeTooLong,
        Self::WrongIssuer,
        Self::WrongAudience,
        Self::WrongEnvironment,
        Self::WrongAccount,
        Self::WrongRequest,
        Self::ContextToken,
        Self::Replayed,
        Self::BodyDisagrees,
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
            Self::MissingToken => "missing_token",
            Self::AmbiguousToken => "ambiguous_token",
            Self::MalformedToken => "malformed_token",
            Self::ForbiddenAlgorithm => "forbidden_algorithm",
            Self::ForbiddenHeader => "forbidden_header",
            Self::BadKeyId => "bad_key_id",
            Self::UnknownKey => "unknown_key",
            Self::KeyUnavailable => "key_unavailable",
            Self::MalformedClaims => "malformed_claims",
            Self::MissingExpiry => "missing_expiry",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::WrongEnvironment => "wrong_environment",
            Self::WrongAccount => "wrong_account",
            Self::WrongRequest => "wrong_request",
            Self::ContextToken => "context_token",
            Self::Replayed => "replayed",
            Self::BodyDisagrees => "body_disagrees",
        }
    }

    /// True when the comparison could not be made for reasons of ours. Such a delivery is answered 503, because a
    /// sender does not repeat after a 401 and the event would be lost.
    pub const fn is_our_inability(self) -> bool {
        matches!(self, Self::NoCredential | Self::TooManyCredentials | Self::KeyUnavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_prints_its_own_word() {
        for rejection in Rejection::ALL {
            assert_eq!(rejection.to_string(), rejection.as_str());
        }
        let words: BTreeSet<_> = Rejection::ALL.iter().map(|rejection| rejection.as_str()).collect();
        assert_eq!(words.len(), Rejection::ALL.len());
    }

    #[test]
    fn a_key_that_cannot_be_had_is_our_inability_and_an_unknown_one_is_not() {
        assert!(Rejection::KeyUnavailable.is_our_inability());
        assert!(!Rejection::UnknownKey.is_our_inability() && !Rejection::Expired.is_our_inability());
    }
}
