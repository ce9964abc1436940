//! How a call to a known system failed, for whoever must decide what follows.

use std::{sync::Arc, time::Duration};

use super::OutboundError;

/// A call did not do what it was for. Carries statuses and waits, never a body, an address or an id.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// The server understood and said no (or sent us elsewhere, where nobody goes). The same call will be refused again.
    #[error("the server refused the call with status {status}")]
    Refused {
        /// Its status: 3xx or 4xx.
        status: u16,
    },
    /// The server wants fewer calls.
    #[error("the server wants fewer calls")]
    Throttled {
        /// How long to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// The call was not made, because our own pace would have had it wait too long.
    #[error("too many calls are waiting for their turn")]
    Paced {
        /// How far away its turn would have been.
        retry_after: Duration,
    },
    /// The server could not do it now.
    #[error("the server failed with status {status}")]
    ServerFailed {
        /// Its status: 408, 425 or 5xx.
        status: u16,
        /// How long it asks to wait, if it does.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    #[error("there was no answer")]
    Unavailable {
        /// Why.
        #[source]
        cause: OutboundError,
    },
    /// There was an answer that cannot be the one asked for. What the call did is not known.
    #[error("the answer cannot be used: {what}")]
    BadAnswer {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The call was not made, because it asked for something outside the bounds.
    #[error("the call was not made: {what}")]
    NotSendable {
        /// Which bound.
        what: &'static str,
    },
    /// The call was not made, because no token for it could be had.
    #[error("no access token could be had")]
    NoToken {
        /// How asking for the token failed; shared by all who waited for the same answer.
        #[source]
        cause: Arc<Self>,
    },
    /// The call was not made, because the calls before it failed one after the other.
    #[error("the server has failed too often; the next attempt is due later")]
    CircuitOpen {
        /// Until the next attempt is let through.
        retry_after: Duration,
    },
}

impl CallFailure {
    /// True when the same call may succeed later. A bad answer is not: somebody should look.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Paced { .. } | Self::ServerFailed { .. } | Self::CircuitOpen { .. } => true,
            Self::Unavailable { cause } => cause.is_transient(),
            Self::NoToken { cause } => cause.is_transient(),
            Self::Refused { .. } | Self::BadAnswer { .. } | Self::NotSendable { .. } => false,
        }
    }

    /// How long to wait before the same call, where it is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::ServerFailed { retry_after, .. } => *retry_after,
            Self::Paced { retry_after } | Self::CircuitOpen { retry_after } => Some(*retry_after),
            Self::NoToken { cause } => cause.retry_after(),
            Self::Refused { .. } | Self::Unavailable { .. } | Self::BadAnswer { .. } | Self::NotSendable { .. } => None,
        }
    }
}

impl From<OutboundError> for CallFailure {
    fn from(cause: OutboundError) -> Self {
        Self::Unavailable { cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_time_can_mend_is_transient() {
        let wait = Some(Duration::from_secs(7));
        let throttled = CallFailure::NoToken { cause: Arc::new(CallFailure::Throttled { retry_after: wait }) };
        let refused = CallFailure::NoToken { cause: Arc::new(CallFailure::Refused { status: 400 }) };
        assert!(throttled.is_transient() && throttled.retry_after() == wait);
        assert!(!refused.is_transient());
        assert!(CallFailure::ServerFailed { status: 503, retry_after: None }.is_transient());
        assert!(!CallFailure::BadAnswer { what: "x" }.is_transient());
        assert!(!CallFailure::NotSendable { what: "x" }.is_transient());
        let no_address = OutboundError::BadAddress { what: "x" };
        assert!(!CallFailure::from(no_address).is_transient());
    }
}
