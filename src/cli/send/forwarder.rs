//! Our forwarder function, which signs by Standard Webhooks. A retry keeps its id and is signed anew at its own time.

use jiff::Timestamp;

use super::{
    credential::Credential,
    delivery::HeaderList,
    player::{Attempt, BySecret, Player, Sender, set_times},
};
use crate::{
    domain::SourceKind,
    signature::{StandardSecret, standard_webhooks},
    sources::{SourceSettings, firebase_function::contract::FirebaseSettings},
};

/// How a Standard Webhooks secret begins, which no secret of Jira's has to.
const SECRET_PREFIX: &[u8] = b"whsec_";

/// How the forwarder function is played.
pub(super) static PLAYER: Player = Player {
    kind: SourceKind::FirebaseFunction,
    options: &[],
    sender: |_, _, _| Ok(Box::new(Function)),
    set_time: set_times,
    by_secret: Some(BySecret {
        prefix: Some(SECRET_PREFIX),
        known: |secret| {
            let secret = StandardSecret::parse(&String::from_utf8_lossy(secret.expose()))?;
            // Nothing of the settings is part of a delivery.
            Ok((SourceSettings::from(FirebaseSettings { project: String::new() }), secret))
        },
    }),
};

struct Function;

impl Sender for Function {
    fn signs_by_key(&self) -> bool {
        false
    }

    fn attempt(&self, attempt: &Attempt<'_>) -> anyhow::Result<(HeaderList, Vec<u8>)> {
        let Attempt { credential, identifier, body, now, .. } = attempt;
        Ok((headers(credential, identifier, body, *now)?, body.to_vec()))
    }
}

/// The headers of an attempt at `now`.
pub fn headers(credential: &Credential, identifier: &str, body: &[u8], now: Timestamp) -> anyhow::Result<HeaderList> {
    let mut headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("webhook-id", identifier.to_owned()),
        ("webhook-timestamp", now.as_second().to_string()),
    ];
    let signature = credential.signature(|secret| standard_webhooks::sign(secret, identifier, now, body))?;
    headers.extend(signature.map(|signature| ("webhook-signature", signature)));
    Ok(headers)
}
