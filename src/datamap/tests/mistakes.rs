//! Mistakes planted in the reference product's files, one at a time: each is reported, on its own line.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::reference_product::{DATASET, POLICY, PRIVACY_POLICY, dataset};
use crate::datamap::{Finding, SourceFile, compile_dataset, compile_policy, map::DataMap};

/// A text whose first occurrence in the file is changed, what it is changed to, a text of the line that must be named, and a part
/// of the message.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

const DATASET_MISTAKES: &[Mistake] = &[
    // Words and shape.
    ("schema: milestone\n", "scheme: milestone\n", "scheme:", "unknown key `scheme`"),
    ("- fides_key: milestone", "- fides_key: milestone\n    fides_key: other", "fides_key: other", "stands here twice"),
    ("[user.authorization.credentials]", "[user.credentials]", "token_digest", "not in the Fideslang taxonomy"),
    ("identity: atlassian_account_id", "identity: jira_id", "jira_id", "one of atlassian_account_id"),
    ("setting: milestone.tenant_id", "setting: role", "setting:", "must have the form prefix.name"),
    ("data_type: object", "data_type: jsonb", "jsonb", "not a Fideslang data type"),
    // Names that lead nowhere.
    ("sessions: [session.member_id]", "sessions: [sessions.member_id]", "msp_team_member:", "no collection sessions"),
    (
        "updated_at: source_updated_at",
        "updated_at: changed_at",
        "worklog_sink:",
        "hours_entry has no column changed_at",
    ),
    ("key: request_id}", "key: id}", "worklog_sink:", "service_request has no column id"),
    (
        "flag: {set: marked_for_deletion_at}\n            # Copies",
        "flag: {set: flagged_at}\n            # Copies",
        "msp_team_member:",
        "no column flagged_at",
    ),
    ("email: [team_member.email]", "email: [team_member.mail]", "msp_team_member:", "no column mail"),
    ("email: [team_member.email]", "mail: [team_member.email]", "mail:", "unknown key `mail`"),
    ("email: [team_member.email]", "email: [message.member_name]", "msp_team_member:", "twice"),
    ("email: [team_member.email]", "email: [portal_user.email]", "msp_team_member:", "neither in the own row nor"),
    (
        "{name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}\n          - {name: created_at, data_categories: [system.operations]}\n          - {name: restricted_at",
        "{name: email, data_categories: [user.contact.email], fides_meta: {identity: email, read_only: true}}\n          - {name: created_at, data_categories: [system.operations]}\n          - {name: restricted_at",
        "msp_team_member:",
        "is read_only",
    ),
    ("email: [team_member.email]", "email: [team_member.account_id]", "msp_team_member:", "cannot be corrected"),
    ("also_rewrites: [assignee_name]", "also_rewrites: [assigned_name]", "assigned_name", "no column assigned_name"),
    ("field: notification.notification_id", "field: notification.id", "- name: notification_id", "no column id"),
    (
        "free_text: [service_request.summary, ",
        "free_text: [service_request.title, ",
        "free_text:",
        "service_request.title is not",
    ),
    (
        "tenant: {collection: tenant, column: tenant_id}",
        "tenant: {collection: tenant, column: created_at}",
        "- name: role_assignment",
        "has no tenant column",
    ),
    // Inside a JSON column.
    ("fides_meta: {data_type: object}", "fields: [{name: client_ip}]", "fields: [{name: client_ip}]", "looks personal"),
    (
        "fides_meta: {data_type: object}",
        "fields: [{name: from, data_categories: [user.device.ip_address]}]",
        "name: detail",
        "has no disposal",
    ),
    // People.
    ("anchor: atlassian_account_id", "anchor: email", "msp_team_member:", "cannot be email"),
    ("identity: atlassian_account_id", "length: 128", "msp_team_member:", "has the identity atlassian_account_id"),
    (
        "{name: recipient_email, data_categories: [user.contact.email]",
        "{name: recipient_email, data_categories: [system.operations]",
        "recipient_email",
        "looks personal",
    ),
    // Bonds and disposals.
    (
        "- {by: author_account_id, role: accessed}",
        "- {by: issue_id, role: accessed}",
        "by: issue_id",
        "carries no reference",
    ),
    ("role: accessed, also_rewrites: [requester_name]}", "role: accessed}", "name: requester_name", "has no disposal"),
    (
        "{name: assignee_name, data_categories: [user.name], fides_meta: {masking_strategy_override: {strategy: null_rewrite}}}",
        "{name: assignee_name, data_categories: [user.name]}",
        "by: assignee_id",
        "no masking_strategy_override",
    ),
    (
        "role: co_owned, also_rewrites: [portal_user_name]",
        "role: co_owned, also_rewrites: [member_name]",
        "\n          message:",
        "member_name has two disposals",
    ),
    (
        "- {by: owner_member_id, role: accessed}",
        "- {by: owner_member_id, role: keeps}",
        "role: keeps",
        "role `keeps` is not known",
    ),
    (
        "            - {by: member_id, role: co_owned",
        "            - {by: request_id, role: accessed}\n            - {by: member_id, role: co_owned",
        "by: request_id",
        "service_request is owned by nobody",
    ),
    (
        "field: team_member.account_id, direction: from}]",
        "field: team_member.email, direction: from}]",
        "by: author_account_id",
        "shares the mailbox",
    ),
    ("message.body, notification.subject]", "notification.subject]", "name: body", "has no disposal"),
    (
        "- {by: member_id, role: co_owned, also",
        "- {by: member_id, role: owned, also",
        "\n          message:",
        "both owned and co-owned",
    ),
    (
        "references: [{dataset: milestone, field: notification.notification_id",
        "references: [{dataset: milestone, field: message.message_id",
        "by: notification_id",
        "message is co-owned",
    ),
    (
        "references: [{dataset: milestone, field: notification.notification_id",
        "references: [{dataset: milestone, field: client.client_id",
        "by: notification_id",
        "leads to no person",
    ),
    (
        "        # Written",
        "        retained: {session.ip_address: for security}\n        # Written",
        "name: ip_address",
        "has 2 disposals",
    ),
];

