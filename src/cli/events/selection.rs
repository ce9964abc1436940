//! Which events a command is about.

use clap::Args;

use crate::app::Gateway;
use crate::cli::{selection, times::When};
use crate::store::event::EventFilter;

const OUTCOMES: [&str; 3] = ["applied", "ignored", "dead_lettered"];
const STATES: [&str; 2] = ["pending", "done"];

/// Which events: everything that is given must hold.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct EventSelection {
    /// Events of this tenant: ten_… or the key that the product knows it by
    #[arg(long, value_name = "TENANT")]
    pub(in crate::cli) tenant: Option<String>,
    /// Events of this type, for example `user_deleted` or `worklog_logged`
    #[arg(long = "type", value_name = "WORD")]
    pub(in crate::cli) type_word: Option<String>,
    /// Events that ended so: applied, ignored or dead-lettered
    #[arg(long, value_name = "WORD", value_parser = outcome)]
    pub(in crate::cli) outcome: Option<String>,
    /// Events in this state: pending or done
    #[arg(long, value_name = "WORD", value_parser = state)]
    pub(in crate::cli) state: Option<String>,
    /// Received at or after: a time, a date or an age such as 2h or 7d
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<When>,
    /// Received before: a time, a date or an age
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<When>,
}

impl EventSelection {
    /// True when nothing is given, which would select every event there is.
    pub(in crate::cli) const fn is_everything(&self) -> bool {
        let Self { tenant, type_word, outcome, state, since, until } = self;
        tenant.is_none()
            && type_word.is_none()
            && outcome.is_none()
            && state.is_none()
            && since.is_none()
            && until.is_none()
    }

    /// The filter that storage understands. Ages count from the gateway's own clock.
    pub(in crate::cli) async fn filter(&self, gateway: &Gateway) -> anyhow::Result<EventFilter> {
        let now = gateway.now();
        Ok(EventFilter {
            event_id: None,
            tenant_id: selection::optional_tenant(gateway, self.tenant.as_deref()).await?,
            type_word: self.type_word.clone(),
            outcome: self.outcome.clone(),
            since: self.since.map(|when| when.resolve(now)),
            until: self.until.map(|when| when.resolve(now)),
            state: self.state.clone(),
        })
    }
}

fn outcome(typed: &str) -> Result<String, String> {
    selection::one_of(&OUTCOMES, typed)
}

fn state(typed: &str) -> Result<String, String> {
    selection::one_of(&STATES, typed)
}
