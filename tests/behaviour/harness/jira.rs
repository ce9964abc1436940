//! Jira, as far as the gateway can tell: bodies, signatures and deliveries.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use milestone_gateway::testing::{
    app::intake::{
        accept_event,
        delivery::{Accepted, Delivery as Arrival},
    },
    domain::{Headers, SourceKind},
    signature::{SecretBytes, hub_hmac},
};
use serde_json::{Value, json};

use super::{Person, Tenant, World, secret_of};

/// One HTTP attempt of a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) body: Vec<u8>,
    pub(crate) identifier: Option<String>,
    pub(crate) signatures: Vec<Vec<u8>>,
}

impl Delivery {
    /// A delivery signed with this secret.
    pub(crate) fn signed(body: impl Into<Vec<u8>>, identifier: Option<&str>, secret: &SecretBytes) -> Self {
        let body = body.into();
        let signature = hub_hmac::sign(secret, &body).into_bytes();
        Self { body, identifier: identifier.map(str::to_owned), signatures: vec![signature] }
    }
}

impl World {
    /// Jira sends a body of its own to a tenant's source, truly signed, under an identifier that was never used.
    pub(crate) async fn jira_sends(&self, tenant: &Tenant, body: &Value) -> Accepted {
        let number = self.deliveries.fetch_add(1, Ordering::Relaxed);
        let identifier = format!("delivery-{number}");
        let delivery = Delivery::signed(body.to_string(), Some(&identifier), &secret_of(&tenant.name));
        self.delivers(&tenant.source, &delivery).await
    }

    /// Somebody delivers something, in three pieces.
    pub(crate) async fn delivers(&self, source: &str, delivery: &Delivery) -> Accepted {
        deliver_to(&self.gateway, source, delivery).await
    }
}

pub(crate) async fn deliver_to(
    gateway: &milestone_gateway::testing::app::Gateway,
    source: &str,
    delivery: &Delivery,
) -> Accepted {
    let mut headers = Headers::default();
    delivery.signatures.iter().for_each(|signature| headers.push("x-hub-signature", signature));
    if let Some(identifier) = &delivery.identifier {
        headers.push("x-atlassian-webhook-identifier", identifier.as_bytes());
    }
    let arrival = Arrival {
        kind: SourceKind::JiraAdmin,
        source: source.to_owned(),
        tail: String::new(),
        query: String::new(),
        headers,
    };
    let mut arriving = match accept_event::begin(gateway.intake(), arrival).await {
        Ok(arriving) => arriving,
        Err(accepted) => return accepted,
    };
    for piece in delivery.body.chunks(delivery.body.len() / 3 + 1) {
        if let Err(accepted) = arriving.update(piece) {
            return accepted;
        }
    }
    arriving.finish(gateway.intake()).await
}

pub(crate) fn user_created(person: &Person, at: Timestamp) -> Value {
    user("user_created", person, at)
}

pub(crate) fn user_updated(person: &Person, at: Timestamp) -> Value {
    user("user_updated", person, at)
}

pub(crate) fn user_deleted(person: &Person, at: Timestamp) -> Value {
    user("user_deleted", person, at)
}

fn user(event: &str, person: &Person, at: Timestamp) -> Value {
    json!({
        "timestamp": at.as_millisecond(),
        "webhookEvent": event,
        "user": { "accountId": person.account_id, "accountType": "atlassian", "displayName": person.display_name,
                  "emailAddress": person.email, "avatarUrls": { "48x48": "https://avatar.example.invalid/48x48" } },
    })
}

/// A worklog as it is since `updated`; half an hour per `half_hours`, done late in the evening in India.
pub(crate) fn worklog(person: &Person, id: &str, issue: &str, half_hours: i64, updated: Timestamp) -> Value {
    json!({
        "timestamp": updated.as_millisecond(),
        "webhookEvent": "worklog_updated",
        "worklog": {
            "author": { "accountId": person.account_id, "displayName": person.display_name },
            "comment": "what was done, and for whom",
            "updated": updated.to_string(),
            "started": "2026-01-08T00:15:00.000+0530",
            "timeSpentSeconds": half_hours * 1800,
            "id": id,
            "issueId": issue,
        },
    })
}

pub(crate) fn worklog_deleted(id: &str, at: Timestamp) -> Value {
    json!({
        "timestamp": at.as_millisecond(),
        "webhookEvent": "worklog_deleted",
        "worklog": { "id": id },
    })
}
