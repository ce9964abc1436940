//! What we learned by asking Atlassian (personal data reporting, changed worklogs), written down by ourselves as an event, so
//! that it goes the way of every other one.

pub mod contract;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::{
    IdentityKind, Issuer, Personal,
    event::{LifecycleEvent, Malformed, NamedIdentity, PersonSignal},
    identity::is_atlassian_account_id,
    profile::Profile,
};

/// One answer, as it is kept. Exactly one of the two names an account.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account_closed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account_updated: Option<String>,
    learned_at: Timestamp,
}

impl Answer {
    fn to_body(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).expect("an id and a time are JSON"))
    }
}

fn exposed(account_id: &Personal<String>) -> String {
    account_id.expose_for("the event's body, which is sealed").clone()
}

/// The body of an event that says that an account is closed, learned at this time. The same account and time always give
/// the same bytes.
pub fn account_closed(account_id: &Personal<String>, learned_at: Timestamp) -> Zeroizing<Vec<u8>> {
    Answer { account_closed: Some(exposed(account_id)), account_updated: None, learned_at }.to_body()
}

/// The same for an account whose personal data has changed.
pub fn account_updated(account_id: &Personal<String>, learned_at: Timestamp) -> Zeroizing<Vec<u8>> {
    Answer { account_closed: None, account_updated: Some(exposed(account_id)), learned_at }.to_body()
}

/// What such a body says.
pub fn interpret(body: &[u8]) -> Result<LifecycleEvent, Malformed> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| Malformed::NotJson)?;
    let (signal, account_id, field) = match (answer.account_closed, answer.account_updated) {
        (Some(account_id), None) => (PersonSignal::AccountClosed, account_id, "account_closed"),
        (None, Some(account_id)) => (PersonSignal::AccountUpdated, account_id, "account_updated"),
        (None, None) => return Err(Malformed::MissingField("account_closed")),
        (Some(_), Some(_)) => return Err(Malformed::InvalidField("account_updated")),
    };
    let value = Personal::new(account_id);
    if !is_atlassian_account_id(value.expose_for("checking its form")) {
        return Err(Malformed::InvalidField(field));
    }
    Ok(LifecycleEvent::Person {
        signal,
        identity: NamedIdentity { kind: IdentityKind::AtlassianAccountId, issuer: Issuer::Universal, value },
        source_at: Some(answer.learned_at),
        profile: Profile::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_and_an_updated_account_read_back_and_nothing_else_does() {
        let account = Personal::new("5be24ba3f91c106033269289".to_owned());
        let at = Timestamp::from_second(1_790_200_000).expect("a time");
        let event = interpret(&account_closed(&account, at)).expect("our own");
        assert!(
            matches!(event, LifecycleEvent::Person { signal: PersonSignal::AccountClosed, identity, source_at, .. }
                if identity.value == account && source_at == Some(at))
        );
        let event = interpret(&account_updated(&account, at)).expect("our own");
        assert!(
            matches!(event, LifecycleEvent::Person { signal: PersonSignal::AccountUpdated, identity, source_at, .. }
                if identity.value == account && source_at == Some(at))
        );
        for body in [
            &b""[..],
            b"{}",
            br#"{"learned_at":"2026-01-01T00:00:00Z"}"#,
            br#"{"account_closed":"a b","learned_at":"2026-01-01T00:00:00Z"}"#,
            br#"{"account_updated":"unknown","learned_at":"2026-01-01T00:00:00Z"}"#,
            br#"{"account_closed":"a","account_updated":"a","learned_at":"2026-01-01T00:00:00Z"}"#,
        ] {
            assert!(interpret(body).is_err());
        }
    }
}
