//! The demo as a sender: real HTTP, real signatures.

use std::{collections::HashMap, net::SocketAddr};

use anyhow::Context;
use serde_json::Value;

use super::stage::{MSPS, Msp};
use crate::{
    app::{Gateway, registry},
    outbound::{self, Timeouts},
    signature::{SecretBytes, hub_hmac},
};

/// A delivery to be posted.
pub(super) struct Delivery {
    identifier: String,
    body: Vec<u8>,
    signature: Signature,
}

enum Signature {
    Good,
    Forged,
    Missing,
}

impl Delivery {
    pub(super) fn signed(identifier: &str, body: &Value) -> Self {
        Self::new(identifier, body, Signature::Good)
    }

    pub(super) fn forged(identifier: &str, body: &Value) -> Self {
        Self::new(identifier, body, Signature::Forged)
    }

    pub(super) fn unsigned(identifier: &str, body: &Value) -> Self {
        Self::new(identifier, body, Signature::Missing)
    }

    fn new(identifier: &str, body: &Value, signature: Signature) -> Self {
        Self { identifier: identifier.to_owned(), body: body.to_string().into_bytes(), signature }
    }
}

/// What the gateway answered.
pub(super) struct Answer {
    pub(super) status: u16,
}

/// Posts deliveries and counts the answers.
pub(super) struct Sender {
    client: reqwest::Client,
    address: SocketAddr,
    secrets: HashMap<&'static str, SecretBytes>,
    pub(super) sent: u32,
    pub(super) acknowledged: u32,
    pub(super) rejected: u32,
}

impl Sender {
    /// Fetches each source's secret, as Jira would know it.
    pub(super) async fn new(address: SocketAddr, gateway: &Gateway) -> anyhow::Result<Self> {
        let mut secrets = HashMap::new();
        for msp in &MSPS {
            secrets.insert(msp.source, registry::signing_secret(gateway, msp.source).await?);
        }
        let client = outbound::client(Timeouts::default()).context("an HTTP client")?;
        Ok(Self { client, address, secrets, sent: 0, acknowledged: 0, rejected: 0 })
    }

    pub(super) async fn post(&mut self, msp: &Msp, delivery: &Delivery) -> anyhow::Result<Answer> {
        self.post_to(msp.source, delivery).await
    }

    pub(super) async fn post_to(&mut self, source: &str, delivery: &Delivery) -> anyhow::Result<Answer> {
        let mut request = self
            .client
            .post(format!("http://{}/webhooks/jira/{source}", self.address))
            .header("content-type", "application/json; charset=utf-8")
            .header("x-atlassian-webhook-identifier", &delivery.identifier)
            .body(delivery.body.clone());
        let forged = SecretBytes::new(b"not the secret of anybody".to_vec());
        let secret = match delivery.signature {
            Signature::Good => self.secrets.get(source),
            Signature::Forged => Some(&forged),
            Signature::Missing => None,
        };
        if let Some(secret) = secret {
            request = request.header("x-hub-signature", hub_hmac::sign(secret, &delivery.body));
        }
        let status = request.send().await.context("the gateway did not answer")?.status().as_u16();
        self.sent += 1;
        match status {
            200 | 204 => self.acknowledged += 1,
            401 => self.rejected += 1,
            _ => {}
        }
        Ok(Answer { status })
    }
}
