//! One reading of a document of keys: bounded in time and bytes, and never believed for what its headers call it.

use std::time::Duration;

use reqwest::{
    Client, Response, StatusCode,
    header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, HeaderMap, HeaderName},
};

use super::{
    OutboundError, Timeouts,
    key_addresses::{Document, KeyAddresses},
    key_document::{KeyDocumentError, Keys, parse_pem, parse_set},
};

/// How long one reading may take, with every address that it asks: a sender waits meanwhile.
pub(super) const FETCH_TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(3), total: Duration::from_secs(5) };
/// The longest document that is read, in bytes.
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// How long a document is fresh at least, whatever its publisher says.
const FRESH_MIN: Duration = Duration::from_mins(1);
/// How long a document is fresh at most: a key that its publisher has withdrawn is believed no longer than this.
const FRESH_MAX: Duration = Duration::from_hours(24);
/// How long a document is fresh whose publisher says nothing.
const FRESH_DEFAULT: Duration = Duration::from_mins(5);

/// What was published, and how long it is fresh. No keys at all when the publisher has said that there is no such document.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) keys: Keys,
    pub(super) fresh_for: Duration,
}

/// Why a reading brought nothing that can be believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the publisher gave no answer")]
    NoAnswer { source: OutboundError },
    #[error("the publisher gave no answer in time")]
    TooSlow,
    #[error("the publisher answered {status}")]
    Status { status: u16 },
    #[error("the document is compressed")]
    Encoded,
    #[error("the document is longer than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
    #[error("the document is refused")]
    Document { source: KeyDocumentError },
}

impl FetchError {
    /// The word used in metrics and logs.
    pub(super) const fn outcome(&self) -> &'static str {
        match self {
            Self::NoAnswer { .. } => "unreachable",
            Self::TooSlow => "timed_out",
            Self::Status { .. } => "refused",
            Self::Document { source: KeyDocumentError::Ambiguous } => "ambiguous",
            Self::Encoded
            | Self::TooLong
            | Self::Document {
                source:
                    KeyDocumentError::NotASet
                    | KeyDocumentError::TooManyKeys
                    | KeyDocumentError::NoUsableKey
                    | KeyDocumentError::NotAPublicKey,
            } => "malformed",
        }
    }
}

/// Reads a document. Reading again is safe.
pub(super) async fn fetch(
    client: &Client,
    addresses: &KeyAddresses,
    document: &Document,
) -> Result<Published, FetchError> {
    let reading = read(client, addresses, document);
    tokio::time::timeout(FETCH_TIMEOUTS.total, reading).await.unwrap_or(Err(FetchError::TooSlow))
}

async fn read(client: &Client, addresses: &KeyAddresses, document: &Document) -> Result<Published, FetchError> {
    for address in addresses.of(document) {
        let response = client.get(address).send().await.map_err(no_answer)?;
        match (response.status(), document) {
            (StatusCode::OK, Document::Set(_)) => {
                let fresh_for = freshness(response.headers());
                let keys = parse_set(&body(response).await?).map_err(refused)?;
                return Ok(Published { keys, fresh_for });
            }
            (StatusCode::OK, Document::InstallKey(kid)) => {
                let fresh_for = freshness(response.headers());
                let key = parse_pem(&body(response).await?).map_err(refused)?;
                return Ok(Published { keys: Keys::from([(kid.clone(), key.into())]), fresh_for });
            }
            // This address has no such key. The next one may.
            (StatusCode::NOT_FOUND, Document::InstallKey(_)) => {}
            (status, Document::Set(_) | Document::InstallKey(_)) => {
                return Err(FetchError::Status { status: status.as_u16() });
            }
        }
    }
    Ok(Published { keys: Keys::new(), fresh_for: FRESH_MIN })
}

async fn body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let encodings = response.headers().get_all(CONTENT_ENCODING);
    if encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(FetchError::Encoded);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if bytes.len() + chunk.len() > DOCUMENT_BYTES_MAX {
            return Err(FetchError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn no_answer(error: reqwest::Error) -> FetchError {
    match OutboundError::of(error) {
        OutboundError::TimedOut { .. } => FetchError::TooSlow,
        source => FetchError::NoAnswer { source },
    }
}

fn refused(source: KeyDocumentError) -> FetchError {
    FetchError::Document { source }
}

/// How long a document is fresh by its own word (RFC 9111: `max-age` less the time it has spent in caches), within our bounds.
fn freshness(headers: &HeaderMap) -> Duration {
    let directives = || values(headers, &CACHE_CONTROL).flat_map(|value| value.split(',')).map(str::trim);
    let seconds = |text: &str| {
        let digits = text.trim_matches('"');
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // A number too long to be read is a long time.
        is_number.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    if directives().any(|directive| ["no-store", "no-cache"].iter().any(|word| directive.eq_ignore_ascii_case(word))) {
        return FRESH_MIN;
    }
    let max_age = directives().find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        if name.eq_ignore_ascii_case("max-age") { seconds(value) } else { None }
    });
    let age = values(headers, &AGE).find_map(|value| seconds(value.trim())).unwrap_or(0);
    max_age
        .map_or(FRESH_DEFAULT, |max_age| Duration::from_secs(max_age.saturating_sub(age)).clamp(FRESH_MIN, FRESH_MAX))
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_document_is_fresh_as_long_as_it_says_within_our_bounds() {
        let hours = |number: u64| number * 3_600;
        for (cache_control, age, seconds) in [
            (&[][..], None, 300),
            (&["public"], None, 300),
            (&["max-age="], None, 300),
            (&["max-age=-1"], None, 300),
            (&["max-age=1h"], None, 300),
            (&["s-maxage=900"], None, 300),
            (&["max-age=900"], None, 900),
            (&["public, MAX-AGE=900, must-revalidate"], None, 900),
            (&["public", "max-age=900"], None, 900),
            (&["max-age=\"900\""], None, 900),
            (&["max-age=0"], None, 60),
            (&["max-age=900"], Some("100"), 800),
            (&["max-age=900"], Some("soon"), 900),
            (&["max-age=900"], Some("5000"), 60),
            (&["max-age=604800"], None, hours(24)),
            (&["max-age=99999999999999999999999"], None, hours(24)),
            (&["no-store, max-age=900"], None, 60),
            (&["No-Cache"], None, 60),
        ] {
            let mut headers = HeaderMap::new();
            for value in cache_control {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
            }
            if let Some(age) = age {
                headers.append(AGE, HeaderValue::from_static(age));
            }
            assert_eq!(freshness(&headers).as_secs(), seconds, "{cache_control:?} {age:?}");
        }
    }
}
