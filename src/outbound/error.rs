//! Why a call did not give an answer.

/// A call to another system failed. The causes name hosts and phases, never bodies or query values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// The client could not be made.
    #[error("the HTTP client could not be set up")]
    Build {
        /// What was in the way.
        source: reqwest::Error,
    },
    /// The address or a header is not one that can be sent.
    #[error("the request is not one that can be sent")]
    BadRequest {
        /// What was wrong with it.
        source: reqwest::Error,
    },
    /// A credential was given that cannot be used. It is not shown.
    #[error("the credential cannot be used: {what}")]
    BadCredential {
        /// What is wrong with it.
        what: &'static str,
    },
    /// An address was given that is not one to call.
    #[error("the address is not one to call: {what}")]
    BadAddress {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The address of a development server is not plain HTTP on this machine's loopback.
    #[error("a development server of keys is http://127.0.0.1:PORT or http://[::1]:PORT")]
    NotLoopback,
    /// Nobody answers at the address.
    #[error("the server cannot be reached")]
    Unreachable {
        /// What happened instead.
        source: reqwest::Error,
    },
    /// The answer did not come in time.
    #[error("the server did not answer in time")]
    TimedOut {
        /// Which limit was passed.
        source: reqwest::Error,
    },
    /// The connection broke before the answer was complete.
    #[error("the connection broke before the answer was complete")]
    Broken {
        /// What happened instead.
        source: reqwest::Error,
    },
}

impl OutboundError {
    /// Sorts an error of sending or receiving, and takes its address away: a path or query may name somebody.
    pub(super) fn of(error: reqwest::Error) -> Self {
        let source = error.without_url();
        if source.is_builder() {
            Self::BadRequest { source }
        } else if source.is_timeout() {
            Self::TimedOut { source }
        } else if source.is_connect() {
            Self::Unreachable { source }
        } else {
            Self::Broken { source }
        }
    }

    /// True when the same call may succeed later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Broken { .. } => true,
            Self::Build { .. }
            | Self::BadRequest { .. }
            | Self::BadCredential { .. }
            | Self::BadAddress { .. }
            | Self::NotLoopback => false,
        }
    }
}
