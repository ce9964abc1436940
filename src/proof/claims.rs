//! What a receipt says. Ids, counts, times and names of tables and columns; nothing about the person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    AuditId, ReceiptId, RequestId, SubjectId, SubjectKind, TenantId,
    verification::{ColumnFinding, VerificationReport},
};

/// The claims of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptClaims {
    /// The receipt's own id.
    #[serde(with = "printed")]
    pub jti: ReceiptId,
    /// The request that was fulfilled.
    #[serde(with = "printed")]
    pub request: RequestId,
    /// In which tenant.
    #[serde(with = "printed")]
    pub tenant: TenantId,
    /// What has gone. Receipts from before there were tenants' are about a person.
    #[serde(default)]
    pub scope: ReceiptScope,
    /// For whom: an id that denotes nobody any more. None in a tenant's receipt.
    #[serde(default, with = "printed_option", skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectId>,
    /// What kind of person it was. None in a tenant's receipt.
    #[serde(default, with = "kind_text", skip_serializing_if = "Option::is_none")]
    pub subject_kind: Option<SubjectKind>,
    /// The dataset's key.
    pub dataset: String,
    /// The policy's product key.
    pub policy: String,
    /// SHA-256 of the plan that was approved and executed, 64 hexadecimal digits.
    pub plan_digest: String,
    /// What happened, table by table, in the order of the plan.
    pub steps: Vec<StepCount>,
    /// What was lawfully kept.
    pub withheld: Vec<Withheld>,
    /// What the independent reader found afterwards.
    pub verification: VerificationSummary,
    /// When the subject's key, or every key of the tenant, was destroyed.
    pub key_destroyed_at: Timestamp,
    /// When nothing of the subject or tenant could be read in the live databases any more.
    pub logical_at: Timestamp,
    /// When the last wrapped key and the last backup that may hold something are gone.
    pub physical_by: Timestamp,
    /// How long backups live, in days.
    pub backup_horizon_days: u16,
    /// The audit entry that closes the request.
    pub audit: AuditReference,
    /// When this receipt was signed.
    pub issued_at: Timestamp,
}

/// What has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptScope {
    /// One person.
    #[default]
    Person,
    /// Everything of the tenant.
    Tenant,
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCount {
    /// The table.
    pub table: String,
    /// The word of the disposal: `delete` or `rewrite`.
    pub disposal: String,
    /// How many rows it concerned.
    pub rows: u64,
}

/// Rows that were lawfully kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// The table.
    pub table: String,
    /// The word of the ground in the policy.
    pub ground: String,
    /// How many rows.
    pub rows: u64,
}

/// The verification in short. A receipt is only signed when `left` is 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationSummary {
    /// How many tables were read.
    pub tables_read: u32,
    /// How many columns that can hold text were read.
    pub columns_read: u32,
    /// Rows that should be gone and are not.
    pub left: u64,
    /// Rows with the same identifier of another living subject, by column.
    pub held_by_another: Vec<ColumnFinding>,
    /// Somebody else's text that mentions the subject, by column.
    pub mentioned: Vec<ColumnFinding>,
}

impl From<&VerificationReport> for VerificationSummary {
    fn from(report: &VerificationReport) -> Self {
        Self {
            tables_read: report.tables_read,
            columns_read: report.columns_read,
            left: report.left_rows(),
            held_by_another: report.held_by_another.clone(),
            mentioned: report.mentioned.clone(),
        }
    }
}

/// The audit entry that a receipt leans on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReference {
    /// The entry.
    #[serde(with = "printed")]
    pub entry_id: AuditId,
    /// Its hash in the tenant's chain, 64 hexadecimal digits.
    pub hash: String,
}

mod printed {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Display, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

mod printed_option {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde hands out a reference to the field")]
    pub(super) fn serialize<T: Display, S: Serializer>(id: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => serializer.collect_str(id),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

mod kind_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::domain::SubjectKind;

    #[expect(clippy::ref_option, reason = "serde hands out a reference to the field")]
    pub(super) fn serialize<S: Serializer>(kind: &Option<SubjectKind>, serializer: S) -> Result<S::Ok, S::Error> {
        match kind {
            Some(kind) => serializer.serialize_str(kind.as_str()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SubjectKind>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| SubjectKind::parse(&text).map_err(D::Error::custom)).transpose()
    }
}
