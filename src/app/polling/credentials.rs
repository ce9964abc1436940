//! The credentials by which a source is asked, as they are sealed, and what can be done with them.
//!
//! | sealed JSON | what for |
//! |---|---|
//! | `client_id`, `client_secret`, `refresh_token` | Atlassian's OAuth 2.0 app; the refresh token rotates |
//! | `email`, `api_token` | one Jira site, at the source's own `site_host` |
//! | `bearer`, `api` | a server on this machine, for development only |
//!
//! An `api` beside the first form sends that to a server on this machine too, for development only.

use crate::app::registry;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    app::{
        ground::error::Error,
        polling::{Polling, turn::Halted},
    },
    domain::reason::WaitReason,
    outbound::{Authorization, BaseAddress, CallFailure, atlassian_token::AtlassianApp},
    signature::SecretBytes,
    store::poll::PollSource,
};

/// The name under which failures of Atlassian's host for tokens are remembered.
const TOKENS: &str = "auth.atlassian.com";

/// What is sealed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    refresh_token: Option<SecretString>,
    email: Option<String>,
    api_token: Option<SecretString>,
    bearer: Option<SecretString>,
    api: Option<String>,
}

/// What is sealed again after a refresh.
#[derive(Serialize)]
struct Renewed<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    refresh_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'a str>,
}

/// How a source is asked.
pub(in crate::app) enum Credentials {
    /// By an app, with a token that has to be fetched.
    App(Box<App>),
    /// At one Jira site.
    Site(Authorization),
    /// A server on this machine.
    Development {
        /// What lets us in.
        authorization: Authorization,
        /// Where it is.
        api: BaseAddress,
    },
}

/// An OAuth 2.0 app and its rotating refresh token.
pub(in crate::app) struct App {
    used: Uuid,
    client: AtlassianApp,
    refresh_token: SecretString,
    /// A server on this machine in place of Atlassian's hosts: its text and itself.
    development: Option<(String, BaseAddress)>,
}

/// A way to call.
pub(in crate::app) struct Access {
    /// The client: for the public internet, or for this machine.
    pub(in crate::app) client: reqwest::Client,
    /// Where.
    pub(in crate::app) base: BaseAddress,
    /// What lets us in.
    pub(in crate::app) authorization: Authorization,
}

impl Credentials {
    /// The server on this machine that stands in for Atlassian's, where an app's source names one.
    pub(in crate::app) async fn of_development(
        gateway: &Polling,
        source: &PollSource,
    ) -> Result<Option<BaseAddress>, Halted> {
        if registry::provider_credential(gateway, source.source_id).await?.is_none() {
            return Ok(None);
        }
        match Self::of(gateway, source).await? {
            Self::Development { api, .. } => Ok(Some(api)),
            Self::App(_) | Self::Site(_) => Ok(None),
        }
    }

    /// The source's credentials. Fails for a form that cannot be used, and for one of development without the switch.
    pub(in crate::app) async fn of(gateway: &Polling, source: &PollSource) -> Result<Self, Halted> {
        let unreadable = CallFailure::NotSendable { what: "the source's credentials cannot be read" };
        let Some((used, secret)) = registry::provider_credential(gateway, source.source_id).await? else {
            return Err(CallFailure::NotSendable { what: "the source has no credentials" }.into());
        };
        // The parser's error is dropped: it quotes values.
        let sealed: Sealed = serde_json::from_slice(secret.expose()).map_err(|_| unreadable)?;
        Ok(parse(used, sealed, gateway.trusts_emulators())?)
    }
}

fn parse(used: Uuid, sealed: Sealed, trusts_emulators: bool) -> Result<Credentials, CallFailure> {
    let development = match sealed.api {
        None => None,
        Some(_) if !trusts_emulators => {
            let what = "a server on this machine is believed under the development switch only";
            return Err(CallFailure::NotSendable { what });
        }
        Some(text) => Some((BaseAddress::development(&text)?, text)).map(|(base, text)| (text, base)),
    };
    match (sealed.client_id, sealed.client_secret, sealed.refresh_token) {
        (Some(client_id), Some(client_secret), Some(refresh_token)) => {
            let client = AtlassianApp { client_id, client_secret };
            return Ok(Credentials::App(Box::new(App { used, client, refresh_token, development })));
        }
        (None, None, None) => {}
        (_, _, _) => return Err(CallFailure::NotSendable { what: "an app has an id, a secret and a refresh token" }),
    }
    match (sealed.email, sealed.api_token, sealed.bearer, development) {
        (Some(email), Some(token), None, None) => Ok(Credentials::Site(Authorization::basic(&email, &token)?)),
        (None, None, Some(bearer), Some((_, api))) => {
            Ok(Credentials::Development { authorization: Authorization::bearer(bearer.expose_secret())?, api })
        }
        (_, _, _, _) => Err(CallFailure::NotSendable { what: "the credentials are of no known form" }),
    }
}

