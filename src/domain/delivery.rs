//! One HTTP attempt of an event, as far as its headers matter.

use std::fmt;

/// The most headers that are kept of one delivery.
pub const HEADERS_MAX: usize = 64;

/// The headers of a delivery that some source reads: lower-case names, values as they came, in their order. Values may be
/// credentials, so they are never printed.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Adds a header. What comes after [`HEADERS_MAX`] is left out: a source that needs it will then miss it and refuse.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        if self.0.len() < HEADERS_MAX {
            self.0.push((name.to_ascii_lowercase(), value.to_vec()));
        }
    }

    /// Every value of a header, by its lower-case name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// The value of a header that must not come twice. `None` when it is absent or ambiguous.
    pub fn only<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        let mut values = self.all(name);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// All headers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

impl<'a> FromIterator<(&'a str, &'a [u8])> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(headers: I) -> Self {
        let mut all = Self::default();
        headers.into_iter().for_each(|(name, value)| all.push(name, value));
        all
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Headers({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_came_twice_has_no_single_value_and_no_value_is_printed() {
        let headers: Headers = [("Webhook-Id", &b"one"[..]), ("x", b"1"), ("X", b"2")].into_iter().collect();
        assert_eq!(headers.only("webhook-id"), Some(&b"one"[..]));
        assert_eq!(headers.only("x"), None);
        assert_eq!(headers.all("x").count(), 2);
        assert_eq!(headers.only("absent"), None);
        assert!(!format!("{headers:?}").contains("one"));
    }

    #[test]
    fn what_comes_after_the_bound_is_left_out() {
        let mut headers = Headers::default();
        (0..100).for_each(|_| headers.push("a", b"b"));
        assert_eq!(headers.iter().count(), HEADERS_MAX);
    }
}
