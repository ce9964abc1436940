//! Work that nobody asks for but time: retention, key epochs, the audit chain, expired fences, lost jobs, deadlines.
//!
//! Every part is safe to repeat and safe to run in two processes at once. A part that fails is told and counted, and the
//! others go on: one tenant's trouble, or a product database that is away, must not keep keys alive or partitions from being made.

use crate::{
    app::{
        ground::{Ground, tenants},
        intake::rejections,
        offboarding::evidence,
        upkeep::{
            chain,
            fences::forget_fences,
            inbox,
            key_epochs::rotate_epoch,
            leaving::keep_leaving,
            lost_jobs,
            swept::{Depth, Swept},
        },
    },
    domain::TenantId,
    product,
    store::tenant::Tenant,
};

/// One sweep over everything. Never fails as a whole, see [`Swept::failures`].
pub async fn run(gateway: &Ground, depth: Depth) -> Swept {
    let mut swept = Swept::default();
    // What has to go comes first: nothing that is only convenient may stand before it.
    inbox::end_bodies(gateway, &mut swept).await;
    let forgotten = inbox::forget_event_keys(gateway).await;
    swept.event_keys_forgotten = swept.took("event keys", forgotten);
    let forgotten = inbox::forget_token_uses(gateway).await;
    swept.took("used tokens", forgotten);
    let forgotten = rejections::forget(gateway).await;
    swept.took("rejections", forgotten);
    let made = inbox::make_partitions(gateway).await;
    swept.took("partitions", made);
    let listed = tenants::list(gateway).await;
    let tenants = swept.took("tenants", listed);
    let linked = chain::link(gateway, TenantId::PLATFORM, depth).await;
    swept.entries_linked += swept.took("audit chain", linked);
    let mut overdue = lost_jobs::Overdue::default();
    for tenant in &tenants {
        keep_tenant(gateway, tenant, depth, &mut swept).await;
        let counted = lost_jobs::overdue(gateway, tenant.tenant_id).await;
        overdue.add(swept.took("overdue requests", counted));
    }
    let told = lost_jobs::tell(gateway, overdue).await;
    swept.took("gauges", told);
    if swept.failures == 0 {
        // Entries must have their place before they may go, so this waits for a sweep in which nothing failed.
        let dropped = inbox::end_history(gateway).await;
        swept.months_dropped = swept.took("history", dropped);
    }
    swept
}

async fn keep_tenant(gateway: &Ground, tenant: &Tenant, depth: Depth, swept: &mut Swept) {
    let id = tenant.tenant_id;
    if tenant.erased_at.is_some() {
        // Nothing is left but proof: its fence stands until the tenant is back, people's until their own term.
        let forgotten = forget_fences(gateway, tenant, product::Expired::OfPeople).await;
        swept.fences_forgotten += swept.took("expired fences", forgotten);
        let linked = chain::link(gateway, id, depth).await;
        swept.entries_linked += swept.took("audit chain", linked);
        return;
    }
    let destroyed = rotate_epoch(gateway, id).await;
    swept.epochs_destroyed += swept.took("key epochs", destroyed);
    let restored = lost_jobs::restore(gateway, id).await;
    swept.jobs_restored += swept.took("lost jobs", restored);
    let forgotten = forget_fences(gateway, tenant, product::Expired::Any).await;
    swept.fences_forgotten += swept.took("expired fences", forgotten);
    let kept = keep_leaving(gateway, tenant).await;
    swept.took("whether a tenant is leaving", kept);
    let silent = evidence::watch_silence(gateway, id).await;
    swept.silences_recorded += u64::from(swept.took("silence", silent));
    let linked = chain::link(gateway, id, depth).await;
    swept.entries_linked += swept.took("audit chain", linked);
}
