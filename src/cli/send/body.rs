//! The body's own time, and single texts of it.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::player::Player;
use crate::cli::exit::{Exit, Stop};

/// The body with its own time set to `at`, in the form that the sender writes.
pub(super) fn with_present(player: &Player, body: &[u8], at: Timestamp) -> Result<Vec<u8>, Stop> {
    let hint = "send it without --timestamp-now, or give a payload that has a time of its own";
    let refused = |message| Stop::new(Exit::Refused, message, hint);
    let no_object = || refused("the payload is not a JSON object, so its timestamp cannot be set");
    let mut object: Map<String, Value> = serde_json::from_slice(body).map_err(|_| no_object())?;
    if !(player.set_time)(&mut object, at) {
        return Err(refused("the payload has no time of its own that could be set"));
    }
    serde_json::to_vec(&object).map_err(|_| no_object())
}

/// The text at a path within a JSON body, if there is one.
pub(super) fn text_at(body: &[u8], pointer: &str) -> Option<String> {
    serde_json::from_slice::<Value>(body).ok()?.pointer(pointer)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::send::players, domain::SourceKind};

    fn present(kind: SourceKind, body: &str) -> Option<String> {
        let at = Timestamp::from_millisecond(1_790_200_000_123).expect("a time");
        with_present(players::of(kind).expect("it is played"), body.as_bytes(), at)
            .ok()
            .map(|body| String::from_utf8(body).expect("JSON"))
    }

    #[test]
    fn each_sender_writes_its_time_in_its_own_form() {
        let jira = present(SourceKind::JiraAdmin, r#"{"timestamp":1}"#);
        assert_eq!(jira.as_deref(), Some(r#"{"timestamp":1790200000123}"#));
        let forge = present(SourceKind::Forge, "{}");
        assert_eq!(forge.as_deref(), Some(r#"{"timestamp":"1790200000123"}"#));
        let firebase = present(SourceKind::FirebaseFunction, r#"{"context":{"timestamp":"x"},"time":"y"}"#);
        let time = "2026-09-23T21:46:40.123Z";
        assert_eq!(firebase, Some(format!(r#"{{"context":{{"timestamp":"{time}"}},"time":"{time}"}}"#)));
    }

    #[test]
    fn a_body_without_a_place_for_a_time_is_refused() {
        assert_eq!(present(SourceKind::JiraAdmin, "[1]"), None);
        assert_eq!(present(SourceKind::GoogleEvents, r#"{"uid":"x"}"#), None);
        assert!(with_present(players::UNKNOWN, b"\xff", Timestamp::UNIX_EPOCH).is_err());
    }
}
