//! What speaks for or against a tenant's installation. Each kind is dated by the source's clock.

use jiff::Timestamp;
use serde::Serialize;

use super::event::TenantSignal;

/// A kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// The app was installed.
    Installed,
    /// The app was upgraded, so it is installed.
    Upgraded,
    /// The app was enabled again by an administrator.
    Enabled,
    /// The scheduled sign of life.
    Heartbeat,
    /// An administrator has begun to uninstall the app, which nothing of ours can stop.
    Uninstalling,
    /// The app was uninstalled.
    Uninstalled,
    /// The app was disabled by an administrator, who may enable it again.
    Disabled,
    /// We asked the site, and it refused us (401, 403).
    ProbeRefused,
    /// We asked the site, and there is none (404).
    ProbeGone,
    /// We asked the site, and it answered us.
    ProbeAlive,
    /// No sign of life for as long as the policy says.
    Silence,
}

impl EvidenceKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Installed,
        Self::Upgraded,
        Self::Enabled,
        Self::Heartbeat,
        Self::Uninstalling,
        Self::Uninstalled,
        Self::Disabled,
        Self::ProbeRefused,
        Self::ProbeGone,
        Self::ProbeAlive,
        Self::Silence,
    ];

    /// The word used in SQL, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Upgraded => "upgraded",
            Self::Enabled => "enabled",
            Self::Heartbeat => "heartbeat",
            Self::Uninstalling => "uninstalling",
            Self::Uninstalled => "uninstalled",
            Self::Disabled => "disabled",
            Self::ProbeRefused => "probe_refused",
            Self::ProbeGone => "probe_gone",
            Self::ProbeAlive => "probe_alive",
            Self::Silence => "silence",
        }
    }

    /// Parses the word; `None` when this version does not know it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl From<TenantSignal> for EvidenceKind {
    fn from(signal: TenantSignal) -> Self {
        match signal {
            TenantSignal::Installed => Self::Installed,
            TenantSignal::Upgraded => Self::Upgraded,
            TenantSignal::Uninstalling => Self::Uninstalling,
            TenantSignal::Uninstalled => Self::Uninstalled,
            TenantSignal::Enabled => Self::Enabled,
            TenantSignal::Disabled => Self::Disabled,
            TenantSignal::Heartbeat => Self::Heartbeat,
        }
    }
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it says.
    pub kind: EvidenceKind,
    /// The installation it is about, as a bare id, where it names one.
    pub installation: Option<String>,
    /// When, by the source's clock, never later than the arrival.
    pub source_at: Timestamp,
    /// When it arrived.
    pub arrived_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_word_and_every_signal_is_evidence_of_the_same_name() {
        for kind in EvidenceKind::ALL {
            assert_eq!(EvidenceKind::parse(kind.as_str()), Some(kind));
        }
        for signal in TenantSignal::ALL {
            assert_eq!(EvidenceKind::from(signal).as_str(), signal.as_str());
        }
    }
}
