//! A policy file: the numbers and words that a product's privacy policy promises, each beside its sentence.

use std::collections::BTreeMap;

use super::{
    finding::{Finding, Report, Severity, SourceFile, quoted},
    map::DataMap,
    policy::{
        BehindFence, Consequence, Deadlines, OffboardingTerms, Policy, RectificationTerms, TenantTerms,
        WhenSourceUnavailable,
    },
    promises::{PrivacyText, promises_of},
    tree,
    walk::{Cursor, Mapping},
};
use crate::domain::{IdentityKind, SubjectKind, event::PersonSignal};

/// The longest period that a policy may name, in days: ten years.
const PERIOD_DAYS_MAX: u16 = 3_660;
/// The longest silence of a tenant that a policy may wait for, in hours: ninety days.
const SILENCE_HOURS_MAX: u16 = 2_160;
/// The silence of a policy that names none, in hours.
const SILENCE_HOURS_DEFAULT: u16 = 72;
const KEYS: &[&str] = &[
    "product",
    "jira_subject",
    "signals",
    "offboarding",
    "tenant",
    "deadlines",
    "retention",
    "backups",
    "keys",
    "fence_days",
    "hours",
    "rectification",
    "promises",
];

/// Compiles a policy file against the privacy policy's own text and the data map. The policy is handed out only when no
/// finding is an error.
pub fn compile_policy(
    file: SourceFile<'_>,
    privacy_policy: SourceFile<'_>,
    map: &DataMap,
) -> (Option<Policy>, Vec<Finding>) {
    if privacy_policy.text.len() > tree::FILE_BYTES_MAX {
        let mut report = Report::new(privacy_policy.name);
        report.error(1, "", format!("the privacy policy is larger than {} bytes", tree::FILE_BYTES_MAX));
        return (None, report.into_findings());
    }
    let mut reader =
        Reader { report: Report::new(file.name), text: PrivacyText::new(privacy_policy), quotes: Vec::new() };
    let policy = tree::parse(file, &mut reader.report).and_then(|root| {
        let policy = reader.policy(&Cursor::root(&root), map);
        reader.uncovered(&root, privacy_policy.name);
        policy
    });
    let policy = policy.filter(|_| !reader.report.has_errors());
    (policy, reader.report.into_findings())
}

struct Reader {
    report: Report,
    text: PrivacyText,
    /// Every sentence that stands in the file, normalised.
    quotes: Vec<String>,
}

impl Reader {
    fn policy(&mut self, root: &Cursor<'_>, map: &DataMap) -> Option<Policy> {
        let top = root.mapping(&mut self.report, KEYS, Severity::Error)?;
        let product = top.required(&mut self.report, "product").and_then(|product| product.text(&mut self.report));
        let jira_subject = self.jira_subject(&top, map);
        let signals = self.signals(&top);
        let offboarding = self.offboarding(&top);
        let tenant = self.tenant(&top);
        let deadlines = self.deadlines(&top);
        let retention = self.section(&top, "retention", &["raw_body_days", "dead_letter_body_days"], true);
        let raw_body_days = self.days(retention.as_ref(), "raw_body_days");
        let dead_letter_body_days = self.days(retention.as_ref(), "dead_letter_body_days");
        let backups = self.section(&top, "backups", &["horizon_days"], true);
        let backup_horizon_days = self.days(backups.as_ref(), "horizon_days");
        let keys = self.section(&top, "keys", &["epoch_days"], false);
        let key_epoch_days = self.days(keys.as_ref(), "epoch_days");
        let fence_days = self.days(Some(&top), "fence_days");
        let behind_fence = self.behind_fence(&top);
        let rectification = self.rectification(&top);
        self.promises(&top);
        let policy = Policy {
            product: product?,
            jira_subject: jira_subject?,
            signals: signals?,
            offboarding: offboarding?,
            tenant: tenant?,
            deadlines: deadlines?,
            raw_body_days: raw_body_days?,
            dead_letter_body_days: dead_letter_body_days?,
            backup_horizon_days: backup_horizon_days?,
            key_epoch_days: key_epoch_days?,
            fence_days: fence_days?,
            behind_fence: behind_fence?,
            rectification: rectification?,
            anchors: map.subjects.iter().map(|(kind, root)| (kind.clone(), root.anchor)).collect(),
        };
        self.check_numbers(&top, &policy);
        self.check_profiles(&top, &policy, map);
        Some(policy)
    }

    fn days(&mut self, parent: Option<&Mapping<'_>>, key: &str) -> Option<u16> {
        Cursor::number_of(parent, &mut self.report, key, PERIOD_DAYS_MAX)
    }