/// Rules that need a change of a whole field or collection to be broken.
const DATASET_MISTAKES_OF_BONDS: &[Mistake] = &[
    (
        "fides_meta: {masking_strategy_override: {strategy: null_rewrite}}}\n          - name: assignee_id",
        "fides_meta: {read_only: true, masking_strategy_override: {strategy: null_rewrite}}}\n          - name: assignee_id",
        "by: requester_id",
        "rewritten but read_only",
    ),
    (
        "field: portal_user.portal_user_id, direction: from}]\n              masking_strategy_override: {strategy: null_rewrite}\n          - {name: portal_user_name",
        "field: portal_user.portal_user_id, direction: from}]\n              masking_strategy_override: {strategy: erasure_pseudonym}\n          - {name: portal_user_name",
        "by: portal_user_id, role: co_owned",
        "must have masking strategy null_rewrite",
    ),
    (
        "also_rewrites: [requester_name]",
        "also_rewrites: [requester_name, request_id]",
        "by: requester_id",
        "refers to it",
    ),
    (
        "also_rewrites: [requester_name]",
        "also_rewrites: [requester_name, tenant_id]",
        "by: requester_id",
        "cannot be rewritten",
    ),
    (
        "- {by: member_id, role: owned}",
        "- {by: member_id, role: owned, also_rewrites: [role]}",
        "also_rewrites: [role]",
        "means nothing",
    ),
    ("collection: delivery_user\n", "collection: portal_user\n", "          portal_user:", "already the collection of"),
    (
        "revoke_access: {set: restricted_at, ",
        "revoke_access: {set: marked_for_deletion_at, ",
        "msp_team_member:",
        "set the same column",
    ),
    (
        "sessions: [session.member_id]",
        "sessions: [session.session_id]",
        "msp_team_member:",
        "must refer to team_member",
    ),
    ("worklog_id: worklog_id", "worklog_id: issue_id", "worklog_sink:", "must be the tenant column and worklog_id"),
    (
        "{name: issue_id, data_categories: [system.operations]}",
        "{name: issue_id, data_categories: [system.operations], fides_meta: {identity: email}}",
        "identity: email}}\n          - {name: summary",
        "own row of no subject kind",
    ),
    (
        "A request stays",
        "x\n        fides_meta: {skip_processing: true}\n        x-old: A request stays",
        "skip_processing",
        "leave people's data behind",
    ),
    (
        "{name: member_name, data_categories: [user.name], fides_meta: {masking_strategy_override: {strategy: null_rewrite}}}",
        "{name: member_name, data_categories: [user.name], fides_meta: {masking_strategy_override: {strategy: hash}}}",
        "name: member_name",
        "strategy `hash` is not known",
    ),
];

