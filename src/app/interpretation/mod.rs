//! What a pending event means, and its consequences in one commit.

pub mod correction;
pub mod dispatch;
pub mod ending;
pub mod hours;
pub mod issue_hierarchy;
pub mod person_signal;
pub mod queue;
pub mod reading;
pub mod route_to_tenants;
pub mod tenant_signal;
