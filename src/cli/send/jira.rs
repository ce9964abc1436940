//! A webhook as Jira makes it (Atlassian, "Jira Cloud platform: webhooks").

use super::{
    credential::Credential,
    delivery::HeaderList,
    player::{Attempt, BySecret, Player, Sender, set_milliseconds},
};
use crate::{domain::SourceKind, signature::hub_hmac, sources::jira};

/// How a webhook of Jira's is played.
pub(super) static PLAYER: Player = Player {
    kind: SourceKind::JiraAdmin,
    options: &[],
    sender: |_, _, _| Ok(Box::new(Webhook)),
    set_time: |object, at| set_milliseconds(object, at, false),
    by_secret: Some(BySecret { prefix: None, known: |secret| Ok((jira::contract::settings(), secret)) }),
};

struct Webhook;

impl Sender for Webhook {
    fn signs_by_key(&self) -> bool {
        false
    }

    fn attempt(&self, attempt: &Attempt<'_>) -> anyhow::Result<(HeaderList, Vec<u8>)> {
        let Attempt { credential, identifier, body, retry, .. } = attempt;
        Ok((headers(credential, identifier, body, *retry)?, body.to_vec()))
    }
}

/// The headers of the first attempt (0) or of a retry.
fn headers(credential: &Credential, identifier: &str, body: &[u8], retry: u32) -> anyhow::Result<HeaderList> {
    let mut headers = unsigned(identifier);
    let signature = credential.signature(|secret| hub_hmac::sign(secret, body))?;
    headers.extend(signature.map(|signature| ("X-Hub-Signature", signature)));
    headers.extend(of_retry(retry));
    Ok(headers)
}

/// The headers that a Connect app's webhooks have too.
pub(super) fn unsigned(identifier: &str) -> HeaderList {
    vec![
        ("Content-Type", "application/json; charset=utf-8".to_owned()),
        ("User-Agent", "Atlassian Webhook HTTP Client".to_owned()),
        ("X-Atlassian-Webhook-Identifier", identifier.to_owned()),
        ("X-Atlassian-Webhook-Flow", "Primary".to_owned()),
    ]
}

/// How a retry says that it is one.
pub(super) fn of_retry(retry: u32) -> Option<(&'static str, String)> {
    (retry > 0).then(|| ("X-Atlassian-Webhook-Retry", retry.to_string()))
}
