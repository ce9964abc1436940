//! What is agreed with Atlassian about accounts that we ask for: it sends nothing.

use super::interpret;
use crate::{
    domain::SourceKind,
    sources::{
        contract::{Admission, Authentication, Contract, Polling, Secret, Tenancy},
        settings::{NoSettings, SourceSettings},
    },
};

/// The contract.
pub static CONTRACT: Contract = Contract {
    called: "an Atlassian app that reports accounts",
    word: "atlassian-report",
    about: "What is learned by asking Atlassian; receives nothing",
    inbound: None,
    authentication: Authentication::Nothing,
    scheme: "none: it receives nothing",
    secret: Secret::None,
    tenancy: Tenancy::Shared,
    own_time: None,
    settings: &[],
    read_settings: |_| Ok(settings()),
    admission: Admission::Nothing,
    interpret: |stored| interpret(stored.body),
    polling: Polling::ReportedAccounts,
};

/// The settings of a registration: nothing.
pub fn settings() -> SourceSettings {
    SourceSettings::new(SourceKind::AtlassianReport, NoSettings)
}
