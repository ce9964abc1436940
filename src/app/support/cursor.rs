//! A place in a list, as whoever reads it page by page gets it and gives it back.
//!
//! It is opaque text for callers. Inside stand a version, the list and the sort key of the last row that was shown: times,
//! ids and names of sources, nothing of a person. It is no secret and opens nothing, so it is not signed; what is read with it
//! is what its reader may read anyway.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::TenantId;

/// The version that this program writes and reads.
const VERSION: &str = "1";
/// Longer text is no cursor; the longest key is a source's name of 63 letters.
const TEXT_MAX: usize = 200;

/// A list that is read page by page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Privacy requests.
    Requests,
    /// Jobs.
    Jobs,
    /// Events.
    Events,
    /// Audit entries of a tenant.
    Audit,
    /// Sources.
    Sources,
    /// Tenants.
    Tenants,
    /// Rejected calls.
    Rejections,
    /// What speaks for or against a tenant's installation.
    Evidence,
}

impl List {
    const ALL: [Self; 8] = [
        Self::Requests,
        Self::Jobs,
        Self::Events,
        Self::Audit,
        Self::Sources,
        Self::Tenants,
        Self::Rejections,
        Self::Evidence,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Jobs => "jobs",
            Self::Events => "events",
            Self::Audit => "audit",
            Self::Sources => "sources",
            Self::Tenants => "tenants",
            Self::Rejections => "rejections",
            Self::Evidence => "evidence",
        }
    }
}

/// What a list is sorted by, so that no two rows are at the same place.
pub trait SortKey: Sized {
    /// The key as text.
    fn to_text(&self) -> String;
    /// The key that the text holds.
    fn from_text(text: &str) -> Option<Self>;
}

fn time_to_text(at: Timestamp) -> String {
    at.as_microsecond().to_string()
}

fn time_from_text(text: &str) -> Option<Timestamp> {
    Timestamp::from_microsecond(text.parse().ok()?).ok()
}

impl SortKey for (Timestamp, Uuid) {
    fn to_text(&self) -> String {
        format!("{} {}", time_to_text(self.0), self.1.as_simple())
    }

    fn from_text(text: &str) -> Option<Self> {
        let (at, id) = text.split_once(' ')?;
        Some((time_from_text(at)?, Uuid::try_parse(id).ok()?))
    }
}

impl SortKey for (Timestamp, i32) {
    fn to_text(&self) -> String {
        format!("{} {}", time_to_text(self.0), self.1)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (at, slot) = text.split_once(' ')?;
        Some((time_from_text(at)?, slot.parse().ok()?))
    }
}

impl SortKey for TenantId {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl SortKey for String {
    fn to_text(&self) -> String {
        self.clone()
    }

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains('\0')).then(|| text.to_owned())
    }
}

/// The place after a row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    list: List,
    key: String,
}

/// The text is no place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Nobody has given this out.
    #[error("this is not a cursor that a list has given out")]
    NotACursor,
    /// Another version of the program has given it out.
    #[error("this cursor comes from another version; begin at the first page")]
    OtherVersion,
    /// It belongs to another list.
    #[error("this is a cursor of the list of {}, not of {}", .of.as_str(), .wanted.as_str())]
    OtherList {
        /// The list that it belongs to.
        of: List,
        /// The list that is asked for.
        wanted: List,
    },
}

impl Cursor {
    /// The place after the row with this key.
    pub fn new(list: List, key: &impl SortKey) -> Self {
        Self { list, key: key.to_text() }
    }

    /// The key of the row before the page.
    pub fn key<K: SortKey>(&self, list: List) -> Result<K, CursorError> {
        if self.list != list {
            return Err(CursorError::OtherList { of: self.list, wanted: list });
        }
        K::from_text(&self.key).ok_or(CursorError::NotACursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{VERSION} {} {}", self.list.as_str(), self.key);
        formatter.write_str(&BASE64_URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > TEXT_MAX {
            return Err(CursorError::NotACursor);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::NotACursor)?;
        let text = String::from_utf8(bytes).map_err(|_| CursorError::NotACursor)?;
        let (version, rest) = text.split_once(' ').ok_or(CursorError::NotACursor)?;
        if version != VERSION {
            let is_a_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
            return Err(if is_a_version { CursorError::OtherVersion } else { CursorError::NotACursor });
        }
        let (list, key) = rest.split_once(' ').ok_or(CursorError::NotACursor)?;
        let list = List::ALL.into_iter().find(|known| known.as_str() == list).ok_or(CursorError::NotACursor)?;
        Ok(Self { list, key: key.to_owned() })
    }
}

impl serde::Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<K: SortKey>(list: List, text: &str) -> Result<K, CursorError> {
        text.parse::<Cursor>()?.key(list)
    }

    proptest! {
        #[test]
        fn a_place_is_read_back_as_it_was_written(
            at in -100_000_000_000_000_i64..=200_000_000_000_000_000, id: u128, slot: i32, name in "[a-z0-9][a-z0-9-]{0,62}"
        ) {
            let at = Timestamp::from_microsecond(at).expect("a time");
            let (by_id, by_slot) = ((at, Uuid::from_u128(id)), (at, slot));
            let tenant = TenantId::from_uuid(Uuid::from_u128(id));
            prop_assert_eq!(read(List::Jobs, &Cursor::new(List::Jobs, &by_id).to_string()), Ok(by_id));
            prop_assert_eq!(read(List::Rejections, &Cursor::new(List::Rejections, &by_slot).to_string()), Ok(by_slot));
            prop_assert_eq!(read(List::Tenants, &Cursor::new(List::Tenants, &tenant).to_string()), Ok(tenant));
            prop_assert_eq!(read(List::Sources, &Cursor::new(List::Sources, &name).to_string()), Ok(name));
        }

        #[test]
        fn whatever_is_typed_is_a_cursor_or_an_error(text in ".{0,300}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn what_no_list_has_given_out_is_refused_by_name() {
        let of_text = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let jobs = Cursor::new(List::Jobs, &(Timestamp::UNIX_EPOCH, Uuid::nil()));
        let place = |text: &str| read::<(Timestamp, Uuid)>(List::Events, text);

        assert_eq!(place(""), Err(CursorError::NotACursor));
        assert_eq!(place("evt_1"), Err(CursorError::NotACursor));
        assert_eq!(place(&of_text("1 events soon 1")), Err(CursorError::NotACursor));
        assert_eq!(place(&of_text("1 nothing 5 6")), Err(CursorError::NotACursor));
        assert_eq!(place(&of_text("2 events 5 6")), Err(CursorError::OtherVersion));
        let other = place(&jobs.to_string()).expect_err("another list");
        assert_eq!(other.to_string(), "this is a cursor of the list of jobs, not of events");
        assert!(format!("{jobs}=").parse::<Cursor>().is_err(), "one text for each place");
    }
}
