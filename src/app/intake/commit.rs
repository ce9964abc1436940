//! Committing one delivery together with whatever else is waiting.

use super::commit_queue::{Committed, NotCommitted, Waiting};
use crate::{
    app::{ground::error::Error, intake::Intake},
    domain::SourceId,
    store::{
        self,
        intake::{CommittedKey, IncomingEvent},
    },
};
use tokio::sync::oneshot;

/// Commits a delivery together with whatever else is waiting. Returns once it is durable.
pub(in crate::app) async fn commit(gateway: &Intake, event: IncomingEvent) -> Result<Committed, NotCommitted> {
    let (reply, committed) = oneshot::channel();
    gateway.commit_queue().sender.try_send(Waiting { event, reply }).map_err(|_| NotCommitted::QueueFull)?;
    match committed.await {
        Ok(Ok(committed)) => Ok(committed),
        Ok(Err(_)) | Err(_) => Err(NotCommitted::Database),
    }
}

/// What was committed before under one of these keys, made with older digest keys.
pub(in crate::app) async fn find_older(
    gateway: &Intake,
    wanted: &[(SourceId, [u8; 32])],
) -> Result<Vec<CommittedKey>, Error> {
    let client = gateway.intake_pool().client().await?;
    Ok(store::intake::find_keys(&client, wanted).await?)
}
