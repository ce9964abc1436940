//! What we learned by asking Atlassian (personal data reporting, changed worklogs), written down by ourselves as an event, so
//! that it goes the way of every other one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::{
    IdentityKind, Personal,
    event::{LifecycleEvent, Malformed, NamedIdentity, PersonSignal},
    identity::is_atlassian_account_id,
};

/// One answer, as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    account_closed: String,
    learned_at: Timestamp,
}

/// The body of an event that says that an account is closed, learned at this time. The same account and time always give
/// the same bytes.
pub fn account_closed(account_id: &Personal<String>, learned_at: Timestamp) -> Zeroizing<Vec<u8>> {
    let account_closed = account_id.expose_for("the event's body, which is sealed").clone();
    let answer = Answer { account_closed, learned_at };
    Zeroizing::new(serde_json::to_vec(&answer).expect("an id and a time are JSON"))
}

/// What such a body says.
pub fn interpret(body: &[u8]) -> Result<LifecycleEvent, Malformed> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| Malformed::NotJson)?;
    if !is_atlassian_account_id(&answer.account_closed) {
        return Err(Malformed::InvalidField("account_closed"));
    }
    Ok(LifecycleEvent::Person {
        signal: PersonSignal::AccountClosed,
        identity: NamedIdentity {
            kind: IdentityKind::AtlassianAccountId,
            issuer: String::new(),
            value: Personal::new(answer.account_closed),
        },
        source_at: Some(answer.learned_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_account_reads_back_and_nothing_else_does() {
        let account = Personal::new("5be24ba3f91c106033269289".to_owned());
        let at = Timestamp::from_second(1_790_200_000).expect("a time");
        let event = interpret(&account_closed(&account, at)).expect("our own");
        assert!(matches!(event, LifecycleEvent::Person { signal: PersonSignal::AccountClosed, identity, source_at }
                if identity.value == account && source_at == Some(at)));
        for body in [&b""[..], b"{}", br#"{"account_closed":"a b","learned_at":"2026-01-01T00:00:00Z"}"#] {
            assert!(interpret(body).is_err());
        }
    }
}