    /// A section with the keys named here and, where it keeps a promise, the sentence that it implements.
    fn section<'n>(&mut self, top: &Mapping<'n>, key: &str, known: &[&str], is_promise: bool) -> Option<Mapping<'n>> {
        let known: Vec<&str> = known.iter().copied().chain(["implements"]).collect();
        let section = top.required(&mut self.report, key)?.mapping(&mut self.report, &known, Severity::Error)?;
        match section.get("implements") {
            Some(quotes) => self.cite(&quotes),
            None if is_promise => {
                let message = "keeps a promise; say with implements: which sentence of the privacy policy";
                self.report.error(section.line, &section.path, message);
            }
            None => {}
        }
        Some(section)
    }

    fn cite(&mut self, cursor: &Cursor<'_>) {
        let quotes = cursor.texts(&mut self.report);
        let found = self.text.check_quotes(&quotes, &cursor.path, &mut self.report);
        self.quotes.extend(found);
    }

    fn jira_subject(&mut self, top: &Mapping<'_>, map: &DataMap) -> Option<SubjectKind> {
        let cursor = top.required(&mut self.report, "jira_subject")?;
        let text = cursor.text(&mut self.report)?;
        let kind = SubjectKind::parse(&text).ok();
        let root = kind.as_ref().and_then(|kind| map.subjects.get(kind));
        match root {
            Some(root) if root.anchor == IdentityKind::AtlassianAccountId => kind,
            Some(root) => {
                let message =
                    format!("{} is anchored by {}; Jira names Atlassian account ids", quoted(&text), root.anchor);
                self.report.error(cursor.line, &cursor.path, message);
                None
            }
            None => {
                let message = format!("{} is not a subject kind of dataset {}", quoted(&text), map.dataset);
                self.report.error(cursor.line, &cursor.path, message);
                None
            }
        }
    }

    fn signals(&mut self, top: &Mapping<'_>) -> Option<BTreeMap<PersonSignal, Consequence>> {
        let words = PersonSignal::ALL.map(PersonSignal::as_str);
        let section = self.section(top, "signals", &words, true)?;
        let mut signals = BTreeMap::new();
        for signal in PersonSignal::ALL {
            let Some(cursor) = section.required(&mut self.report, signal.as_str()) else { continue };
            let consequence = match cursor.text(&mut self.report).as_deref() {
                Some("start_offboarding") => Consequence::StartOffboarding,
                Some("cancel_offboarding") => Consequence::CancelOffboarding,
                Some("erase") => Consequence::Erase,
                Some("rectify") => Consequence::Rectify,
                Some("nothing") => Consequence::Nothing,
                Some(other) => {
                    let message = format!(
                        "{}: use start_offboarding, cancel_offboarding, erase, rectify or nothing",
                        quoted(other)
                    );
                    self.report.error(cursor.line, &cursor.path, message);
                    continue;
                }
                None => continue,
            };
            signals.insert(signal, consequence);
        }
        let arrival = signals.get(&PersonSignal::UserCreated);
        if matches!(arrival, Some(Consequence::StartOffboarding | Consequence::Erase)) {
            let message = "user_created starts an offboarding or erasure: whoever arrives would be erased; use cancel_offboarding";
            self.report.error(section.line, &section.path, message);
        }
        for (signal, consequence) in &signals {
            let is_correction = matches!(signal, PersonSignal::UserUpdated | PersonSignal::AccountUpdated);
            let message = match consequence {
                Consequence::StartOffboarding | Consequence::CancelOffboarding | Consequence::Erase
                    if is_correction =>
                {
                    format!(
                        "{} erases or brings back: a correction does neither; use rectify or nothing",
                        signal.as_str()
                    )
                }
                Consequence::Rectify if !is_correction => {
                    format!("{} rectifies, but says nothing that could be corrected", signal.as_str())
                }
                _ => continue,
            };
            self.report.error(section.line, &section.path, message);
        }
        (signals.len() == PersonSignal::ALL.len()).then_some(signals)
    }

    fn offboarding(&mut self, top: &Mapping<'_>) -> Option<OffboardingTerms> {
        let known = ["flag_after_days", "erase_by_days", "erasure_margin_days", "backdate_max_days"];
        let section = self.section(top, "offboarding", &known, true);
        let [flag, erasure, margin, backdate] = known.map(|key| self.days(section.as_ref(), key));
        Some(OffboardingTerms {
            flag_after_days: flag?,
            erase_by_days: erasure?,
            erasure_margin_days: margin?,
            backdate_max_days: backdate?,
        })
    }

    fn tenant(&mut self, top: &Mapping<'_>) -> Option<TenantTerms> {
        let section = self.section(top, "tenant", &["silence_hours"], true)?;
        let silence_hours = match section.get("silence_hours") {
            Some(cursor) => cursor.number(&mut self.report, SILENCE_HOURS_MAX)?,
            None => SILENCE_HOURS_DEFAULT,
        };
        Some(TenantTerms { silence_hours })
    }

    fn deadlines(&mut self, top: &Mapping<'_>) -> Option<Deadlines> {
        let known = ["acknowledge_business_days", "complete_days"];
        let section = self.section(top, "deadlines", &known, true);
        let [acknowledge, complete] = known.map(|key| self.days(section.as_ref(), key));
        Some(Deadlines { acknowledge_business_days: acknowledge?, complete_days: complete? })
    }

    fn behind_fence(&mut self, top: &Mapping<'_>) -> Option<BehindFence> {
        let section = self.section(top, "hours", &["behind_fence"], false)?;
        let known = [("cut_out", BehindFence::CutOut), ("refuse", BehindFence::Refuse)];
        self.one_of(&section, "behind_fence", &known)
    }

    fn rectification(&mut self, top: &Mapping<'_>) -> Option<RectificationTerms> {
        let section = self.section(top, "rectification", &["when_source_unavailable", "deactivated"], true)?;
        let when_source_unavailable = self.one_of(
            &section,
            "when_source_unavailable",
            &[("blank", WhenSourceUnavailable::Blank), ("keep", WhenSourceUnavailable::Keep)],
        );
        let deactivated = self.one_of(&section, "deactivated", &[("revoke_access", true), ("nothing", false)]);
        Some(RectificationTerms {
            when_source_unavailable: when_source_unavailable?,
            deactivated_loses_access: deactivated?,
        })
    }

    /// The meaning of the word that stands under a key.
    fn one_of<T: Copy>(&mut self, section: &Mapping<'_>, key: &str, known: &[(&str, T)]) -> Option<T> {
        let cursor = section.required(&mut self.report, key)?;
        let text = cursor.text(&mut self.report)?;
        let meaning = known.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if meaning.is_none() {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            self.report.error(cursor.line, &cursor.path, format!("{}: use {}", quoted(&text), words.join(" or ")));
        }
        meaning
    }

    fn promises(&mut self, top: &Mapping<'_>) {
        let Some(list) = top.required(&mut self.report, "promises") else { return };
        promises_of(&list, &mut self.report);
        // A second walk for the sentences: `promises_of` also serves listings, which have no privacy policy to compare with.
        let mut silent = Report::new("");
        for item in list.list(&mut silent) {
            if let Some(quotes) = item.open_mapping(&mut silent).and_then(|mapping| mapping.get("implements")) {
                self.cite(&quotes);
            }
        }
    }

    /// A promise that nobody wrote into the policy file is a promise that nobody keeps.
    fn uncovered(&mut self, root: &tree::Node, privacy_policy: &str) {
        let promises = Cursor::root(root).open_mapping(&mut Report::new("")).and_then(|top| top.get("promises"));
        let line = promises.map_or(root.line, |promises| promises.line);
        for (privacy_line, statement) in self.text.uncovered(&self.quotes) {
            let message =
                format!("{privacy_policy}:{privacy_line} says {}, and no promise quotes it", quoted(statement));
            self.report.error(line, "promises", message);
        }
    }

    /// A correction without a column would look like a promise that is kept, and so would a column of somebody whom nobody
    /// tells of.
    fn check_profiles(&mut self, top: &Mapping<'_>, policy: &Policy, map: &DataMap) {
        let line = top.get("signals").map_or(top.line, |section| section.line);
        let corrects = policy.signals.values().any(|consequence| *consequence == Consequence::Rectify);
        for (kind, root) in &map.subjects {
            let is_told_of = *kind == policy.jira_subject;
            let is_named = root.profile.values().any(|columns| !columns.is_empty());
            let message = match (is_told_of && corrects, is_named) {
                (true, false) => format!(
                    "a signal rectifies, and dataset {} names no column under subjects.{kind}.profile; name the copies",
                    map.dataset
                ),
                (false, true) => format!(
                    "dataset {} names columns under subjects.{kind}.profile, and no signal corrects them; remove them or rectify",
                    map.dataset
                ),
                (true, true) | (false, false) => continue,
            };
            self.report.error(line, "signals", message);
        }
    }

    fn check_numbers(&mut self, top: &Mapping<'_>, policy: &Policy) {
        let terms = &policy.offboarding;
        let (flag, erasure) = (terms.flag_after_days, terms.erase_by_days);
        let rules = [
            ("offboarding", flag < erasure, "flag_after_days must be smaller than erase_by_days"),
            (
                "offboarding",
                terms.erasure_margin_days < erasure.saturating_sub(flag),
                "erasure_margin_days must be smaller than the days between flag and erasure, else the erasure precedes the flag",
            ),
            (
                "offboarding",
                terms.backdate_max_days < flag,
                "backdate_max_days must be smaller than flag_after_days, else an old signal skips the flag",
            ),
            (
                "retention",
                policy.dead_letter_body_days >= policy.raw_body_days,
                "dead_letter_body_days must not be smaller than raw_body_days",
            ),
            (
                "fence_days",
                policy.fence_days >= policy.backup_horizon_days.saturating_add(policy.dead_letter_body_days),
                "fence_days must be at least backups.horizon_days plus retention.dead_letter_body_days, \
                 else a restore or replay could bring a person back",
            ),
        ];
        for (key, holds, message) in rules {
            if !holds {
                let line = top.get(key).map_or(top.line, |section| section.line);
                self.report.error(line, key, message);
            }
        }
    }
}
