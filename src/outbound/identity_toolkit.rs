//! The accounts of a Firebase project: disable, revoke, delete, look up (Google's Identity Toolkit API, version 1).
//!
//! Promises: repeating any call is safe; an account that is gone already is an outcome and not an error; answers are never
//! logged or kept, because those of `accounts:update` carry password hashes. One value per project: it holds the pace that
//! Google's quotas ask for (<https://firebase.google.com/docs/auth/limits>), and its clones share it.

mod account;
mod wire;

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::{Client, Method};
use serde::Deserialize;

pub use self::account::{Account, ChangeAnswer};
use self::wire::{
    Ask, AskMany, Found, FoundAccount, LookUp, body_of, change_answer, checked_name, checked_uids, sorted,
};
use super::{
    Answer, Authorization, BaseAddress, CallFailure,
    call::{Call, Payload, call, object},
    google_token::GoogleToken,
    pace::Pace,
};
use crate::domain::Personal;

/// The most accounts of one look-up.
pub const LOOKUP_UIDS_MAX: usize = 100;
/// The most accounts of one batch deletion.
pub const BATCH_UIDS_MAX: usize = 1000;
/// Google's quota: ten deletions in a second.
const DELETE_INTERVAL: Duration = Duration::from_millis(100);
/// Google's quota: one batch deletion in a second.
const BATCH_INTERVAL: Duration = Duration::from_secs(1);
/// The longest wait for a turn; beyond it the job's own schedule is the better place to wait.
const TURN_WAIT_MAX: Duration = Duration::from_secs(20);
const ACCOUNT_ANSWER_BYTES_MAX: usize = 64 * 1024;
const LOOKUP_ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The accounts of one project, behind Google or behind an emulator.
#[derive(Clone)]
pub struct IdentityToolkit {
    client: Client,
    base: BaseAddress,
    /// The path before `projects`.
    prefix: &'static [&'static str],
    project: String,
    credentials: Credentials,
    paces: Arc<Paces>,
}

#[derive(Clone)]
enum Credentials {
    Google(Arc<GoogleToken>),
    Emulator,
}

struct Paces {
    delete: Pace,
    batch: Pace,
}

impl IdentityToolkit {
    /// The project's accounts at Google. Fails when `project` is no name.
    pub fn google(client: Client, project: &str, token: Arc<GoogleToken>) -> Result<Self, CallFailure> {
        Self::at(client, BaseAddress::identity_toolkit(), &["v1"], project, Credentials::Google(token))
    }

    /// The project's accounts in the Firebase Auth emulator, which takes `owner` for a token.
    pub fn emulator(client: Client, base: BaseAddress, project: &str) -> Result<Self, CallFailure> {
        let prefix: &[&str] = &["identitytoolkit.googleapis.com", "v1"];
        Self::at(client, base, prefix, project, Credentials::Emulator)
    }

