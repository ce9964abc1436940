//! What the API is sent and what its answers mean.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{Account, ChangeAnswer, UID_CHARS_MAX};
use crate::{
    domain::Personal,
    outbound::{
        Answer, CallFailure,
        call::{object, successful},
    },
};

/// The longest name of a project or tenant that is believed, in bytes.
const NAME_BYTES_MAX: usize = 128;

#[derive(Serialize)]
pub(super) struct Ask<'a> {
    #[serde(rename = "localId")]
    pub(super) uid: &'a str,
    #[serde(rename = "disableUser", skip_serializing_if = "Option::is_none")]
    pub(super) disable_user: Option<bool>,
    #[serde(rename = "validSince", skip_serializing_if = "Option::is_none")]
    pub(super) valid_since: Option<String>,
}

impl<'a> Ask<'a> {
    pub(super) fn about(uid: &'a Personal<String>) -> Result<Self, CallFailure> {
        Ok(Self { uid: checked_uid(uid)?, disable_user: None, valid_since: None })
    }
}

#[derive(Serialize)]
pub(super) struct AskMany<'a> {
    #[serde(rename = "localIds")]
    pub(super) uids: &'a [&'a str],
    pub(super) force: bool,
}

#[derive(Serialize)]
pub(super) struct LookUp<'a> {
    #[serde(rename = "localId")]
    pub(super) uids: &'a [&'a str],
}

#[derive(Deserialize)]
pub(super) struct Found {
    #[serde(default)]
    pub(super) users: Vec<FoundAccount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoundAccount {
    local_id: String,
    #[serde(default)]
    disabled: bool,
    /// Seconds, as text.
    valid_since: Option<String>,
    /// Milliseconds, as text.
    created_at: Option<String>,
}

impl FoundAccount {
    pub(super) fn account(self) -> Account {
        let created_at = self.created_at.and_then(|text| Timestamp::from_millisecond(text.parse().ok()?).ok());
        Account {
            uid: Personal::new(self.local_id),
            is_disabled: self.disabled,
            valid_since_seconds: self.valid_since.and_then(|text| text.parse().ok()),
            created_at,
        }
    }
}

/// What an answer about one account means.
pub(super) fn change_answer(answer: Answer, uid: &str) -> Result<ChangeAnswer, CallFailure> {
    #[derive(Deserialize)]
    struct About {
        #[serde(rename = "localId")]
        uid: Option<String>,
        error: Option<serde::de::IgnoredAny>,
    }
    let is_missing = matches!(answer.status, 400 | 404) && error_word(&answer).as_deref() == Some("USER_NOT_FOUND");
    if is_missing {
        return Ok(ChangeAnswer::AlreadyGone);
    }
    let About { uid: answered, error } = object(&sorted(answer)?.body)?;
    let is_other = answered.is_some_and(|other| other != uid);
    if is_other || error.is_some() {
        return Err(CallFailure::BadAnswer { what: "it is not about the account asked about" });
    }
    Ok(ChangeAnswer::Done)
}

/// As [`successful`], and knows the words by which this API asks for fewer calls under status 400 and 403.
pub(super) fn sorted(answer: Answer) -> Result<Answer, CallFailure> {
    let is_quota = matches!(answer.status, 400 | 403)
        && matches!(error_word(&answer).as_deref(), Some("QUOTA_EXCEEDED" | "TOO_MANY_ATTEMPTS_TRY_LATER"));
    if is_quota { Err(CallFailure::Throttled { retry_after: None }) } else { successful(answer) }
}

/// The word that a rejection begins with, as in `CODE : detail`.
fn error_word(answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Rejection {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        message: String,
    }
    let message = object::<Rejection>(&answer.body).ok()?.error.message;
    Some(message.split([' ', ':']).next().unwrap_or_default().to_owned())
}

pub(super) fn body_of(ask: &impl Serialize) -> Result<Vec<u8>, CallFailure> {
    serde_json::to_vec(ask).map_err(|_| CallFailure::NotSendable { what: "it cannot be written as JSON" })
}

fn checked_uid(uid: &Personal<String>) -> Result<&str, CallFailure> {
    let text = uid.expose_for("a call about this account").as_str();
    if text.is_empty() || text.chars().count() > UID_CHARS_MAX {
        return Err(CallFailure::NotSendable { what: "a uid has 1 to 128 characters" });
    }
    Ok(text)
}

pub(super) fn checked_uids(uids: &[Personal<String>], count_max: usize) -> Result<Vec<&str>, CallFailure> {
    if uids.len() > count_max {
        return Err(CallFailure::NotSendable { what: "too many accounts for one call" });
    }
    uids.iter().map(checked_uid).collect()
}

/// Names of projects and tenants become parts of the path.
pub(super) fn checked_name(name: &str) -> Result<&str, CallFailure> {
    let is_name = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
        && !name.starts_with('.');
    if is_name { Ok(name) } else { Err(CallFailure::NotSendable { what: "it is no name of a project or tenant" }) }
}
