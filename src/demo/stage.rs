//! Where the demo plays: three MSPs on a demo database, a running server, a calendar that can be moved.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::bail;
use jiff::SignedDuration;

use super::reference::{self, SeededMember, SeededPortalUser};
use crate::{
    app::{
        Gateway,
        ground::tenants,
        registry,
        support::{demo_clock, report},
    },
    domain::{Actor, IdentityKind, Personal, SubjectKind, TenantId},
    planning,
    product::{self, Fingerprints, PersonKey, TenantScope},
    signature::SecretBytes,
};

/// How long the stage waits for the workers.
const PATIENCE: Duration = Duration::from_mins(1);

/// An MSP of the demo.
pub struct Msp {
    /// Its source's name.
    pub source: &'static str,
    /// Its Atlassian cloudId.
    pub cloud_id: &'static str,
}

/// Three MSPs that share every table.
pub const MSPS: [Msp; 3] = [
    Msp { source: "msp-one", cloud_id: "11f24d08-5a4c-4b6e-9d0f-0c1a5b2e7f01" },
    Msp { source: "msp-two", cloud_id: "22f24d08-5a4c-4b6e-9d0f-0c1a5b2e7f02" },
    Msp { source: "msp-three", cloud_id: "33f24d08-5a4c-4b6e-9d0f-0c1a5b2e7f03" },
];

/// The stage.
pub struct Stage {
    /// The gateway that the server works with.
    pub gateway: Gateway,
    /// The independent reader's connections: what the demo claims is looked at with its eyes.
    pub verifier: crate::store::Pool,
    /// Where the server listens.
    pub address: SocketAddr,
}

impl Stage {
    /// Registers the MSPs and fills their tenants.
    pub(super) async fn seed(&self) -> anyhow::Result<()> {
        for msp in &MSPS {
            let mut secret = vec![0_u8; 32];
            self.gateway.entropy().fill(&mut secret);
            let secret = SecretBytes::new(hex::encode(secret).into_bytes());
            let registration = registry::Registration::jira(msp.source, msp.cloud_id, &secret);
            registry::register(&self.gateway, &Actor::Demo, &registration).await?;
            let mut client = self.gateway.databases().product.client().await?;
            reference::seed_tenant(&mut client, self.scope(msp)).await?;
        }
        Ok(())
    }