    fn at(
        client: Client,
        base: BaseAddress,
        prefix: &'static [&'static str],
        project: &str,
        credentials: Credentials,
    ) -> Result<Self, CallFailure> {
        let project = checked_name(project)?.to_owned();
        let paces = Arc::new(Paces {
            delete: Pace::new(DELETE_INTERVAL, TURN_WAIT_MAX),
            batch: Pace::new(BATCH_INTERVAL, TURN_WAIT_MAX),
        });
        Ok(Self { client, base, prefix, project, credentials, paces })
    }

    /// Revokes access: the account can no longer sign in. Tokens already issued live on until they expire.
    pub async fn disable(
        &self,
        tenant: Option<&str>,
        uid: &Personal<String>,
        now: Timestamp,
    ) -> Result<ChangeAnswer, CallFailure> {
        let ask = Ask { disable_user: Some(true), ..Ask::about(uid)? };
        self.update(tenant, &ask, now).await
    }

    /// Voids the refresh tokens issued before `valid_since_seconds`.
    pub async fn revoke(
        &self,
        tenant: Option<&str>,
        uid: &Personal<String>,
        valid_since_seconds: i64,
        now: Timestamp,
    ) -> Result<ChangeAnswer, CallFailure> {
        let ask = Ask { valid_since: Some(valid_since_seconds.to_string()), ..Ask::about(uid)? };
        self.update(tenant, &ask, now).await
    }

    /// Deletes the account. Waits for its turn, at most 20 s.
    pub async fn delete(
        &self,
        tenant: Option<&str>,
        uid: &Personal<String>,
        now: Timestamp,
    ) -> Result<ChangeAnswer, CallFailure> {
        let ask = Ask::about(uid)?;
        let body = body_of(&ask)?;
        self.paces.delete.turn().await?;
        let answer = self.ask(tenant, "accounts:delete", body, ACCOUNT_ANSWER_BYTES_MAX, now).await?;
        let outcome = change_answer(answer, ask.uid);
        if let Err(CallFailure::Throttled { retry_after }) = &outcome {
            self.paces.delete.ease(*retry_after);
        }
        outcome
    }

    /// Deletes up to [`BATCH_UIDS_MAX`] accounts, enabled ones too, and returns the positions of those that are still there.
    /// Accounts that were gone before count as deleted.
    pub async fn delete_batch(
        &self,
        tenant: Option<&str>,
        uids: &[Personal<String>],
        now: Timestamp,
    ) -> Result<Vec<usize>, CallFailure> {
        #[derive(Deserialize)]
        struct Failed {
            #[serde(default)]
            index: usize,
        }
        #[derive(Deserialize)]
        struct Outcome {
            #[serde(default)]
            errors: Vec<Failed>,
        }
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let body = body_of(&AskMany { uids: &checked_uids(uids, BATCH_UIDS_MAX)?, force: true })?;
        self.paces.batch.turn().await?;
        let answer = self.ask(tenant, "accounts:batchDelete", body, LOOKUP_ANSWER_BYTES_MAX, now).await?;
        let outcome: Outcome = match sorted(answer) {
            Ok(answer) => object(&answer.body)?,
            Err(failure) => {
                if let CallFailure::Throttled { retry_after } = &failure {
                    self.paces.batch.ease(*retry_after);
                }
                return Err(failure);
            }
        };
        let mut left: Vec<usize> = outcome.errors.into_iter().map(|failed| failed.index).collect();
        left.sort_unstable();
        left.dedup();
        if left.last().is_some_and(|last| *last >= uids.len()) {
            return Err(CallFailure::BadAnswer { what: "it names a position that was not asked about" });
        }
        Ok(left)
    }

    /// The accounts that exist among up to [`LOOKUP_UIDS_MAX`] uids. What the answer says about others is ignored.
    pub async fn lookup(
        &self,
        tenant: Option<&str>,
        uids: &[Personal<String>],
        now: Timestamp,
    ) -> Result<Vec<Account>, CallFailure> {
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let body = body_of(&LookUp { uids: &checked_uids(uids, LOOKUP_UIDS_MAX)? })?;
        let answer = self.ask(tenant, "accounts:lookup", body, LOOKUP_ANSWER_BYTES_MAX, now).await?;
        let found: Found = object(&sorted(answer)?.body)?;
        let accounts = found.users.into_iter().map(FoundAccount::account);
        Ok(accounts.filter(|account| uids.contains(&account.uid)).collect())
    }

    async fn update(&self, tenant: Option<&str>, ask: &Ask<'_>, now: Timestamp) -> Result<ChangeAnswer, CallFailure> {
        let answer = self.ask(tenant, "accounts:update", body_of(ask)?, ACCOUNT_ANSWER_BYTES_MAX, now).await?;
        change_answer(answer, ask.uid)
    }

    /// Asks once; and once more with another token when the one in memory is not taken any more.
    async fn ask(
        &self,
        tenant: Option<&str>,
        verb: &str,
        body: Vec<u8>,
        answer_bytes_max: usize,
        now: Timestamp,
    ) -> Result<Answer, CallFailure> {
        let mut segments = self.prefix.to_vec();
        segments.extend(["projects", &self.project]);
        if let Some(tenant) = tenant {
            segments.extend(["tenants", checked_name(tenant)?]);
        }
        segments.push(verb);
        let url = self.base.below(&segments);
        let ask_as = async |authorization: &Authorization| {
            let payload = Payload::Json(body.clone());
            let authorization = Some(authorization);
            let request = Call { method: Method::POST, url: url.clone(), authorization, payload, answer_bytes_max };
            call(&self.client, request).await
        };
        match &self.credentials {
            Credentials::Emulator => ask_as(&Authorization::bearer("owner")?).await,
            Credentials::Google(token) => {
                let authorization = token.authorization(now).await?;
                let answer = ask_as(&authorization).await?;
                if answer.status != 401 {
                    return Ok(answer);
                }
                token.forget(&authorization).await;
                ask_as(&token.authorization(now).await?).await
            }
        }
    }
}

impl fmt::Debug for IdentityToolkit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IdentityToolkit({})", self.project)
    }
}

#[cfg(test)]
mod tests;
