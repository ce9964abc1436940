//! Our Connect app, for installations that have not moved to Forge (Atlassian, "Connect app descriptor", lifecycle and
//! webhooks). Connect ends on 2027-01-31; this file and its contract are all that knows of it.
//!
//! The token covers method, path and query but not the body, so a lifecycle body must name the client key that the token
//! was verified for. `installed` brings a shared secret: [`install_secret`] gives it to the caller, and what is stored is
//! rebuilt from named fields, so the secret is never in it. A body that cannot be read is refused instead of being kept,
//! because it may hold the secret.

pub mod contract;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    admission::{Admitted, NotAdmitted, TenantRef, identifier_of},
    jira,
    scalar::{self, Raw},
};
use crate::{
    domain::{
        Personal,
        caller::ConnectCaller,
        delivery::Headers,
        event::{LifecycleEvent, Malformed, TenantSignal},
    },
    signature::SecretBytes,
};

/// The longest text of a lifecycle body that is believed, in bytes.
pub const FIELD_BYTES_MAX: usize = 1024;

/// Which of the app's addresses was called: the part of the path after the source's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// The app was installed, or its secret was changed.
    Installed,
    /// The app was enabled.
    Enabled,
    /// The app was disabled.
    Disabled,
    /// The app was uninstalled.
    Uninstalled,
    /// A webhook of the product.
    Webhook,
}

impl Lifecycle {
    /// Every word.
    pub const ALL: [Self; 5] = [Self::Installed, Self::Enabled, Self::Disabled, Self::Uninstalled, Self::Webhook];

    /// The word in the path, and in `eventType`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Uninstalled => "uninstalled",
            Self::Webhook => "webhook",
        }
    }

    /// The word of a path's tail.
    pub fn of_path(tail: &str) -> Option<Self> {
        let tail = tail.trim_matches('/');
        Self::ALL.into_iter().find(|word| word.as_str() == tail)
    }
}

/// A lifecycle body, as far as we read it.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    key: Raw<'a>,
    #[serde(rename = "clientKey", borrow, default)]
    client_key: Raw<'a>,
    #[serde(rename = "sharedSecret", borrow, default)]
    shared_secret: Raw<'a>,
    #[serde(rename = "baseUrl", borrow, default)]
    base_url: Raw<'a>,
    #[serde(rename = "productType", borrow, default)]
    product_type: Raw<'a>,
    #[serde(rename = "eventType", borrow, default)]
    event_type: Raw<'a>,
    #[serde(rename = "installationId", borrow, default)]
    installation_id: Raw<'a>,
}

/// What is stored of a lifecycle body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    key: Option<String>,
    client_key: Option<String>,
    base_url: Option<String>,
    product_type: Option<String>,
    event_type: Option<String>,
    installation_id: Option<String>,
}

/// What interpretation has to know beside the body.
#[derive(Serialize, Deserialize)]
struct Context {
    client_key: String,
    tail: Lifecycle,
}

/// The event of a call whose token was verified. `tail` is the part of the path after the source's name.
///
/// A client key is no key of the product's, so the event is of no tenant yet: [`client_key`] says whose installation it is.
/// Lifecycle calls have no id and their bodies repeat exactly when an app is enabled for the second time, so the digest of
/// the token (header `authorization`) makes a call the same: it is issued anew for every event.
pub fn admit(caller: &ConnectCaller, tail: &str, body: &[u8], headers: &Headers) -> Result<Admitted, NotAdmitted> {
    let tail = Lifecycle::of_path(tail).ok_or(NotAdmitted::BodyDisagrees("path"))?;
    let context = Context { client_key: caller.client_key.clone(), tail };
    let admitted = Admitted {
        identifier: None,
        is_identity: false,
        tenant: TenantRef::Platform,
        context: serde_json::to_vec(&context).expect("texts are JSON"),
        body: None,
    };
    if tail == Lifecycle::Webhook {
        let id = jira::delivery_identifier(headers.only("x-atlassian-webhook-identifier"));
        let id = id.and_then(|id| std::str::from_utf8(id).ok());
        // The sender's id is unique within one site only.
        return Ok(Admitted {
            identifier: id.map(|id| identifier_of(&["connect", &caller.client_key, id])),
            ..admitted
        });
    }
    let token = headers.only("authorization").map(|token| hex::encode(Sha256::digest(token)));
    Ok(Admitted {
        is_identity: token.is_some(),
        identifier: token.map(|token| identifier_of(&["connect-token", &caller.client_key, &token])),
        body: Some(Personal::new(kept(caller, tail, body)?)),
        ..admitted
    })
}

