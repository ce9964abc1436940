//! The form of a request that a Connect token signs by its `qsh` claim (Atlassian, "Understanding JWT for Connect
//! apps").
//!
//! `METHOD & path & query`: the path below the app's base URL, the parameters decoded, encoded again by RFC 3986,
//! sorted, those of one name joined by commas. It covers no header and no body.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// The parameter that may carry the token itself and so cannot be signed by it.
const TOKEN_PARAMETER: &[u8] = b"jwt";

/// A request, as far as its token can sign it. It is never printed: a query may say anything.
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalRequest {
    method: String,
    path: String,
    query: String,
}

impl CanonicalRequest {
    /// Takes a request as it came: its path and its query, without the `?`, still percent-encoded.
    pub fn new(method: &str, path: &str, query: &str) -> Self {
        Self { method: method.to_ascii_uppercase(), path: path.to_owned(), query: canonical_query(query) }
    }

    /// For tests, whose vectors have one: leaves out the path of the app's base URL, below which the sender counts. A path outside of it stays as it is.
    #[cfg(test)]
    #[must_use]
    pub fn below(self, base_path: &str) -> Self {
        let base = base_path.strip_suffix('/').unwrap_or(base_path);
        match self.path.strip_prefix(base) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Self { path: rest.to_owned(), ..self },
            Some(_) | None => self,
        }
    }

    /// The hash that the token's `qsh` must be: SHA-256 in lower-case hexadecimal digits.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.text()))
    }

    fn text(&self) -> String {
        let path = if self.path == "/" { "" } else { self.path.strip_suffix('/').unwrap_or(&self.path) };
        let root = if path.starts_with('/') { "" } else { "/" };
        format!("{}&{root}{}&{}", self.method, path.replace('&', "%26"), self.query)
    }
}

/// The tokens in a query, decoded.
pub(super) fn tokens_in(query: &str) -> impl Iterator<Item = Vec<u8>> {
    parameters(query).filter(|(name, _)| name == TOKEN_PARAMETER).map(|(_, value)| value)
}

fn canonical_query(query: &str) -> String {
    let mut by_name: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, value) in parameters(query).filter(|(name, _)| name != TOKEN_PARAMETER) {
        by_name.entry(name).or_default().push(value);
    }
    let of_one_name = |(name, mut values): (Vec<u8>, Vec<Vec<u8>>)| {
        // Sorted as they read and not as they are encoded: that is what Atlassian's own libraries do.
        values.sort_unstable();
        let values: Vec<String> = values.iter().map(|value| encoded(value)).collect();
        format!("{}={}", encoded(&name), values.join(","))
    };
    by_name.into_iter().map(of_one_name).collect::<Vec<_>>().join("&")
}

fn parameters(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// The bytes behind a form-encoded text. They stay bytes, because two texts that are not UTF-8 must not become one.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.first_chunk::<2>().filter(|_| *first == b'%').and_then(|digits| {
            let mut byte = [0_u8];
            hex::decode_to_slice(digits, &mut byte).ok().map(|()| byte[0])
        });
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(*byte));
        } else {
            text.push('%');
            text.push_str(&hex::encode_upper([*byte]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        method: String,
        url: String,
        #[serde(rename = "baseUrl")]
        base_url: Option<String>,
        canonical: String,
        qsh: String,
    }

    fn request(method: &str, url: &str) -> CanonicalRequest {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        CanonicalRequest::new(method, path, query)
    }

    #[test]
    fn every_vector_has_its_text_and_its_hash() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("../../tests/vectors/connect/canonical_request.json")).expect("JSON");
        assert_eq!(vectors.len(), 14);
        for vector in vectors {
            // A server sees the path and the query only.
            let url = match Url::parse(&vector.url) {
                Ok(url) => format!("{}?{}", url.path(), url.query().unwrap_or_default()),
                Err(_) => vector.url,
            };
            let base = vector.base_url.map_or_else(String::new, |base| Url::parse(&base).expect("a URL").path().into());
            let request = request(&vector.method, &url).below(&base);
            assert_eq!(request.text(), vector.canonical);
            assert_eq!(request.hash(), vector.qsh);
        }
    }

    #[test]
    fn only_whole_parts_of_a_path_are_the_base() {
        for (path, base, below) in [
            ("/base/installed", "/base", "/installed"),
            ("/base/installed", "/base/", "/installed"),
            ("/base", "/base", "/"),
            ("/base/", "/base", "/"),
            ("/baseline/installed", "/base", "/baseline/installed"),
            ("/installed", "/base", "/installed"),
            ("/installed", "/", "/installed"),
            ("/installed", "", "/installed"),
            ("", "", "/"),
        ] {
            assert_eq!(request("GET", path).below(base).text(), format!("GET&{below}&"), "{path} below {base}");
        }
    }

    #[test]
    fn parameters_that_differ_in_bytes_differ_in_the_canonical_form() {
        assert_ne!(request("GET", "/?a=%FF").hash(), request("GET", "/?a=%FE").hash());
        assert_eq!(request("GET", "/?b=1&&a=%zz&jwt=x&%6Awt=y").text(), "GET&/&a=%25zz&b=1");
        assert_eq!(request("GET", "/?a=%").text(), "GET&/&a=%25");
        assert_eq!(request("GET", "/?a=%4").text(), "GET&/&a=%254");
        assert_eq!(request("GET", "/?a=1=2").text(), "GET&/&a=1%3D2");
    }

    #[test]
    fn a_token_in_the_query_is_found_by_its_decoded_name() {
        assert_eq!(tokens_in("a=1&jwt=x.y&j%77t=z").collect::<Vec<_>>(), [b"x.y".to_vec(), b"z".to_vec()]);
        assert_eq!(tokens_in("JWT=x&xjwt=y").count(), 0);
    }

    proptest! {
        #[test]
        fn arbitrary_requests_never_panic(method in ".{0,9}", path in ".{0,80}", query in ".{0,120}", base in ".{0,9}") {
            let _ = CanonicalRequest::new(&method, &path, &query).below(&base).hash();
        }

        #[test]
        fn the_order_of_parameters_says_nothing(pairs in "([a-c%+]{0,3}=[a-c%2,]{0,4}&){0,6}") {
            let mut reversed: Vec<&str> = pairs.split('&').collect();
            reversed.reverse();
            let first = CanonicalRequest::new("GET", "/", &pairs);
            prop_assert_eq!(first.hash(), CanonicalRequest::new("GET", "/", &reversed.join("&")).hash());
        }
    }
}
