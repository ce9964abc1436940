//! The question that a sender of `CloudEvents` asks before it sends (cloudevents/spec, "HTTP Web Hooks", section 4).

/// The longest name of a sender, in bytes: that of a DNS name.
const ORIGIN_BYTES_MAX: usize = 253;
/// The longest rate that is echoed, in digits.
const RATE_DIGITS_MAX: usize = 9;

/// The values of `WebHook-Allowed-Origin` and `WebHook-Allowed-Rate` for a request with this `WebHook-Request-Origin` and
/// `WebHook-Request-Rate` (requests per minute). Leave to send is no credential: every delivery is verified by itself, so
/// any sender that has a name may ask. `None` when the name is no DNS name or the rate no positive number.
pub fn handshake(origin: &str, rate: Option<&str>) -> Option<(String, String)> {
    let is_name = (1..=ORIGIN_BYTES_MAX).contains(&origin.len())
        && origin.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    let is_rate = |rate: &str| {
        (1..=RATE_DIGITS_MAX).contains(&rate.len())
            && rate.bytes().all(|byte| byte.is_ascii_digit())
            && !rate.starts_with('0')
    };
    let rate = match rate {
        Some(rate) if is_rate(rate) => rate,
        Some(_) => return None,
        None => "*",
    };
    is_name.then(|| (origin.to_owned(), rate.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_with_a_name_may_send_at_the_rate_it_asks_for() {
        let allowed = |origin: &str, rate: &str| Some((origin.to_owned(), rate.to_owned()));
        assert_eq!(handshake("eventemitter.example.com", Some("120")), allowed("eventemitter.example.com", "120"));
        assert_eq!(handshake("localhost", None), allowed("localhost", "*"));
    }

    #[test]
    fn what_is_no_name_or_no_rate_is_not_echoed() {
        for origin in ["", "a..b", ".", "-a.example", "a b", "a\r\nx: y", "*", "\u{eb}.example", &"a".repeat(254)] {
            assert_eq!(handshake(origin, None), None, "{origin:?}");
        }
        for rate in ["", "0", "-1", "1.5", "1\r\n", "*", "1234567890"] {
            assert_eq!(handshake("a.example", Some(rate)), None, "{rate:?}");
        }
    }
}
