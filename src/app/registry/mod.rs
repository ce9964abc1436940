//! Sources: registered by operators, looked up by intake before a body is read.
//!
//! | file | what it is for |
//! |---|---|
//! | `source` | a source as it is registered and as it is looked up |
//! | `cache` | what is remembered of sources, within bounds that a caller cannot use up |
//! | `look_up` | reading a source by its name, for a delivery or for interpretation |
//! | `registration` | what operators do: register, rotate, enable, assign an installation to a tenant |
//! | `credentials` | secrets and tokens, sealed each for its own slot |

mod cache;
mod context;
mod credentials;
mod look_up;
mod registration;
mod sealed;
mod source;

pub use context::Registry;
pub use credentials::signing_secret;
pub(in crate::app) use credentials::{
    INSTALLATION_TOKEN_HOURS, check_holder_secret, installation_token, keep_holder_secret, keep_installation_token,
    provider_credential, provider_secret, renew_provider_credential,
};
pub(in crate::app) use look_up::{facts, look_again, look_up, tenant_of_key};
pub use registration::{bind, enable, register, rotate, set_provider_credentials};
pub(in crate::app) use source::{CredentialKey, is_holder, is_name};
pub use source::{LoadedSource, Registration, details, list};

/// The bounds of a secret.
pub use crate::sources::contract::SECRET_BYTES_MAX;
/// A source as operators see it.
pub use crate::store::source::SourceRow;
