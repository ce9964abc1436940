//! The portal user who deletes their Firebase account. One project serves every tenant, so whose they are must be found.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    reference::SeededPortalUser,
    senders::{Forwarder, PROJECT},
    stage::{MSPS, Msp, Stage},
};
use crate::{
    cli::output::remark,
    domain::{IdentityKind, RequestId, request::RequestScope},
    product::{self, Fingerprints, PersonKey},
};

/// How long the demo waits for anything before it says what did not happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// Which of the seeded portal users leaves.
const NUMBER: i32 = 5;

/// The figures of this story.
#[derive(Debug, Serialize)]
pub(super) struct PortalFigures {
    /// Real milliseconds from the answer until the product's own view no longer let the portal user in.
    pub(super) firebase_access_revoked_ms: f64,
    /// Rows that referred to the portal user.
    pub(super) firebase_rows_before: u64,
    /// Rows that refer to them after the erasure.
    pub(super) firebase_rows_after: u64,
    /// Rows in which the independent reader still finds uid or e-mail address.
    pub(super) firebase_identifiers_left: u64,
    /// Rows of other people there, or undeclared columns, that changed.
    pub(super) firebase_other_people_changed: u64,
    /// The day, counted from the deletion at Firebase, on which the erasure was finished.
    pub(super) firebase_erasure_finished_on_day: i64,
    /// The request, for looking further.
    pub(super) firebase_request: String,
}

/// The portal user and their tenant as they were at the beginning.
pub(super) struct PortalUser<'a> {
    msp: &'a Msp,
    user: SeededPortalUser,
    person: PersonKey,
    before: Fingerprints,
}

/// A portal user on the way out.
pub(super) struct Leaving {
    pub(super) request: RequestId,
    pub(super) left_at: Timestamp,
    access_revoked_ms: f64,
}

impl<'a> PortalUser<'a> {
    pub(super) async fn of(stage: &Stage, msp: &'a Msp) -> anyhow::Result<Self> {
        let user = stage.portal_user(msp, NUMBER).await?;
        let person = Stage::portal_person(&user.firebase_uid)?;
        let before = stage.fingerprints_for(msp, &person).await?;
        Ok(Self { msp, user, person, before })
    }

    /// Every row of another tenant with regard to this person, who is nobody there.
    pub(super) async fn fingerprints_at(&self, stage: &Stage, msp: &Msp) -> anyhow::Result<Fingerprints> {
        stage.fingerprints_for(msp, &self.person).await
    }

    /// Firebase tells of the deletion; whose user that was is found, and access is revoked there and nowhere else.
    pub(super) async fn leave(&self, stage: &Stage, forwarder: &Forwarder<'_>) -> anyhow::Result<Leaving> {
        remark("\n10. A portal user of a third MSP deletes their Firebase account; the project serves all of them");
        let (rows, uid) = (about(&self.before), &self.user.firebase_uid);
        ensure!(rows > 0 && stage.may_use_portal(self.msp, uid).await?, "the portal user was not there before");
        let left_at = stage.gateway.now();
        forwarder.forward("firebase-deleted-1", &self.deleted(left_at)).await?;
        let answered = Instant::now();
        while stage.may_use_portal(self.msp, uid).await? {
            if answered.elapsed() > PATIENCE {
                bail!("access to the portal was not off after {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let access_revoked_ms = answered.elapsed().as_secs_f64() * 1_000.0;
        stage.settle().await?;
        let request = self.only_request(stage).await?;
        remark(&format!(
            "   found in one of three; access was revoked {access_revoked_ms:.1} ms after the answer; {rows} rows"
        ));
        Ok(Leaving { request, left_at, access_revoked_ms })
    }

    /// The one open request about a person, which must be of this tenant.
    async fn only_request(&self, stage: &Stage) -> anyhow::Result<RequestId> {
        let mut found = Vec::new();
        for msp in &MSPS {
            let open = stage.open_requests(msp).await?;
            let of_people = open.into_iter().filter(|(_, row)| matches!(row.scope, RequestScope::Subject(_)));
            found.extend(of_people.map(|(_, row)| (msp.source, row.request_id)));
        }
        match found.as_slice() {
            [(source, request)] if *source == self.msp.source => Ok(*request),
            others => bail!("the portal user was looked for in one tenant and found {} times", others.len()),
        }
    }

    /// What is left of the portal user, and whether anybody else was touched.
    pub(super) async fn figures(&self, stage: &Stage, leaving: Leaving, day: i64) -> anyhow::Result<PortalFigures> {
        let after = stage.fingerprints_for(self.msp, &self.person).await?;
        let identifiers = [
            (IdentityKind::FirebaseUid, self.user.firebase_uid.clone()),
            (IdentityKind::Email, self.user.email.clone()),
        ];
        let figures = PortalFigures {
            firebase_access_revoked_ms: leaving.access_revoked_ms,
            firebase_rows_before: about(&self.before),
            firebase_rows_after: about(&after),
            firebase_identifiers_left: stage.left_of(self.msp, &identifiers).await?,
            firebase_other_people_changed: product::changed_beyond_declared(&self.before, &after).values().sum(),
            firebase_erasure_finished_on_day: day,
            firebase_request: leaving.request.to_string(),
        };
        ensure!(
            figures.firebase_rows_after + figures.firebase_identifiers_left == 0,
            "the portal user is still to be found: {figures:?}"
        );
        Ok(figures)
    }

    /// As our forwarder function sends it. Of everything that Firebase says only the uid is needed.
    fn deleted(&self, at: Timestamp) -> Value {
        let uid = self.user.firebase_uid.expose_for("the body of a delivery, as Firebase would send it");
        json!({
            "specversion": "1.0",
            "id": "firebase-deleted-1",
            "time": at.to_string(),
            "type": "google.firebase.auth.user.v2.deleted",
            "source": format!("//identitytoolkit.googleapis.com/projects/{PROJECT}"),
            "subject": format!("users/{uid}"),
            "data": {"uid": uid},
        })
    }
}

fn about(rows: &Fingerprints) -> u64 {
    rows.values().filter(|row| row.is_about_person).count() as u64
}
