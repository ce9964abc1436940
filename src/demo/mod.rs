//! The demo: three stories over real HTTP on a demo database, and the reference product's sample data. Only with the feature
//! `demo`; what a tenant's people run in production has none of it.
//!
//! ```text
//! tell ─▶ stage (three MSPs, their sample data, a calendar) ─▶ story                a person leaves
//!                                                          └─▶ tenant ─▶ portal   a tenant and a portal user leave
//!           sender, senders: the demo as Jira, Forge and the forwarder ─▶ HTTP ─▶ the running gateway
//! ```
//!
//! Promises: a figure that is not as promised is an error. It looks at the product's tables only to show what became of
//! them, and changes them only to fill an empty tenant; everything else is done by the gateway that it sends to.

mod calendar;
mod portal;
pub mod reference;
mod sender;
mod senders;
mod stage;
mod story;
mod tenant;

use serde::Serialize;
use serde_json::Value;

pub use senders::FORGE_SOURCE;
pub use stage::{MSPS, Stage};

/// The figures of all stories, as one object.
#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    person: story::Figures,
    #[serde(flatten)]
    tenant: tenant::TenantFigures,
}

/// Fills the tenants, tells every story and returns the figures. `private_pem` is the key that the gateway on the stage
/// takes for Atlassian's.
pub async fn tell(stage: &Stage, private_pem: &[u8]) -> anyhow::Result<Value> {
    stage.seed().await?;
    let person = story::tell(stage).await?;
    let tenant = Box::pin(tenant::tell(stage, private_pem)).await?;
    Ok(serde_json::to_value(Figures { person, tenant })?)
}
