//! The list of words that have been given up, with what is said instead; [`super`] says how a row is read.

use Text::{Exactly, Words};

/// How a retired text is looked for.
#[derive(Clone, Copy)]
pub(super) enum Text {
    /// These words, next to each other, however they are joined.
    Words(&'static str),
    /// These characters, within one line.
    Exactly(&'static str),
}

/// Where a retired text may still stand: below this path, in lines that hold this ("" for every line).
pub(super) type Place = (&'static str, &'static str);

/// What has been given up, what is said instead, and where it may still stand.
pub(super) type Retired = (Text, &'static str, &'static [Place]);

/// The history of what users see names what they knew.
const HISTORY: Place = ("CHANGELOG.md", "");

/// What is gone. A row is never taken out again.
#[rustfmt::skip]
pub(super) const RETIRED: &[Retired] = &[
    (Words("target database*"),         "product database",                       &[HISTORY]),
    (Words("target client"),            "product_client",                         &[]),
    (Words("target scope"),             "product_scope",                          &[]),
    (Words("without target"),           "without a product database",             &[]),
    (Words("crate target"),             "the room is `product`",                  &[]),
    (Exactly("src/target"),             "src/product",                            &[]),
    (Exactly("migrations/target"),      "migrations/product",                     &[]),
    (Words("Target Error"),             "ProductError",                           &[]),
    (Words("Target Tx"),                "ProductTx",                              &[]),
    (Words("target schema history"),    "product_schema_history",                 &[]),
    (Words("target room"),              "the room is `product`",                  &[]),
    (Words("after target*"),            "after the product database",             &[]),
    (Words("DESIGN"),                   "docs/design.md, with its section",       &[]),
    (Exactly("STYLE.md"),               "docs/style.md, with its rule",           &[]),
    (Words("call back*"),               "provider call, provider credentials",    &[]),
    (Words("calling jobs"),             "provider calls",                         &[]),
    (Words("calls back"),               "provider calls",                         &[]),
    (Words("called back"),              "told by a provider call",                &[]),
    (Words("calling back"),             "provider calls",                         &[HISTORY]),
    (Words("account call*"),            "provider_call",                          &[]),
    (Words("teller*"),                  "provider credentials",                   &[]),
    (Exactly("struct Way"),             "ProviderCredentials",                    &[]),
    (Words("nobody to tell"),           "no provider credentials",                &[]),

    // An MSP is a tenant; an MSP's own customer is a client. Google and Atlassian have customers, too.
    (Words("customer*"),                "tenant; client for whom an MSP serves",  &[
        HISTORY, ("docs/data-map.md", "customer_id"), ("docs/data-map.md", "owned by the customer"),
        ("docs/senders.md", "any Google customer"), ("src/signature/google_oidc.rs", "Google customer"),
        ("policies/milestone/dataset.yaml", "customer of the MSP"), ("docs/design.md", "own customer"),
    ]),

    // Erasure is the right and the run; delete is what a step does to rows.
    (Words("purg*"),                    "erasure, erase; delete for rows",        &[HISTORY]),
    (Words("tenant deletion"),          "erasure of a tenant",                    &[]),
    (Words("deletion job"),             "erasure run",                            &[]),
    (Words("held deletion"),            "parked erasure",                         &[]),
    (Words("deletion of a person"),     "erasure of a person",                    &[]),
    (Words("a deletion waits"),         "an erasure waits",                       &[]),
    (Exactly("Self::Deletion"),         "JobKind::Erasure",                       &[]),
    (Exactly("JobKind::Deletion"),      "JobKind::Erasure",                       &[]),

    // Access is revoked and restored.
    (Words("access off"),               "revoke access, access revoked",          &[HISTORY]),
    (Words("access on"),                "restore access, access restored",        &[HISTORY]),
    (Words("take access"),              "revoke access",                          &[]),
    (Words("takes access"),             "revokes access",                         &[]),
    (Words("access is taken"),          "access is revoked",                      &[]),
    (Words("access goes off"),          "access is revoked",                      &[]),
    (Words("access back"),              "access restored",                        &[]),
    (Words("gives access"),             "restores access",                        &[]),

    // Day 30: data is flagged for deletion.
    (Words("hours may be marked"),      "may_have_removed_hours",                 &[]),
    (Words("mark after days"),          "flag_after_days",                        &[HISTORY]),
    (Words("mark due at"),              "flag_due_at",                            &[]),
    (Words("marked at"),                "flagged_at",                             &[]),
    (Words("mark everybody"),           "flag the whole tenant",                  &[]),
    (Words("begin mark"),               "begin_flag",                             &[]),
    (Words("set marked"),               "set_flagged",                            &[]),
    (Words("tenant mark"),              "flag a tenant for deletion",             &[]),
    (Words("data is marked"),           "data is flagged for deletion",           &[]),
    (Words("data marked"),              "data flagged for deletion",              &[("policies/", ""), ("src/datamap/promises.rs", "Data marked")]),
    (Exactly("JobKind::Mark"),          "JobKind::Flag",                          &[]),
    (Exactly("Self::Mark "),            "JobKind::Flag",                          &[]),

    // A job that waits for a person is parked; a hold is a legal hold; the guard of a lease is `ensure_lease`.
    (Exactly("'held'"),                 "'parked'",                               &[]),
    (Exactly("\"held\""),               "\"parked\"",                             &[]),
    (Exactly("--state held"),           "--state parked",                         &[]),
    (Words("held job*"),                "parked job",                             &[]),
    (Words("job* held"),                "jobs parked",                            &[HISTORY]),
    (Words("job is held"),              "job is parked",                          &[]),
    (Words("hold job"),                 "park_job",                               &[]),
    (Words("holds lease"),              "ensure_lease",                           &[]),
    (Exactly(" hold("),                 "ensure_lease(",                          &[]),
    (Exactly("::hold("),                "ensure_lease(",                          &[]),
    (Exactly("(hold("),                 "ensure_lease(",                          &[]),
    (Words("Verdict Hold"),             "Verdict::Park",                          &[]),
    (Words("Unfinished Held"),          "Unfinished::Parked",                     &[]),

    // Sources that do not send are polled. A type's name has one meaning.
    (Words("senders that do not tell"), "polling",                                &[]),
    (Words("sender that does not tell"), "polling",                                &[]),
    (Words("senders that are asked"),   "polling",                                &[HISTORY]),
    (Words("sources that are asked"),   "polling",                                &[]),
    (Exactly("struct Asked"),           "a name for each of its meanings",        &[]),
    (Exactly("struct Told"),            "a name for each of its meanings",        &[]),
    (Exactly("enum Told"),              "a name for each of its meanings",        &[]),
    (Words("when untold"),              "when_source_unavailable",                &[HISTORY]),
    (Words("untold"),                   "source unavailable",                     &[HISTORY]),

    // An event of a shared source is routed to tenants.
    (Words("fan* out"),                 "route to tenants",                       &[]),
    (Words("hand* over"),               "route to tenants",                       &[HISTORY]),
    (Words("hand* it over"),            "route to tenants",                       &[]),
    (Words("handed to tenants"),        "routed_to_tenants",                      &[HISTORY]),

    (Words("chance"),                   "randomness",                             &[]),

    // The room `product` names what its files do.
    (Words("off everybody"),            "revoke_tenant_access",                   &[]),
    (Words("on everybody"),             "restore_tenant_access",                  &[]),
    (Exactly("mod everybody;"),         "mod tenant_access;",                     &[]),
    (Exactly("everybody::"),            "tenant_access::",                        &[]),
    (Exactly("everybody.rs"),           "tenant_access.rs",                       &[]),
    (Exactly("everything.rs"),          "tenant_batch.rs",                        &[]),
    (Exactly("mod everything;"),        "mod tenant_batch;",                      &[]),
    (Exactly("everything::"),           "tenant_batch::",                         &[]),

    (Words("blind*"),                   "unreadable",                             &[HISTORY]),

    // A delivery that is not accepted is a rejection.
    (Words("refusal*"),                 "rejection",                              &[HISTORY]),

    // What is said of work whose worker died.
    (Words("without a word"),           "crashed; will be retried when its lease expires",&[]),
    (Words("lease has to run out"),     "crashed; will be retried when its lease expires",&[]),

    (Words("which tenant an installation of a shared source is"), "assign an installation to a tenant",     &[]),
    (Exactly("--config FILE"),          "there is no such option",                &[]),
    (Exactly("`--config"),              "there is no such option",                &[]),
];
