//! What has to end first: the same call succeeds later.

use super::table::reasons;

reasons! {
    /// What has to end first.
    WaitReason {
        /// A person has come back while the erasure before is still running.
        ErasureUnfinished => "erasure_unfinished",
            "the erasure before this return is not finished",
            "nothing, it is tried again; if it stays, look at the erasure's job";
        /// An erasure of the author of hours has begun, and its fence is on its way.
        ErasureBegins => "erasure_begins",
            "an erasure of the author has just begun",
            "nothing, it is tried again";
        /// The product database still has a fence that a return takes away.
        FenceOpening => "fence_opening",
            "the product database's fence is about to be opened",
            "nothing, it is tried again";
        /// The tenant is gone, and the installation that brings it back may only be late.
        InstallationLate => "installation_late",
            "the tenant is gone, and an installation that brings it back may only be late",
            "nothing, it waits for a day";
        /// A site cannot be asked about an account just now.
        SiteNotAsked => "site_not_asked",
            "the site cannot be asked about the account just now",
            "nothing, it is tried again; if it stays, check the source's credentials";
        /// Issues or projects changed while their hours were being changed.
        TreeInMotion => "tree_in_motion",
            "issues and projects go and come back faster than their hours can follow",
            "nothing, it is tried again";
        /// An event could not be kept for a tenant just now.
        NotRouted => "not_routed",
            "the event could not be routed to its tenants just now",
            "nothing, it is tried again";
        /// What polling has learned could not be kept just now.
        NotKept => "not_kept",
            "what was learned could not be kept just now",
            "nothing, it is asked again";
        /// Another process is asking the same sender.
        TurnTaken => "turn_taken",
            "another process has the turn to ask",
            "nothing";
        /// The source's credentials were changed while they were being used.
        CredentialsChanged => "credentials_changed",
            "the source's credentials were changed meanwhile",
            "nothing, it is tried again";
        /// An installation's token is older than it lives.
        NoInstallationToken => "no_installation_token",
            "the installation has brought no token lately",
            "nothing, the next delivery brings one; if it stays, look whether the app is still installed";
        /// More sources are looked up at once than we look up.
        TooManyLookUps => "too_many_look_ups",
            "too many sources are being looked up",
            "nothing, the sender tries again; if it stays, look who sends to unknown sources";
        /// A tenant returns while the erasure before is still running.
        TenantErasureUnfinished => "tenant_erasure_unfinished",
            "the erasure before this return is not finished: help its parked job, then replay this event",
            "let the erasure's parked job go on, then replay the event";
        /// A tenant's own offboarding began while access was being restored to one of its people.
        TenantOffboardingBegan => "tenant_offboarding_began",
            "the tenant's own offboarding began meanwhile",
            "nothing, it is tried again";
    }
}