/// True for a call whose token is signed with Atlassian's own key, not with the secret of an installation.
pub fn is_signed_by_atlassian(tail: &str) -> bool {
    matches!(Lifecycle::of_path(tail), Some(Lifecycle::Installed | Lifecycle::Uninstalled))
}

/// True for the call that brings a secret.
pub fn is_install(tail: &str) -> bool {
    Lifecycle::of_path(tail) == Some(Lifecycle::Installed)
}

/// Whose event it is, from what was stored of it.
pub fn client_key(context: &[u8]) -> Option<String> {
    serde_json::from_slice(context).ok().map(|context: Context| context.client_key)
}

/// The secret that an install brings, by which the installation's later calls are signed. Nothing else of the body is asked:
/// an install that is told "done" without its secret would be locked out for ever.
pub fn install_secret(body: &[u8]) -> Result<SecretBytes, Malformed> {
    let body: Body<'_> = scalar::outermost(body)?;
    Ok(SecretBytes::new(required(body.shared_secret, "sharedSecret")?.into_bytes()))
}

/// What an event means, from what was stored of it. `expected_site_host` is the host of the installation's address; a
/// webhook that speaks of another site is refused.
pub fn interpret(context: &[u8], body: &[u8], expected_site_host: Option<&str>) -> Result<LifecycleEvent, Malformed> {
    let context: Context = serde_json::from_slice(context).map_err(|_| Malformed::InvalidField("delivery.context"))?;
    let signal = match context.tail {
        Lifecycle::Installed => TenantSignal::Installed,
        Lifecycle::Enabled => TenantSignal::Enabled,
        Lifecycle::Disabled => TenantSignal::Disabled,
        Lifecycle::Uninstalled => TenantSignal::Uninstalled,
        Lifecycle::Webhook => return jira::interpret(body, expected_site_host),
    };
    let body: Body<'_> = scalar::outermost(body)?;
    // Only a detail of the signal, so an odd one never costs it.
    let installation = bare_installation(body.installation_id).unwrap_or_default();
    Ok(LifecycleEvent::Tenant { signal, installation, source_at: None })
}

/// The fields that are stored of a lifecycle body which agrees with its token and its path.
fn kept(caller: &ConnectCaller, tail: Lifecycle, body: &[u8]) -> Result<Vec<u8>, NotAdmitted> {
    let body: Body<'_> = scalar::outermost(body).map_err(|_| NotAdmitted::BodyDisagrees("body"))?;
    // A value that is no text of a bounded length is left out.
    let text = |value| scalar::text(value, "field").ok().flatten().filter(|text| text.len() <= FIELD_BYTES_MAX);
    let client_key = text(body.client_key);
    if client_key.as_deref() != Some(&caller.client_key) {
        return Err(NotAdmitted::BodyDisagrees("clientKey"));
    }
    let event_type = text(body.event_type);
    if event_type.as_deref().is_some_and(|word| word != tail.as_str()) {
        return Err(NotAdmitted::BodyDisagrees("eventType"));
    }
    let kept = Kept {
        key: text(body.key),
        client_key,
        base_url: text(body.base_url),
        product_type: text(body.product_type),
        event_type,
        installation_id: text(body.installation_id),
    };
    Ok(serde_json::to_vec(&kept).expect("texts are JSON"))
}

