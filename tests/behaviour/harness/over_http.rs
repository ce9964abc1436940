//! What is answered over real HTTP, as its sender sees it.

use super::{Post, serving::Serving};

/// All that a sender sees of an answer, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Without our own request id, the time, and whether the server hangs up because it did not read the whole body.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Serving {
    pub(crate) async fn answers(&self, post: &Post) -> Answer {
        let mut request =
            reqwest::Client::builder().build().unwrap().post(format!("http://{}{}", self.address(), post.path()));
        for (name, value) in &post.headers {
            request = request.header(name, value.as_slice());
        }
        let answer = request.body(post.body.clone()).send().await.unwrap();
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
            .filter(|(name, _)| !["x-request-id", "date", "connection"].contains(&name.as_str()))
            .collect();
        Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }
}