#[test]
fn every_mistake_in_a_dataset_is_reported_with_its_line() {
    for mistake in DATASET_MISTAKES.iter().chain(DATASET_MISTAKES_OF_BONDS) {
        let changed = planted(DATASET, mistake);
        let (compiled, findings) = compile_dataset(SourceFile { name: "dataset.yaml", text: &changed }, false);
        assert!(compiled.is_none(), "accepted: {mistake:?}");
        assert_reported(&changed, mistake, &findings);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_file_that_was_damaged_anywhere_is_read_without_panic(
        at in any::<prop::sample::Index>(),
        until in 0_usize..200,
        scrap in "[-:\\[\\]{}&*!|>'\"#?,. \n\ta-z0]{0,12}",
    ) {
        for text in [DATASET, POLICY] {
            let start = text.floor_char_boundary(at.index(text.len()));
            let end = text.floor_char_boundary((start + until).min(text.len()));
            let damaged = [&text[..start], &scrap, &text[end..]].concat();
            let file = SourceFile { name: "damaged.yaml", text: &damaged };
            let privacy = SourceFile { name: "privacy-policy.md", text: &damaged };
            let lines = damaged.lines().count() + 1;

            let (_, mut findings) = compile_dataset(file, false);
            findings.extend(compile_policy(file, privacy, &dataset().map).1);

            prop_assert!(findings.iter().all(|finding| (1..=lines).contains(&finding.line)), "{findings:#?}");
        }
    }
}

#[test]
fn several_mistakes_are_reported_at_once() {
    let some: Vec<&Mistake> = [0, 2, 6, 7, 18].iter().map(|index| &DATASET_MISTAKES[*index]).collect();
    let changed = some.iter().fold(DATASET.to_owned(), |text, mistake| planted(&text, mistake));

    let (_, findings) = compile_dataset(SourceFile { name: "dataset.yaml", text: &changed }, false);

    for mistake in some {
        assert_reported(&changed, mistake, &findings);
    }
}

#[test]
fn a_personal_column_that_stays_needs_a_reason() {
    let company = "{name: site_host, data_categories: [system.operations]}";
    let without = DATASET.replace(company, "{name: site_host, data_categories: [user.contact.organization]}");
    let reason = "        retained: {tenant.site_host: the tenant's own address}\n        # Written";
    let with = without.replace("        # Written", reason);

    assert!(compile_dataset(SourceFile { name: "dataset.yaml", text: &without }, false).0.is_none());
    let (compiled, findings) = compile_dataset(SourceFile { name: "dataset.yaml", text: &with }, false);
    assert_eq!(findings, []);
    assert_eq!(compiled.unwrap().retained["tenant.site_host"], "the tenant's own address");
}

#[test]
fn a_circle_of_owned_rows_is_named() {
    let changed = DATASET
        .replace("- {by: member_id, role: owned}\n            - {by: portal_user_id, role: owned}\n          notification_delivery:", "- {by: notification_id, role: owned}\n          notification_delivery:")
        .replace("- {name: notification_id, data_categories: [system.operations], fides_meta: {primary_key: true}}", "- {name: notification_id, data_categories: [system.operations], fides_meta: {primary_key: true, references: [{dataset: milestone, field: notification_delivery.delivery_id}]}}");

    let (_, findings) = compile_dataset(SourceFile { name: "dataset.yaml", text: &changed }, false);

    let circle = "notification -> notification_delivery -> notification";
    assert!(findings.iter().any(|finding| finding.message.contains(circle)), "{findings:#?}");
}

#[test]
fn an_unknown_key_is_a_warning_in_a_foreign_file_and_an_error_in_ours() {
    let foreign = DATASET.replace("- fides_key: milestone", "- fides_key: milestone\n    data_uses: [essential]");
    let file = SourceFile { name: "dataset.yaml", text: &foreign };

    let (compiled, findings) = compile_dataset(file, true);
    assert!(compiled.is_some());
    let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 1);
    assert!(shown[0].starts_with("dataset.yaml:4: warning: dataset[0]: unknown key `data_uses`"), "{}", shown[0]);

    assert!(compile_dataset(file, false).0.is_none());
}

#[test]
fn a_reference_in_the_other_direction_is_turned_round() {
    let turned = DATASET
        .replace("              references: [{dataset: milestone, field: notification.notification_id, direction: from}]\n", "              length: 36\n")
        .replace("- {name: notification_id, data_categories: [system.operations], fides_meta: {primary_key: true}}", "- {name: notification_id, data_categories: [system.operations], fides_meta: {primary_key: true, references: [{dataset: milestone, field: notification_delivery.notification_id, direction: to}]}}");
    let turned = turned.replace(
        "fides_meta: {references: [{dataset: milestone, field: notification.notification_id, direction: from}]}",
        "fides_meta: {length: 36}",
    );
    assert!(!turned.contains("field: notification.notification_id"));

    let (compiled, findings) = compile_dataset(SourceFile { name: "dataset.yaml", text: &turned }, false);

    assert_eq!(findings, []);
    assert_eq!(compiled.unwrap().map, dataset().map);
}