fn required(value: Raw<'_>, field: &'static str) -> Result<String, Malformed> {
    let text = scalar::text(value, field)?.ok_or(Malformed::MissingField(field))?;
    if text.is_empty() || text.len() > FIELD_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Malformed::InvalidField(field));
    }
    Ok(text)
}
/// `ari:cloud:ecosystem::installation/<id>`, or the id alone.
fn bare_installation(value: Raw<'_>) -> Result<Option<String>, Malformed> {
    let Some(text) = scalar::text(value, "installationId")? else { return Ok(None) };
    let bare = text.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let is_id = (1..=64).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if is_id { Ok(Some(bare)) } else { Err(Malformed::InvalidField("installationId")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::sources::tests::sample::{changed, headers};

    const INSTALLED: &str = include_str!("../../tests/vectors/connect/installed.json");
    const ENABLED: &str = include_str!("../../tests/vectors/connect/enabled.json");
    const DISABLED: &str = include_str!("../../tests/vectors/connect/disabled.json");
    const UNINSTALLED: &str = include_str!("../../tests/vectors/connect/uninstalled.json");
    const USER_DELETED: &str = include_str!("../../tests/vectors/jira/user_deleted.json");
    const SECRET: &str = "REPLACE-ME-SYNTHETIC";
    const INSTALLATION_ID: &str = "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e";

    fn caller() -> ConnectCaller {
        ConnectCaller { client_key: "unique-client-identifier".to_owned() }
    }

    fn call(tail: &str, body: &str, token: &str) -> Result<Admitted, NotAdmitted> {
        admit(&caller(), tail, body.as_bytes(), &headers(&[("authorization", token)]))
    }

    #[test]
    fn each_lifecycle_call_has_its_meaning() {
        let calls = [
            ("installed", INSTALLED, TenantSignal::Installed),
            ("enabled", ENABLED, TenantSignal::Enabled),
            ("/disabled/", DISABLED, TenantSignal::Disabled),
            ("uninstalled", UNINSTALLED, TenantSignal::Uninstalled),
        ];
        for (tail, body, signal) in calls {
            let admitted = call(tail, body, "JWT a.b.c").expect("a call");
            let stored = admitted.body.expect("a body of our own");
            let event = interpret(&admitted.context, stored.expose_for("the test"), None);
            let installation = Some(INSTALLATION_ID.to_owned());
            assert_eq!(event, Ok(LifecycleEvent::Tenant { signal, installation, source_at: None }));
            assert_eq!(admitted.tenant, TenantRef::Platform);
            assert_eq!(client_key(&admitted.context).as_deref(), Some("unique-client-identifier"));
        }
    }

    #[test]
    fn an_installation_brings_its_secret_and_what_is_stored_does_not_hold_it() {
        let brought = install_secret(INSTALLED.as_bytes()).expect("an install");
        assert_eq!(brought.expose(), SECRET.as_bytes());
        assert!(!format!("{brought:?}").contains(SECRET));
        let admitted = call("installed", INSTALLED, "JWT a.b.c").expect("a call");
        let stored = admitted.body.expect("a body of our own");
        let stored = String::from_utf8_lossy(stored.expose_for("the test"));
        assert!(!stored.contains(SECRET) && !stored.contains("sharedSecret"), "{stored}");
        assert!(stored.contains("https://example-site.atlassian.net") && !stored.contains("serverVersion"));
    }

    #[test]
    fn a_lifecycle_body_that_cannot_be_believed_is_refused_and_never_kept() {
        let twice = INSTALLED.replacen('{', r#"{"sharedSecret":"another","#, 1);
        let cases = [
            (changed(INSTALLED, "/clientKey", Some(json!("another"))), "clientKey"),
            (changed(INSTALLED, "/clientKey", None), "clientKey"),
            (changed(INSTALLED, "/eventType", Some(json!("uninstalled"))), "eventType"),
            (INSTALLED[..400].to_owned(), "body"),
            (twice, "body"),
            ("[]".to_owned(), "body"),
        ];
        for (body, field) in cases {
            assert_eq!(call("installed", &body, "JWT a.b.c"), Err(NotAdmitted::BodyDisagrees(field)), "{body}");
        }
        assert_eq!(call("elsewhere", INSTALLED, "JWT a.b.c"), Err(NotAdmitted::BodyDisagrees("path")));
    }

    #[test]
    fn only_the_beginning_and_the_end_are_signed_by_atlassian_and_only_the_beginning_brings_a_secret() {
        let words =
            |is: fn(&str) -> bool| Lifecycle::ALL.map(Lifecycle::as_str).into_iter().filter(move |word| is(word));
        assert_eq!(words(is_signed_by_atlassian).collect::<Vec<_>>(), ["installed", "uninstalled"]);
        assert_eq!(words(is_install).collect::<Vec<_>>(), ["installed"]);
    }

    #[test]
    fn an_install_without_a_secret_is_refused_and_whatever_else_is_odd_about_it_is_not() {
        let secret = |pointer, value| install_secret(changed(INSTALLED, pointer, value).as_bytes()).err();
        assert_eq!(secret("/sharedSecret", None), Some(Malformed::MissingField("sharedSecret")));
        assert_eq!(secret("/sharedSecret", Some(json!(""))), Some(Malformed::InvalidField("sharedSecret")));
        assert_eq!(secret("/baseUrl", Some(json!("example-site"))), None);
        assert_eq!(secret("/installationId", Some(json!("ari:x/not an id"))), None);
    }

    #[test]
    fn the_second_time_that_an_app_is_enabled_is_another_event_and_a_repeated_token_is_not() {
        let identifier = |token| call("enabled", ENABLED, token).expect("a call").identifier;
        assert_eq!(identifier("JWT a.b.c"), identifier("JWT a.b.c"));
        assert_ne!(identifier("JWT a.b.c"), identifier("JWT a.b.d"));
        assert!(!String::from_utf8_lossy(&identifier("JWT a.b.c").expect("an identifier")).contains("a.b.c"));
    }

    #[test]
    fn a_webhook_is_jiras_and_must_be_about_the_site_of_the_installation() {
        let given = headers(&[("X-Atlassian-Webhook-Identifier", "b8a5-1"), ("authorization", "JWT a.b.c")]);
        let admitted = admit(&caller(), "webhook", USER_DELETED.as_bytes(), &given).expect("a webhook");
        assert!(admitted.body.is_none() && !admitted.is_identity);
        assert_eq!(admitted.identifier, Some(identifier_of(&["connect", "unique-client-identifier", "b8a5-1"])));
        let read = |host| interpret(&admitted.context, USER_DELETED.as_bytes(), host);
        let site = Some("example-site.atlassian.net");
        assert!(matches!(read(site), Ok(LifecycleEvent::Person { .. })));
        assert_eq!(read(site), jira::interpret(USER_DELETED.as_bytes(), site));
        assert_eq!(read(Some("other-site.atlassian.net")), Err(Malformed::ForeignSite("user.self")));
        assert_eq!(call("webhook", USER_DELETED, "JWT a.b.c").expect("a webhook").identifier, None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            context in proptest::collection::vec(any::<u8>(), 0..100),
            body in proptest::collection::vec(any::<u8>(), 0..300),
            tail in ".{0,12}",
        ) {
            for tail in [tail.as_str(), "installed", "webhook"] {
                let _ = admit(&caller(), tail, &body, &Headers::default());
            }
            let _ = install_secret(&body);
            let _ = interpret(&context, &body, None);
        }

        #[test]
        fn no_mutation_lets_a_secret_be_stored(edits in proptest::collection::vec(
                                                   (any::<proptest::sample::Index>(), any::<u8>()), 0..4)) {
            let mut body = INSTALLED.as_bytes().to_vec();
            let (from, until) = (INSTALLED.find(SECRET).expect("a secret"), SECRET.len());
            for (at, byte) in edits {
                let at = at.index(body.len());
                if !(from..from + until).contains(&at) {
                    body[at] = byte;
                }
            }
            match admit(&caller(), "installed", &body, &Headers::default()) {
                Ok(admitted) => {
                    let stored = admitted.body.expect("a body of our own");
                    prop_assert!(!String::from_utf8_lossy(stored.expose_for("the test")).contains(SECRET));
                }
                Err(refused) => prop_assert!(matches!(refused, NotAdmitted::BodyDisagrees(_))),
            }
        }
    }
}