    fn scope(&self, msp: &Msp) -> TenantScope<'_> {
        let tenant_key = MSPS.iter().find(|known| known.source == msp.source).map_or("", |known| known.cloud_id);
        TenantScope { map: self.gateway.map(), tenant_key }
    }

    /// Our id of an MSP.
    pub(super) async fn tenant(&self, msp: &Msp) -> anyhow::Result<TenantId> {
        Ok(tenants::by_key(&self.gateway, msp.cloud_id).await?)
    }

    /// The `number`-th team member of an MSP, 1 to 8.
    pub(super) async fn member(&self, msp: &Msp, number: i32) -> anyhow::Result<SeededMember> {
        let mut client = self.verifier.client().await?;
        Ok(reference::member(&mut client, self.scope(msp), number).await?)
    }

    fn kind() -> anyhow::Result<SubjectKind> {
        Ok(SubjectKind::parse("msp_team_member")?)
    }

    fn person(account_id: &Personal<String>) -> anyhow::Result<PersonKey> {
        let identity = (IdentityKind::AtlassianAccountId, account_id.clone());
        Ok(PersonKey { kind: Self::kind()?, identities: vec![identity] })
    }

    /// A portal user, as their Firebase uid finds them.
    pub(super) fn portal_person(uid: &Personal<String>) -> anyhow::Result<PersonKey> {
        let identity = (IdentityKind::FirebaseUid, uid.clone());
        Ok(PersonKey { kind: SubjectKind::parse("portal_user")?, identities: vec![identity] })
    }

    /// Every row of an MSP with regard to one person.
    pub(super) async fn fingerprints(&self, msp: &Msp, account_id: &Personal<String>) -> anyhow::Result<Fingerprints> {
        self.fingerprints_for(msp, &Self::person(account_id)?).await
    }

    /// Every row of an MSP with regard to one person of any kind.
    pub(super) async fn fingerprints_for(&self, msp: &Msp, person: &PersonKey) -> anyhow::Result<Fingerprints> {
        let plan = planning::plan(self.gateway.map(), &person.kind)?;
        let mut client = self.verifier.client().await?;
        Ok(product::fingerprints(&mut client, self.scope(msp), &plan, person).await?)
    }

    /// Every row of every other MSP, with regard to nobody there.
    pub(super) async fn other_tenants(&self, msp: &Msp, account_id: &Personal<String>) -> anyhow::Result<Fingerprints> {
        let mut all = BTreeMap::new();
        for other in MSPS.iter().filter(|other| other.source != msp.source) {
            let rows = self.fingerprints(other, account_id).await?;
            all.extend(
                rows.into_iter().map(|((table, key), row)| ((format!("{table} of {}", other.source), key), row)),
            );
        }
        Ok(all)
    }

    /// True while the product's own view lets the person in.
    pub(super) async fn may_sign_in(&self, msp: &Msp, account_id: &Personal<String>) -> anyhow::Result<bool> {
        let mut client = self.verifier.client().await?;
        Ok(reference::member_may_sign_in(&mut client, self.scope(msp), account_id).await?)
    }

    /// The `number`-th portal user of an MSP, 1 to 12.
    pub(super) async fn portal_user(&self, msp: &Msp, number: i32) -> anyhow::Result<SeededPortalUser> {
        let mut client = self.verifier.client().await?;
        Ok(reference::portal_user(&mut client, self.scope(msp), number).await?)
    }

    /// True while the product's own view lets the portal user in.
    pub(super) async fn may_use_portal(&self, msp: &Msp, uid: &Personal<String>) -> anyhow::Result<bool> {
        let mut client = self.verifier.client().await?;
        Ok(reference::portal_user_may_sign_in(&mut client, self.scope(msp), uid).await?)
    }

    /// How many people of an MSP, of every kind, the product's own views let in.
    pub(super) async fn people_with_access(&self, msp: &Msp) -> anyhow::Result<u64> {
        let mut client = self.verifier.client().await?;
        Ok(reference::people_with_access(&mut client, self.scope(msp)).await?)
    }

    /// True for a table whose rows end when access does.
    pub(super) fn is_session(&self, table: &str) -> bool {
        self.gateway.map().subjects.values().flat_map(|root| &root.sessions).any(|link| link.collection == table)
    }

    /// What the independent reader still finds of a whole MSP, its own row included.
    pub(super) async fn rows_left(&self, msp: &Msp) -> anyhow::Result<u64> {
        let mut client = self.verifier.client().await?;
        let report = product::verify_tenant(&mut client, self.scope(msp), product::RootRow::MustBeGone).await?;
        Ok(report.left_rows())
    }

    /// What the independent reader still finds of a member: account id and e-mail.
    pub(super) async fn identifiers_left(&self, msp: &Msp, member: &SeededMember) -> anyhow::Result<u64> {
        let identifiers = [
            (IdentityKind::AtlassianAccountId, member.account_id.clone()),
            (IdentityKind::Email, member.email.clone()),
        ];
        self.left_of(msp, &identifiers).await
    }

    /// What the independent reader still finds of these identifiers.
    pub(super) async fn left_of(
        &self,
        msp: &Msp,
        identifiers: &[(IdentityKind, Personal<String>)],
    ) -> anyhow::Result<u64> {
        let mut client = self.verifier.client().await?;
        let report = product::verify(&mut client, self.scope(msp), identifiers).await?;
        Ok(report.left_rows() + report.mentioned.iter().map(|finding| finding.rows).sum::<u64>())
    }

    /// How many deliveries were recognized as duplicates.
    pub(super) async fn duplicates(&self) -> anyhow::Result<i64> {
        let queue = self.gateway.databases().queue.client().await?;
        let sql = "SELECT coalesce(sum(duplicate_count - conflict_count), 0)::int8 FROM gateway.event_key";
        Ok(queue.query_one(sql, &[]).await?.get(0))
    }

    /// Moves the demo calendar and waits until the running server has noticed.
    pub(super) async fn advance(&self, by: SignedDuration) -> anyhow::Result<()> {
        let target_time = self.gateway.now() + by;
        demo_clock::advance(&self.gateway, by).await?;
        let started = std::time::Instant::now();
        while self.gateway.now() < target_time {
            if started.elapsed() > PATIENCE {
                bail!("the demo clock did not move");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until no event and no due job is left.
    pub(super) async fn settle(&self) -> anyhow::Result<()> {
        let started = std::time::Instant::now();
        self.gateway.wake_workers();
        loop {
            let (events, jobs) = report::backlog(&self.gateway).await?;
            if events == 0 && jobs == 0 {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                let held = report::jobs(&self.gateway, &crate::store::job::JobFilter::default(), 20).await?;
                let reasons: Vec<_> = held.into_iter().filter_map(|job| job.failure_reason).collect();
                bail!("work did not end: {events} events, {jobs} jobs; reasons: {reasons:?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