const POLICY_MISTAKES: &[Mistake] = &[
    ("jira_subject: msp_team_member", "jira_subject: portal_user", "jira_subject:", "anchored by firebase_uid"),
    ("jira_subject: msp_team_member", "jira_subject: nobody", "jira_subject:", "not a subject kind"),
    ("  user_updated: rectify", "  user_updated: erase", "signals:", "a correction does neither"),
    ("  user_updated: rectify", "  user_updated: delete", "user_updated:", "use start_offboarding"),
    ("  account_closed: erase", "  account_closed: rectify", "signals:", "nothing that could be corrected"),
    (
        "  when_source_unavailable: blank",
        "  when_source_unavailable: guess",
        "when_source_unavailable:",
        "use blank or keep",
    ),
    ("  deactivated: revoke_access\n", "", "rectification:", "`deactivated` is missing"),
    ("  flag_after_days: 30", "  flag_after_days: 90", "offboarding:", "smaller than erase_by_days"),
    ("  erasure_margin_days: 7", "  erasure_margin_days: 60", "offboarding:", "between flag and erasure"),
    ("  erasure_margin_days: 7\n", "", "offboarding:", "`erasure_margin_days` is missing"),
    ("  dead_letter_body_days: 30", "  dead_letter_body_days: 7", "retention:", "not be smaller"),
    ("fence_days: 123", "fence_days: 92", "fence_days:", "bring a person back"),
    ("fence_days: 123", "fence_days: -1", "fence_days:", "whole number from 1"),
    ("  behind_fence: cut_out", "  behind_fence: keep", "behind_fence:", "use cut_out or refuse"),
    ("  implements: \"Monthly backups: 3 months\"\n", "", "backups:", "say with implements"),
    (
        "    - \"Immediate | Access disabled\"\n    - \"30",
        "    - \"At once | Access disabled\"\n    - \"30",
        "At once",
        "not in the privacy policy",
    ),
    ("      - \"Cross-site tracking\"\n", "", "\npromises:", "Cross-site tracking"),
    (
        "    test: a_message_goes_with_its_last_owner\n",
        "",
        "- implements: \"Messages | While",
        "either test: or later: true",
    ),
];

#[test]
fn every_mistake_in_a_policy_is_reported_with_its_line() {
    let map = dataset().map;
    let privacy = SourceFile { name: "privacy-policy.md", text: PRIVACY_POLICY };
    for mistake in POLICY_MISTAKES {
        let changed = planted(POLICY, mistake);
        let (policy, findings) = compile_policy(SourceFile { name: "policy.yaml", text: &changed }, privacy, &map);
        assert!(policy.is_none(), "accepted: {mistake:?}");
        assert_reported(&changed, mistake, &findings);
    }
}

#[test]
fn a_sentence_that_is_added_to_the_privacy_policy_needs_a_promise() {
    let changed =
        PRIVACY_POLICY.replace("- ❌ Cross-site tracking", "- ❌ Cross-site tracking\n- ❌ Sing in the office");
    let privacy = SourceFile { name: "privacy-policy.md", text: &changed };

    let (_, findings) = compile_policy(SourceFile { name: "policy.yaml", text: POLICY }, privacy, &dataset().map);

    assert_eq!(findings.len(), 1);
    assert!(findings[0].message.contains("says `Sing in the office`, and no promise quotes it"), "{}", findings[0]);
}

#[test]
fn a_correction_without_a_column_and_a_column_without_a_correction_are_mistakes() {
    let privacy = SourceFile { name: "privacy-policy.md", text: PRIVACY_POLICY };
    let says = |policy: &str, map: &DataMap, message: &str| {
        let (compiled, findings) = compile_policy(SourceFile { name: "policy.yaml", text: policy }, privacy, map);
        assert!(compiled.is_none());
        assert!(findings.iter().any(|finding| finding.message.contains(message)), "{findings:#?}");
    };
    let idle = POLICY.replace(": rectify", ": nothing");
    says(&idle, &dataset().map, "no signal corrects them");
    let mut map = dataset().map;
    for root in map.subjects.values_mut() {
        root.profile.clear();
    }
    says(POLICY, &map, "name the copies");
}

fn planted(text: &str, (from, to, _, _): &Mistake) -> String {
    assert!(text.contains(from), "{from} is not in the file");
    text.replacen(from, to, 1)
}

fn assert_reported(text: &str, mistake: &Mistake, findings: &[Finding]) {
    let (_, _, needle, message) = mistake;
    let lines: Vec<usize> = text.match_indices(needle).map(|(start, _)| line_of(text, start, needle)).collect();
    let found = findings.iter().any(|finding| lines.contains(&finding.line) && finding.message.contains(message));
    assert!(found, "{mistake:?} is not on lines {lines:?} of {findings:#?}");
}

pub(super) fn line_of(text: &str, start: usize, needle: &str) -> usize {
    let leading = needle.len() - needle.trim_start_matches('\n').len();
    text[..start + leading].matches('\n').count() + 1
}
