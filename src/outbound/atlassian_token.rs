//! Access tokens of an Atlassian OAuth 2.0 app, by rotating refresh tokens.
//!
//! ```text
//!  stored refresh token ─▶ refresh ─▶ { access token, new refresh token } ─▶ the caller stores the new one FIRST, then calls
//! ```
//!
//! Source: Atlassian, "Implementing the refresh token flow". A refresh token is void once it has been used, so this room
//! keeps none: who calls owns it, must let only one refresh run at a time, and must store what comes back. A fixed token for
//! development is [`Authorization::bearer`].

use std::fmt;

use reqwest::{Client, Method};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    Authorization, BaseAddress, CallFailure,
    call::{Call, Payload, call, object, successful},
};

const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The app as Atlassian's developer console knows it.
pub struct AtlassianApp {
    /// Its client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: SecretString,
}

impl fmt::Debug for AtlassianApp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AtlassianApp({})", self.client_id)
    }
}

/// What a refresh gave.
#[derive(Debug)]
pub struct AtlassianGrant {
    /// The access token.
    pub authorization: Authorization,
    /// The refresh token for the next time. `None` where the answer had none and the old one stays.
    pub refresh_token: Option<SecretString>,
}

impl AtlassianApp {
    /// Exchanges a refresh token. **Not safe to repeat** after an unknown outcome ([`CallFailure::Unavailable`],
    /// [`CallFailure::BadAnswer`]): the token may have been used up, and then 403 answers the next attempt until an
    /// administrator connects the app again. [`CallFailure::Refused`] says that it is void.
    pub async fn refresh(
        &self,
        client: &Client,
        base: &BaseAddress,
        refresh_token: &SecretString,
    ) -> Result<AtlassianGrant, CallFailure> {
        let asked = RefreshGrant {
            grant_type: "refresh_token",
            client_id: &self.client_id,
            client_secret: self.client_secret.expose_secret(),
            refresh_token: refresh_token.expose_secret(),
        };
        let body = serde_json::to_vec(&asked)
            .map_err(|_| CallFailure::NotSendable { what: "it cannot be written as JSON" })?;
        let request = Call {
            method: Method::POST,
            url: base.below(&["oauth", "token"]),
            authorization: None,
            payload: Payload::Json(body),
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let answer = successful(call(client, request).await?)?;
        let body = Zeroizing::new(answer.body);
        let granted: Granted = object(&body)?;
        let is_empty = |token: &SecretString| token.expose_secret().is_empty();
        if granted.expires_in <= 0 || granted.refresh_token.as_ref().is_some_and(is_empty) {
            return Err(CallFailure::BadAnswer { what: "it grants no token" });
        }
        let authorization = Authorization::bearer(granted.access_token.expose_secret())
            .map_err(|_| CallFailure::BadAnswer { what: "its token cannot be sent" })?;
        Ok(AtlassianGrant { authorization, refresh_token: granted.refresh_token })
    }
}

#[derive(Serialize)]
struct RefreshGrant<'a> {
    grant_type: &'a str,
    client_id: &'a str,
    client_secret: &'a str,
    refresh_token: &'a str,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: i64,
    refresh_token: Option<SecretString>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::outbound::tests::server::{Scripted, TestServer, answer, quick_client};

    async fn refresh_at(server: &TestServer) -> Result<AtlassianGrant, CallFailure> {
        let app = AtlassianApp { client_id: "app-1".to_owned(), client_secret: SecretString::from("canary-secret") };
        assert!(!format!("{app:?}").contains("canary"));
        app.refresh(&quick_client(), &server.base(), &SecretString::from("canary-old")).await
    }

    async fn refresh_with(scripted: Scripted) -> Result<AtlassianGrant, CallFailure> {
        refresh_at(&TestServer::start([scripted]).await).await
    }

    #[tokio::test]
    async fn the_new_refresh_token_is_handed_back_to_be_stored() {
        let body = json!({"access_token": "canary-a", "expires_in": 3600, "refresh_token": "canary-new", "scope": "x"});
        let server = TestServer::start([answer(200, body.to_string())]).await;

        let grant = refresh_at(&server).await.expect("a grant");

        assert!(!format!("{grant:?}").contains("canary"));
        assert_eq!(grant.authorization.header(), "Bearer canary-a");
        assert_eq!(grant.refresh_token.expect("rotated").expose_secret(), "canary-new");
        let request = server.requests().remove(0);
        assert_eq!(request.line(), "POST /oauth/token HTTP/1.1");
        let expected = json!({"grant_type": "refresh_token", "client_id": "app-1", "client_secret": "canary-secret",
            "refresh_token": "canary-old"});
        assert_eq!(request.json(), expected);
    }

    #[tokio::test]
    async fn a_void_token_and_unusable_answers_are_told_without_quoting_them() {
        let void = answer(403, r#"{"error":"invalid_grant","error_description":"canary"}"#);
        let failure = refresh_with(void).await.expect_err("void");
        assert!(matches!(failure, CallFailure::Refused { status: 403 }), "{failure:?}");
        for body in [
            "<html>canary</html>",
            r#"{"access_token":"canary","expires_in":0}"#,
            r#"{"access_token":"can ary","expires_in":60}"#,
            r#"{"access_token":"canary","expires_in":60,"refresh_token":""}"#,
            r#"{"error":"canary"}"#,
        ] {
            let failure = refresh_with(answer(200, body)).await.expect_err("unusable");
            assert!(matches!(failure, CallFailure::BadAnswer { .. }), "{failure:?}");
            assert!(!format!("{failure:?} {failure}").contains("canary"));
        }
    }
}
