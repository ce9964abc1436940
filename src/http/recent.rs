//! A costly answer that anybody may ask for, asked by one caller at a time and believed for a moment.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// The last answer. Without it, whoever floods `/readyz` would take the connections that deliveries need.
pub(super) struct Recent<T> {
    believed_for: Duration,
    last: Mutex<Option<(Instant, T)>>,
}

impl<T: Copy> Recent<T> {
    /// Nothing has been asked yet.
    pub(super) fn new(believed_for: Duration) -> Self {
        Self { believed_for, last: Mutex::const_new(None) }
    }

    /// The last answer, or the one that `ask` gives now. Callers meanwhile wait for it, so `ask` must be bounded in time.
    pub(super) async fn get(&self, ask: impl Future<Output = T>) -> T {
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < self.believed_for
        {
            return answer;
        }
        let answer = ask.await;
        *last = Some((Instant::now(), answer));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_believed_for_its_time_and_asked_for_again_afterwards() {
        let lasting = Recent::new(Duration::from_mins(1));
        let fleeting = Recent::new(Duration::ZERO);

        assert_eq!((lasting.get(async { 1 }).await, lasting.get(async { 2 }).await), (1, 1));
        assert_eq!((fleeting.get(async { 1 }).await, fleeting.get(async { 2 }).await), (1, 2));
    }
}
