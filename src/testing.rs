//! What tests and benches see of the rooms, and nothing more. Only with the feature `testing`; never a public interface.
//!
//! Each module here is named as its room is, so that a test reads like the code it is about.

/// Use cases.
pub mod app {
    pub use crate::app::{
        ClaimedJob, Databases, Gateway, GatewayParts, Leases, Outgoing, Reserved, Trust, accounts, erasure, ground,
        intake, interpretation, jobs, offboarding, polling, registry, run_committer, support, upkeep,
    };
}

/// Settings.
pub mod config {
    pub use crate::config::{Database, DatabaseTls, Settings};
}

/// Dataset and policy files.
pub mod datamap {
    pub use crate::datamap::{SourceFile, compile_dataset, compile_policy, map, policy};
}

/// Sample data of the reference product.
#[cfg(feature = "demo")]
pub mod demo {
    pub use crate::demo::reference::seed_tenant;
}

/// Words.
pub mod domain {
    pub use crate::domain::{
        Actor, Clock, CrashPoints, Entropy, EventId, Headers, IdentityId, IdentityKind, JobId, Personal, RequestId,
        RunId, SourceKind, SubjectId, TenantId, actor, crash, event, evidence, job, provider_call, reply, request, run,
    };
}

/// The edge.
pub mod http {
    pub use crate::http::{Edge, EdgeSettings, start};
}

/// The HTTP client.
pub mod outbound {
    pub use crate::outbound::{KeyAddresses, KeySets, Timeouts, client, jira_worklogs};
}

/// Their tables.
pub mod product {
    pub use crate::product::{Migrate, TenantScope, migrate};
}

/// Audit chain and receipts.
pub mod proof {
    pub use crate::proof::{PublicKey, ReceiptClaims, ReceiptScope, SigningKey, audit, verify};
}

/// Key ring.
pub mod sealing {
    pub use crate::sealing::KeyRing;
}

/// What senders sign.
pub mod signature {
    pub use crate::signature::{
        CanonicalRequest, Rejection, SecretBytes, StandardSecret, forge_fit, hub_hmac, issue, standard_webhooks,
    };
}

/// Settings of senders.
pub mod sources {
    pub use crate::sources::{
        SourceSettings, connect, contract, contracts, firebase_function, forge, google, google_events, pubsub, settings,
    };
}

/// Our tables.
pub mod store {
    pub use crate::store::{
        Pool, TenantTx, all_statements, bootstrap, deployment, event, job, keys, look_up, reported_account, request,
    };
}

/// The composition root.
pub mod system {
    pub use crate::system::{Development, Opening, OsEntropy, bootstrap, open, read_product};
}

/// Logs and metrics.
pub mod telemetry {
    pub use crate::telemetry::{LogFormat, install_recorder, subscriber};
}

/// Claims and lanes.
pub mod worker {
    pub use crate::worker::{Drained, Settings, drain, run};
}
