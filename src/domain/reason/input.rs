//! Why something that an operator asks for is rejected.

use super::{cause::Cause, table::reasons};

reasons! {
    /// Why something that an operator asks for is rejected.
    InputReason {
        /// The reason that an operator gives for the audit is not one word.
        ReasonNotAWord => "reason_not_a_word",
            "the reason is one word of a-z, 0-9 and _ . : - (for example a ticket: sup-1042)",
            "give such a word";
        /// A source of this name is registered.
        SourceExists { source: String } => "source_exists",
            "a source named {source} exists already; use `sources rotate`",
            "choose another name, or give the source another secret";
        /// A source of this name is registered and disabled.
        SourceExistsDisabled { source: String } => "source_exists_disabled",
            "a source named {source} is disabled already; use `sources enable`",
            "choose another name, or take the source into use again";
        /// A disabled source ought to get another secret.
        SourceDisabled => "source_disabled",
            "the source is disabled because its tenant was erased; `sources enable` gives it a secret and takes it into use",
            "use `sources enable`";
        /// A source that is in use ought to be enabled.
        SourceInUse => "source_in_use",
            "the source is in use; `sources rotate` gives it another secret",
            "use `sources rotate`";
        /// A source's name has another form.
        SourceNameNotValid => "source_name_not_valid",
            "a source's name is 1 to 63 lower-case letters, digits and hyphens",
            "choose such a name";
        /// Settings of a source do not fit its kind.
        SettingsNotValid { cause: Cause } => "settings_not_valid",
            "{cause}",
            "correct what the sentence names";
        /// Credentials have another length.
        CredentialsLength { bytes_max: usize } => "credentials_length",
            "credentials have 1 to {bytes_max} bytes",
            "give the credentials themselves, for example the key file";
        /// An installation's name has another form.
        InstallationNotValid => "installation_not_valid",
            "an installation is 1 to 256 visible ASCII characters",
            "take it from `sources show`";
        /// An installation ought to be bound to a tenant that nobody knows.
        TenantKeyUnknown => "tenant_key_unknown",
            "no tenant has this key; a tenant becomes known by its first delivery, or by `sources add` with its --tenant-key",
            "compare the key with `tenants list`";
        /// An installation is bound.
        AlreadyBound { source: String } => "already_bound",
            "this installation is bound already, as `sources show {source}` says, and cannot be bound to another tenant: what it has sent is the first one's",
            "nothing can be done: a binding never changes";
        /// A replay window was given for a sender whose deliveries carry no time of their own.
        ReplayWindowNotUsed { kinds: String } => "replay_window_not_used",
            "only {kinds} has a replay window; register without one",
            "register without a replay window";
        /// A replay window is shorter than the sender repeats.
        ReplayWindowShort { seconds_min: i32 } => "replay_window_short",
            "a replay window has at least {seconds_min} seconds: that is how long Jira repeats a delivery",
            "give a longer one";
        /// A tenant key begins as the platform's does.
        TenantKeyNotValid => "tenant_key_not_valid",
            "a tenant key begins with no bracket",
            "give the key that the product uses";
        /// A sender of one tenant was registered without it.
        TenantKeyNeeded { kind: &'static str } => "tenant_key_needed",
            "{kind} belongs to one tenant; give its tenant key",
            "give --tenant-key";
        /// A sender of many tenants was registered for one.
        TenantKeyNotUsed => "tenant_key_not_used",
            "each delivery of an app names its own tenant; give no tenant key",
            "leave --tenant-key out";
        /// A secret was given for a sender that has none.
        SecretNotUsed => "secret_not_used",
            "senders of this kind have no shared secret",
            "leave the secret out";
        /// A sender that signs with a shared secret was given none.
        SecretNeeded => "secret_needed",
            "senders of this kind sign with a shared secret; give one",
            "give the secret that the sender signs with";
        /// A secret is too short or too long.
        SecretLength { bytes_min: usize, bytes_max: usize } => "secret_length",
            "a secret has {bytes_min} to {bytes_max} bytes",
            "give one of such a length";
        /// An installation's secret holds other characters than Atlassian gives out.
        InstallationSecretNotValid => "installation_secret_not_valid",
            "an installation's secret is visible ASCII characters",
            "look at the sender";
        /// More events match than one replay may repeat.
        TooManyEvents { count_max: i64 } => "too_many_events",
            "more than {count_max} events match; narrow the selection",
            "narrow the selection";
        /// All that match are events that never run.
        NothingToReplay { reason: &'static str } => "nothing_to_replay",
            "nothing was replayed: every matching event is {reason}, and such events never run",
            "choose other events";
        /// A job is running, waiting for its time, or over.
        JobNotParked { state: String } => "job_not_parked",
            "the job is {state}; only parked jobs can be retried",
            "nothing: it goes on by itself, or is over";
        /// A value cannot be an identity of its kind.
        IdentityNotValid { kind: String } => "identity_not_valid",
            "that is not a value of kind {kind}",
            "give the value as the sender writes it, or another kind";
        /// The demo clock ought to go back, or too far.
        ClockStep { days_max: i64 } => "clock_step",
            "the clock moves forward only, by 1 second to {days_max} days",
            "give such a step";
        /// The clock of a real database ought to be moved.
        ClockIsReal => "clock_is_real",
            "this database was not marked demo when it was made, so its clock is the real one and cannot be moved",
            "nothing can be done: the mark cannot be set later";
        /// A tenant of which everything was deleted ought to be offboarded.
        TenantErased => "tenant_erased",
            "everything of the tenant was deleted already",
            "nothing";
        /// A tenant that is leaving ought to be offboarded.
        TenantLeaving => "tenant_leaving",
            "the tenant is leaving already; `tenants show` tells since when",
            "nothing: confirming it again would move its deadlines";
        /// It is not allowed now, or not like this.
        NotAllowed => "not_allowed",
            "it is not allowed now, or not like this",
            "change what the sentence names and run the command again";
        /// The command line was not understood.
        NotUnderstood => "not_understood",
            "the command line was not understood",
            "`--help` shows what there is";
        /// A database or a server cannot be reached.
        Unavailable => "unavailable",
            "the database or the server cannot be reached",
            "check that it runs, then run the same command again";
        /// A command failed for a reason that has no code of its own.
        CommandFailed => "command_failed",
            "the command failed",
            "run `doctor`";
    }
}
