//! Why an event had no consequence.

use serde::Serialize;

use super::table::reasons;

reasons! {
    /// Why an event had no consequence.
    #[derive(Copy, PartialOrd, Ord, Serialize)]
    #[serde(rename_all = "snake_case")]
    IgnoreReason {
        /// A type that this version does not know.
        UnknownType => "unknown_type",
            "this version does not know such events; it was kept and nothing followed",
            "nothing; after an update that knows the type, replay it";
        /// A known type that carries no signal for this product.
        NotALifecycleSignal => "not_a_lifecycle_signal",
            "such events say nothing about whether somebody is still there",
            "nothing";
        /// The policy says that nothing follows from this signal.
        PolicyNothingFollows => "policy_nothing_follows",
            "the policy says that nothing follows from it",
            "nothing; if it should, change the policy and replay it";
        /// A later signal of the same account had already been applied.
        Superseded => "superseded",
            "a later signal of the same account had been applied before",
            "nothing";
        /// The same or a later version had already been applied.
        StaleVersion => "stale_version",
            "the same or a later version had been applied before",
            "nothing";
        /// The person was erased; the fence lets nothing through that is older than an explicit return.
        Fenced => "fenced",
            "the person was erased; what is older than an explicit return is refused",
            "nothing";
        /// Raw body and subject key are gone, so nothing about a person can be read any more.
        Forgotten => "forgotten",
            "its content and the person's key are destroyed, so it cannot be read any more",
            "nothing";
        /// The account id is Atlassian's placeholder `unknown`, which must never be stored.
        PlaceholderAccount => "placeholder_account",
            "it names Atlassian's placeholder account, which denotes nobody",
            "nothing";
        /// Nobody of this identity is known to the product, here or in any tenant.
        NobodyKnown => "nobody_known",
            "the product knows nobody of this identity, here or in any tenant",
            "nothing; if the product ought to know the person, look whether it does and replay the event";
        /// Everything of the tenant was deleted; only a new installation opens the door again.
        TenantGone => "tenant_gone",
            "everything of the tenant was deleted; only a new installation opens the door again",
            "nothing, unless the tenant has come back: then it has to install the app again";
        /// Something about an account has changed; what it is was not said, and nobody could be asked.
        NothingTold => "nothing_told",
            "it says that something has changed and not what, and there are no credentials to ask the tenant's site",
            "give the source credentials for its site, then replay it";
    }
}

impl IgnoreReason {
    /// Every reason, for documentation and tests.
    pub const ALL: [Self; 11] = [
        Self::UnknownType,
        Self::NotALifecycleSignal,
        Self::PolicyNothingFollows,
        Self::Superseded,
        Self::StaleVersion,
        Self::Fenced,
        Self::Forgotten,
        Self::PlaceholderAccount,
        Self::NobodyKnown,
        Self::TenantGone,
        Self::NothingTold,
    ];

    /// The word used in SQL, JSON and logs: the code.
    pub const fn as_str(self) -> &'static str {
        self.code()
    }
}