impl App {
    /// Fetches an access token for Atlassian's API. The refresh token that comes with it is durable before the token is
    /// used: the old one is void. Only whoever has the turn may call this.
    pub(in crate::app) async fn access(&self, gateway: &Polling, source: &PollSource) -> Result<Access, Halted> {
        let outgoing = gateway.outgoing();
        let (http, tokens, api) = match &self.development {
            Some((_, base)) => (outgoing.loopback(), base.clone(), base.clone()),
            None => (outgoing.public(), BaseAddress::atlassian_auth(), BaseAddress::atlassian_api()),
        };
        let refreshed = self.client.refresh(http, &tokens, &self.refresh_token);
        let grant = outgoing.breaker().guard(TOKENS, refreshed).await?;
        if let Some(token) = &grant.refresh_token {
            let renewed = SecretBytes::new(self.with_refresh_token(token)?);
            if !registry::renew_provider_credential(gateway, source.source_id, self.used, &renewed).await? {
                return Err(Error::later(WaitReason::CredentialsChanged).into());
            }
        }
        Ok(Access { client: http.clone(), base: api, authorization: grant.authorization })
    }

    fn with_refresh_token(&self, token: &SecretString) -> Result<Vec<u8>, CallFailure> {
        let renewed = Renewed {
            client_id: &self.client.client_id,
            client_secret: self.client.client_secret.expose_secret(),
            refresh_token: token.expose_secret(),
            api: self.development.as_ref().map(|(text, _)| text.as_str()),
        };
        serde_json::to_vec(&renewed).map_err(|_| CallFailure::NotSendable { what: "it cannot be written as JSON" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str, trusts_emulators: bool) -> Result<Credentials, CallFailure> {
        parse(Uuid::nil(), serde_json::from_str(json).expect("known fields"), trusts_emulators)
    }

    #[test]
    fn each_form_is_known_and_mixtures_are_refused() {
        let app = r#"{"client_id":"a","client_secret":"canary","refresh_token":"canary"}"#;
        assert!(matches!(parsed(app, false), Ok(Credentials::App(_))));
        let site = r#"{"email":"bot@acme.example","api_token":"canary"}"#;
        assert!(matches!(parsed(site, false), Ok(Credentials::Site(_))));
        for refused in [
            "{}",
            r#"{"client_id":"a","client_secret":"canary"}"#,
            r#"{"email":"canary"}"#,
            r#"{"email":"a","api_token":"canary","bearer":"canary"}"#,
            r#"{"bearer":"canary"}"#,
        ] {
            let failure = parsed(refused, true).err().expect("refused");
            assert!(!format!("{failure:?} {failure}").contains("canary"), "{failure:?}");
        }
    }

    #[test]
    fn a_server_on_this_machine_is_believed_under_the_switch_only_and_no_other_server_ever() {
        let app = r#"{"client_id":"a","client_secret":"b","refresh_token":"c","api":"http://127.0.0.1:1"}"#;
        let bearer = r#"{"bearer":"b","api":"http://127.0.0.1:1"}"#;
        for text in [app, bearer] {
            assert!(parsed(text, true).is_ok());
            assert!(parsed(text, false).is_err());
            assert!(parsed(&text.replace("127.0.0.1:1", "evil.example"), true).is_err());
        }
    }

    #[test]
    fn the_renewed_credentials_are_read_as_the_first_were() {
        let json = r#"{"client_id":"a","client_secret":"b","refresh_token":"c","api":"http://127.0.0.1:1"}"#;
        let Ok(Credentials::App(app)) = parsed(json, true) else { panic!("an app") };
        let renewed = app.with_refresh_token(&SecretString::from("new")).expect("JSON");
        let Ok(Credentials::App(again)) = parsed(std::str::from_utf8(&renewed).expect("text"), true) else {
            panic!("an app")
        };
        assert_eq!(again.refresh_token.expose_secret(), "new");
        assert_eq!(again.client.client_secret.expose_secret(), "b");
        assert!(again.development.is_some());
    }
}
