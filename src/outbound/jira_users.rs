//! Asking a tenant's Jira what it says of an account now, for copies that are known to be out of date.
//!
//! Source: Jira Cloud REST API, version 3, "Get user". Its answer is what the person lets us see: a name that may stand for
//! another, and an e-mail address or none. While Atlassian's own directory is away it answers with fallback values: an answer
//! about another id than the one asked about is none. `unknown` stands for the broken record of somebody who was deleted. Safe
//! to repeat.

use reqwest::{Client, Method};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Authorization, BaseAddress, CallFailure,
    call::{Call, Payload, call, object, successful},
};
use crate::domain::{
    Personal,
    identity::ATLASSIAN_PLACEHOLDER_ACCOUNT_ID,
    profile::{Profile, ProfileAttribute},
};

const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    account_id: Option<String>,
    display_name: Option<String>,
    email_address: Option<String>,
    active: Option<bool>,
}

/// What the site says of an account; `None` when it knows nobody of this id (any more). An e-mail address that it does not
/// tell is told as none: the person does not want us to have it. A name that it does not tell is not told.
pub async fn user(
    client: &Client,
    base: &BaseAddress,
    authorization: &Authorization,
    account_id: &Personal<String>,
) -> Result<Option<Profile>, CallFailure> {
    let id = account_id.expose_for("asking the site about this account");
    let mut url = base.below(&["rest", "api", "3", "user"]);
    url.query_pairs_mut().append_pair("accountId", id);
    let request = Call {
        method: Method::GET,
        url,
        authorization: Some(authorization),
        payload: Payload::Nothing,
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    let answer = call(client, request).await?;
    if answer.status == 404 {
        // Jira says so in JSON; a page of something before it says nothing about a person.
        let _: IgnoredAny = object(&answer.body)?;
        return Ok(None);
    }
    let user: User = object(&successful(answer)?.body)?;
    match user.account_id.as_deref() {
        Some(same) if same == id => {}
        Some(ATLASSIAN_PLACEHOLDER_ACCOUNT_ID) => return Ok(None),
        Some(_) | None => return Err(CallFailure::BadAnswer { what: "it is about another account" }),
    }
    let mut profile = Profile { is_active: user.active, ..Profile::default() };
    if let Some(name) = &user.display_name {
        profile.say(ProfileAttribute::DisplayName, name);
    }
    profile.say(ProfileAttribute::Email, &user.email_address.unwrap_or_default());
    Ok(Some(profile))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::tests::server::{Scripted, TestServer, answer, quick_client};

    const ID: &str = "712020:00000000-0000-4000-8000-000000000001";

    async fn asked(scripted: Scripted) -> Result<Option<Profile>, CallFailure> {
        let server = TestServer::start([scripted]).await;
        let authorization = Authorization::bearer("canary-token").expect("a token");
        let answer = user(&quick_client(), &server.base(), &authorization, &Personal::new(ID.to_owned())).await;
        let line = server.requests()[0].line().to_owned();
        assert_eq!(line, format!("GET /rest/api/3/user?accountId={} HTTP/1.1", ID.replace(':', "%3A")));
        answer
    }

    fn is(told: &Profile, attribute: ProfileAttribute, value: &str) -> bool {
        told.attributes[&attribute] == Some(Personal::new(value.to_owned()))
    }

    #[tokio::test]
    async fn an_account_is_told_as_the_site_shows_it() {
        let body = format!(r#"{{"accountId":"{ID}","displayName":"Ann","emailAddress":"a@b.example","active":false}}"#);
        let profile = asked(answer(200, body)).await.expect("an answer").expect("somebody");
        assert!(is(&profile, ProfileAttribute::DisplayName, "Ann"));
        assert!(is(&profile, ProfileAttribute::Email, "a@b.example"));
        assert_eq!(profile.is_active, Some(false));

        let hidden = format!(r#"{{"accountId":"{ID}","displayName":"Ann","emailAddress":null}}"#);
        let profile = asked(answer(200, hidden)).await.expect("an answer").expect("somebody");
        assert_eq!((&profile.attributes[&ProfileAttribute::Email], profile.is_active), (&None, None));
    }

    #[tokio::test]
    async fn nobody_is_nobody_and_fallback_values_are_no_answer() {
        let deleted = r#"{"accountId":"unknown","displayName":"Former user"}"#;
        for nobody in [answer(404, r#"{"errorMessages":["canary"]}"#), answer(200, deleted)] {
            assert!(matches!(asked(nobody).await, Ok(None)));
        }
        for unclear in [
            answer(200, r#"{"displayName":"canary"}"#),
            answer(200, r#"{"accountId":"another","displayName":"canary"}"#),
            answer(404, "<html>canary</html>"),
        ] {
            let failure = asked(unclear).await.expect_err("no answer");
            assert!(matches!(failure, CallFailure::BadAnswer { .. }), "{failure:?}");
            assert!(!format!("{failure:?}").contains("canary"));
        }
        let nameless = format!(r#"{{"accountId":"{ID}"}}"#);
        let profile = asked(answer(200, nameless)).await.expect("an answer").expect("somebody");
        assert!(!profile.attributes.contains_key(&ProfileAttribute::DisplayName));
        assert!(matches!(asked(answer(401, "")).await, Err(CallFailure::Refused { status: 401 })));
        assert!(matches!(asked(answer(200, "<html>")).await, Err(CallFailure::BadAnswer { .. })));
    }
}
