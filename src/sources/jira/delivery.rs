//! What belongs to the delivery and not to its meaning: identifier and replay window.

use jiff::{SignedDuration, Timestamp};

use super::body::Envelope;

/// The longest `X-Atlassian-Webhook-Identifier` that is believed, in bytes.
pub const DELIVERY_IDENTIFIER_BYTES_MAX: usize = 256;

/// The value of `X-Atlassian-Webhook-Identifier`, which stays the same over retries and is unique within one site. `None`
/// unless it is 1 to 256 visible ASCII characters; the caller then falls back to the digest of the body.
pub fn delivery_identifier(header: Option<&[u8]>) -> Option<&[u8]> {
    header.filter(|value| {
        (1..=DELIVERY_IDENTIFIER_BYTES_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic)
    })
}

/// The `timestamp` of a raw body, if it has a believable one. The signature covers it and nothing else that tells time.
pub fn body_timestamp(body: &[u8]) -> Option<Timestamp> {
    Envelope::parse(body).ok()?.source_at().ok().flatten()
}

/// True when `at` lies within `window` of `now`, on either side.
pub fn within_replay_window(at: Timestamp, now: Timestamp, window: SignedDuration) -> bool {
    at.duration_until(now).abs() <= window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_visible_ascii_of_bounded_length() {
        assert_eq!(delivery_identifier(Some(b"b8a5-1")), Some(b"b8a5-1".as_slice()));
        assert!(delivery_identifier(Some(&[b'x'; 256])).is_some());
        let refused: [&[u8]; 5] = [b"", b"a b", b"a\n", b"\xc3\xab", &[b'x'; 257]];
        for header in refused {
            assert_eq!(delivery_identifier(Some(header)), None);
        }
        assert_eq!(delivery_identifier(None), None);
    }

    #[test]
    fn the_time_of_a_body_is_read_without_understanding_the_rest() {
        let at = Timestamp::from_millisecond(1_790_200_000_000).ok();
        assert_eq!(body_timestamp(br#"{"user":7,"timestamp":1790200000000}"#), at);
        for undated in
            [&b"\xff"[..], b"", b"[1790200000000]", b"{}", br#"{"timestamp":"soon"}"#, br#"{"timestamp":1790200000}"#]
        {
            assert_eq!(body_timestamp(undated), None);
        }
    }

    #[test]
    fn a_replay_window_reaches_as_far_into_the_past_as_into_the_future() {
        let now = Timestamp::from_second(1_790_200_000).expect("a time");
        let window = SignedDuration::from_hours(24);
        for (seconds, is_within) in [(0, true), (86_400, true), (-86_400, true), (86_401, false), (-86_401, false)] {
            let at = Timestamp::from_second(1_790_200_000 + seconds).expect("a time");
            assert_eq!(within_replay_window(at, now, window), is_within);
        }
        assert!(!within_replay_window(Timestamp::MIN, Timestamp::MAX, window));
    }
}
