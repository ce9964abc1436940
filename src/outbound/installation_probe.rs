//! Whether a tenant's Jira still lets us in: evidence about an installation, never a verdict.

use reqwest::{Client, Method};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Authorization, BaseAddress, CallFailure,
    call::{Call, Payload, call, object, successful},
};

const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What one look found.
#[derive(Debug)]
pub enum Probe {
    /// The site answers us.
    Alive,
    /// The site does not let this credential in (401, 403). A removed app looks like this, and so does a revoked or broken token.
    Refused,
    /// There is no such site, or no longer for us (404, 410).
    Gone,
    /// Nothing was learned.
    Unclear,
}

#[derive(Deserialize)]
struct Information {
    #[serde(rename = "baseUrl")]
    base_url: Option<IgnoredAny>,
}

/// Asks the Jira at `base` for its server information, once. Repeating is safe.
pub async fn probe(client: &Client, base: &BaseAddress, authorization: &Authorization) -> Probe {
    let request = Call {
        method: Method::GET,
        url: base.below(&["rest", "api", "3", "serverInfo"]),
        authorization: Some(authorization),
        payload: Payload::Nothing,
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    let information = match call(client, request).await.and_then(successful) {
        Ok(answer) => object::<Information>(&answer.body),
        Err(failure) => Err(failure),
    };
    match information {
        Ok(Information { base_url: Some(_) }) => Probe::Alive,
        Err(CallFailure::Refused { status: 401 | 403 }) => Probe::Refused,
        Err(CallFailure::Refused { status: 404 | 410 }) => Probe::Gone,
        // A page of some proxy in between is not a sign of life.
        Ok(Information { base_url: None }) | Err(_) => Probe::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::tests::server::{Scripted, TestServer, answer, quick_client};

    async fn probed(scripted: Scripted) -> Probe {
        let server = TestServer::start([scripted]).await;
        let base = BaseAddress::development(&format!("{}/ex/jira/cloud-1", server.address())).expect("loopback");
        let authorization = Authorization::bearer("canary-token").expect("a token");
        let probe = probe(&quick_client(), &base, &authorization).await;
        assert_eq!(server.requests()[0].line(), "GET /ex/jira/cloud-1/rest/api/3/serverInfo HTTP/1.1");
        assert!(!format!("{probe:?}").contains("canary"));
        probe
    }

    #[tokio::test]
    async fn each_answer_is_evidence_of_its_grade() {
        let alive = answer(200, r#"{"baseUrl":"https://canary.atlassian.net","deploymentType":"Cloud"}"#);
        assert!(matches!(probed(alive).await, Probe::Alive));
        for refused in [401, 403] {
            let found = probed(answer(refused, "canary")).await;
            assert!(matches!(found, Probe::Refused), "{found:?}");
        }
        for gone in [404, 410] {
            assert!(matches!(probed(answer(gone, "canary")).await, Probe::Gone));
        }
        for unclear in [
            answer(200, "<html>canary</html>"),
            answer(200, "{}"),
            answer(302, "").with("location", "https://id.atlassian.com/login"),
            answer(400, ""),
            answer(429, ""),
            answer(503, ""),
            answer(200, "{").cut_off(),
        ] {
            let found = probed(unclear).await;
            assert!(matches!(found, Probe::Unclear), "{found:?}");
        }
    }
}
