//! Whose account an event is about. Every place that names the uid must name the same one: an event that says two things
//! would erase one of two people at random.

use serde::Deserialize;

use super::said::Said;
use crate::{
    domain::{Personal, event::Malformed},
    sources::scalar::{self, Raw},
};

/// The longest uid, in characters (Firebase Admin, `UserRecord.uid`).
const UID_CHARS_MAX: usize = 128;
/// The longest id of an Identity Platform tenant that is believed, in bytes.
const TENANT_BYTES_MAX: usize = 128;

/// A user, or the envelope of the second version around one.
#[derive(Deserialize)]
struct Account<'a> {
    #[serde(borrow, default)]
    uid: Raw<'a>,
    #[serde(rename = "tenantId", borrow, default)]
    tenant_id: Raw<'a>,
    #[serde(borrow, default)]
    value: Raw<'a>,
    #[serde(rename = "oldValue", borrow, default)]
    old_value: Raw<'a>,
    #[serde(rename = "old_value", borrow, default)]
    old_value_snake: Raw<'a>,
}

/// The account that an event names.
pub(super) struct Named {
    pub(super) uid: Personal<String>,
    pub(super) tenant: Option<String>,
}

/// The one account that subject, data and copies agree on.
pub(super) fn named(said: &Said<'_>) -> Result<Named, Malformed> {
    let mut uids = Agreed::default();
    let mut tenants = Agreed::default();
    if let Some(subject) = &said.subject {
        let subject = subject.expose_for("interpretation");
        let uid = subject.strip_prefix("users/").ok_or(Malformed::InvalidField("subject"))?;
        uids.hear(uid.to_owned(), "subject")?;
    }
    if let Some(tenant) = &said.tenant {
        tenants.hear(tenant.clone(), "tenantid")?;
    }
    for raw in said.accounts.into_iter().flatten() {
        let outer: Account<'_> = scalar::object(Some(raw), "data")?;
        for inner in [outer.value, outer.old_value, outer.old_value_snake].into_iter().flatten() {
            hear(&scalar::object(Some(inner), "data.value")?, &mut uids, &mut tenants)?;
        }
        hear(&outer, &mut uids, &mut tenants)?;
    }
    let uid = uids.0.ok_or(Malformed::MissingField("data.uid"))?;
    let is_uid = (1..=UID_CHARS_MAX).contains(&uid.chars().count())
        && !uid.chars().any(|letter| letter.is_control() || letter.is_whitespace());
    if !is_uid {
        return Err(Malformed::InvalidField("data.uid"));
    }
    if !tenants.0.as_deref().is_none_or(is_tenant) {
        return Err(Malformed::InvalidField("tenantid"));
    }
    Ok(Named { uid: Personal::new(uid), tenant: tenants.0 })
}

fn hear(account: &Account<'_>, uids: &mut Agreed, tenants: &mut Agreed) -> Result<(), Malformed> {
    if let Some(uid) = scalar::text(account.uid, "data.uid")? {
        uids.hear(uid, "data.uid")?;
    }
    if let Some(tenant) = scalar::text(account.tenant_id, "data.tenantId")? {
        tenants.hear(tenant, "data.tenantId")?;
    }
    Ok(())
}

/// The slash that parts it from its project must stay the only one.
fn is_tenant(text: &str) -> bool {
    (1..=TENANT_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A value that may be said more than once, but not differently.
#[derive(Default)]
struct Agreed(Option<String>);

impl Agreed {
    fn hear(&mut self, value: String, field: &'static str) -> Result<(), Malformed> {
        match &self.0 {
            Some(known) if *known != value => Err(Malformed::InvalidField(field)),
            Some(_) | None => {
                self.0 = Some(value);
                Ok(())
            }
        }
    }
}
