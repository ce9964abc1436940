//! Taking a body chunk by chunk, under the global budget and one deadline for the whole of it.
//!
//! The server's own timeout covers the head of a request only; without a deadline here a sender that trickles would hold
//! its memory for ever.

use std::time::Duration;

use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::budget::{Budget, Exhausted, Reservation};
use crate::app::intake::delivery::{EVENT_BODY_BYTES_MAX, RETRY_AFTER_SECONDS};
use crate::domain::reply::SenderReply;

/// What one received byte costs until it is committed: the body as it arrived and its sealed copy, for a moment both, and
/// its share of the committer's one batch, which the driver copies into a message and into the connection's buffer. The
/// budget counts all three, so that its bound is one of memory and not of what senders have sent.
pub(super) const COPIES_OF_A_BODY: usize = 3;

/// The bounds of one body.
pub(super) struct Bounds<'a> {
    /// What all bodies hold together.
    pub(super) budget: &'a Budget,
    /// How long the whole body may take.
    pub(super) deadline: Duration,
    /// `Content-Length`, when the sender told it.
    pub(super) declared_bytes: Option<usize>,
}

impl From<Exhausted> for SenderReply {
    fn from(Exhausted: Exhausted) -> Self {
        Self::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS }
    }
}

/// Hands every chunk to `take` as it arrives and returns what is held for them. Keep it as long as the bytes.
///
/// A declared length that does not fit now is refused at once, but only bytes that have arrived are held: a claim costs
/// its sender nothing, and ten claims must not lock everybody else out. Fails with the final answer:
/// too large by its declaration, no budget, too slow (also when the body broke off), or what `take` says.
pub(super) async fn receive<E: From<SenderReply>>(
    payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    bounds: Bounds<'_>,
    take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Reservation, E> {
    let declared = bounds.declared_bytes.unwrap_or(0);
    if declared > EVENT_BODY_BYTES_MAX {
        return Err(SenderReply::TooLarge.into());
    }
    drop(bounds.budget.reserve(declared.saturating_mul(COPIES_OF_A_BODY)).map_err(SenderReply::from)?);
    let held = bounds.budget.reserve(0).map_err(SenderReply::from)?;
    let all = receive_all(payload, held, take);
    tokio::time::timeout(bounds.deadline, all).await.unwrap_or_else(|_| Err(SenderReply::TooSlow.into()))
}

async fn receive_all<E: From<SenderReply>>(
    mut payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    mut held: Reservation,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Reservation, E> {
    let mut received = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| SenderReply::TooSlow)?;
        received += chunk.len();
        held.grow_to(received.saturating_mul(COPIES_OF_A_BODY)).map_err(SenderReply::from)?;
        take(&chunk)?;
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const UNAVAILABLE: SenderReply = SenderReply::Unavailable { retry_after_seconds: RETRY_AFTER_SECONDS };

    fn bounds(budget: &Budget, declared_bytes: Option<usize>) -> Bounds<'_> {
        Bounds { budget, deadline: Duration::from_millis(50), declared_bytes }
    }

    fn chunks(sizes: &[usize]) -> impl Stream<Item = Result<Bytes, PayloadError>> + Unpin {
        stream::iter(sizes.iter().map(|size| Ok(Bytes::from(vec![7; *size]))).collect::<Vec<_>>())
    }

    fn count(total: &mut usize) -> impl FnMut(&[u8]) -> Result<(), SenderReply> {
        |bytes| {
            *total += bytes.len();
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_body_is_held_until_its_reservation_is_dropped() {
        let budget = Budget::new(60 * COPIES_OF_A_BODY);
        let mut total = 0;

        let held = receive(chunks(&[10, 20, 30]), bounds(&budget, None), count(&mut total)).await;

        assert_eq!((total, budget.held()), (60, 60 * COPIES_OF_A_BODY));
        drop(held);
        assert_eq!(budget.held(), 0);
    }

    #[tokio::test]
    async fn a_declared_length_is_judged_before_a_byte_is_read() {
        let budget = Budget::new(EVENT_BODY_BYTES_MAX * COPIES_OF_A_BODY);
        let never = |_: &[u8]| -> Result<(), SenderReply> { panic!("a byte was read") };

        let too_large = receive(chunks(&[1]), bounds(&budget, Some(EVENT_BODY_BYTES_MAX + 1)), never).await;
        let another = budget.reserve(1);
        let no_room = receive(chunks(&[1]), bounds(&budget, Some(EVENT_BODY_BYTES_MAX)), never).await;

        assert_eq!(too_large.err(), Some(SenderReply::TooLarge));
        assert_eq!(no_room.err(), Some(UNAVAILABLE));
        drop(another);
        assert_eq!(budget.held(), 0);
    }

    #[tokio::test]
    async fn an_undeclared_body_is_refused_at_the_chunk_that_does_not_fit() {
        let budget = Budget::new(25 * COPIES_OF_A_BODY);
        let mut total = 0;

        let refused = receive(chunks(&[10, 10, 10]), bounds(&budget, None), count(&mut total)).await;

        assert_eq!(refused.err(), Some(UNAVAILABLE));
        assert_eq!((total, budget.held()), (20, 0));
    }

    #[tokio::test]
    async fn a_body_that_trickles_or_breaks_off_is_too_slow_and_holds_nothing() {
        let budget = Budget::new(100);
        let stalled = chunks(&[10]).chain(stream::pending());
        let broken = chunks(&[10]).chain(stream::iter([Err(PayloadError::Incomplete(None))]));

        let slow = receive(stalled, bounds(&budget, Some(20)), count(&mut 0)).await;
        let cut = receive(broken, bounds(&budget, Some(20)), count(&mut 0)).await;

        assert_eq!(slow.err(), Some(SenderReply::TooSlow));
        assert_eq!(cut.err(), Some(SenderReply::TooSlow));
        assert_eq!(budget.held(), 0);
    }

    #[tokio::test]
    async fn a_sender_that_hangs_up_gives_its_bytes_back() {
        let budget = Budget::new(100);

        let mut receiving = Box::pin(receive(
            chunks(&[10]).chain(stream::pending()),
            Bounds { deadline: Duration::from_mins(1), ..bounds(&budget, Some(20)) },
            |_| Ok::<(), SenderReply>(()),
        ));
        assert!(futures_util::poll!(receiving.as_mut()).is_pending());
        assert_eq!(budget.held(), 10 * COPIES_OF_A_BODY);
        drop(receiving);

        assert_eq!(budget.held(), 0);
    }
}
