//! Hours whose webhook was lost: Jira's feeds of changed and deleted worklogs, read again and again with an overlap.
//!
//! ```text
//!  since ─▶ page of (id, time) ─▶ what the product has not ─▶ list ─▶ events of the source ─▶ since of the next page …
//!    └────────── last page: `until` less two minutes is the next `since`, and never less than the one before ◀──┘
//! ```
//!
//! A list whose answer is too large, for comments come with it, is asked for in halves, down to a single worklog.
//!
//! A site is asked with the credentials of its own webhook source, or with the token that an installation of the app brings
//! with each sign of life.
//!
//! Source: Jira Cloud REST API, version 3, "Issue worklogs". Promises: each change goes the way of a webhook, so version
//! guard and fence hold as always; a page that is read twice changes nothing; the place in time never moves past a page that
//! was not read to its end; a worklog that is not listed is not taken for deleted, and one that is too large alone keeps no
//! other from arriving; the credential goes to the source's own site only, wherever an answer points.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    app::{
        ground::error::Error,
        polling::{
            Polling,
            budget::Budget,
            credentials::Access,
            learned::{Learned, keep_learned},
            pieces::Pieces,
            site::access,
            turn::{Halted, Turn, part_of},
        },
    },
    domain::{metric, poll::PollFeed},
    outbound::{
        CallFailure,
        jira_worklogs::{self, Feed, Listed, ListedWorklog, Listing, Page, WORKLOGS_PER_LIST_MAX},
    },
    product,
    sources::forge,
    store::{self, TenantTx, poll::PollSource},
};

/// How often a feed is read, and how much later at most, at random.
const REST: SignedDuration = SignedDuration::from_mins(15);

const REST_SPREAD: SignedDuration = SignedDuration::from_mins(1);

const REST_WITH_MORE: SignedDuration = SignedDuration::from_secs(1);

/// Pages of one turn.
const PAGES_PER_TURN_MAX: usize = 20;

/// How much of the time before is read again: Jira's feeds leave out the last minute, and clocks differ.
const OVERLAP_MS: i64 = 120_000;

/// How long before its registration a source is read at first.
const FIRST_LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);

/// What one turn has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::app) struct Reconciled {
    /// Changes that the feed told of.
    pub(in crate::app) told: u64,
    /// Changes that are new events.
    pub(in crate::app) missed: u64,
    /// True when it ended early.
    pub(in crate::app) is_halted: bool,
}

/// One turn: reads one feed of one source to its end, page by page. Safe to repeat and to die anywhere.
pub(in crate::app) async fn run(
    gateway: &Polling,
    source: &PollSource,
    feed: PollFeed,
    is_forced: bool,
    budget: &Budget,
) -> Result<Reconciled, Error> {
    let first = source.created_at.checked_sub(FIRST_LOOK_BACK).unwrap_or(Timestamp::UNIX_EPOCH);
    let Some(mut turn) = Turn::take(gateway, source, feed, first, is_forced).await? else {
        return Ok(Reconciled::default());
    };
    let mut reconciled = Reconciled::default();
    let ended = read(gateway, source, feed, budget, &mut turn, &mut reconciled)
        .await
        .map(|is_complete| if is_complete { REST + part_of(gateway, REST_SPREAD) } else { REST_WITH_MORE });
    reconciled.is_halted = !turn.end(gateway, ended).await?;
    Ok(reconciled)
}

/// True when the last page was read.
async fn read(
    gateway: &Polling,
    source: &PollSource,
    feed: PollFeed,
    budget: &Budget,
    turn: &mut Turn,
    reconciled: &mut Reconciled,
) -> Result<bool, Halted> {
    let access = access(gateway, source).await?;
    let asking = Asking { gateway, source, access, feed: feed_of(feed), budget };
    for _ in 0..PAGES_PER_TURN_MAX {
        if budget.is_over() {
            return Ok(false);
        }
        let since_ms = turn.since_ms();
        let page = asking.page(since_ms).await?;
        reconciled.told += page.worklogs.len() as u64;
        for some in page.worklogs.chunks(WORKLOGS_PER_LIST_MAX) {
            if !asking.keep(some, reconciled).await? {
                return Ok(false);
            }
        }
        gateway.crash().reach("polls.after_page");
        let next_ms = page.next_since_ms.unwrap_or_else(|| (page.until_ms - OVERLAP_MS).max(since_ms));
        turn.advance(gateway, next_ms).await?;
        if page.is_last() {
            return Ok(true);
        }
    }
    Ok(false)
}

const fn feed_of(feed: PollFeed) -> Feed {
    match feed {
        // Accounts have no worklogs; nobody asks this with them.
        PollFeed::WorklogsUpdated | PollFeed::Accounts => Feed::Updated,
        PollFeed::WorklogsDeleted => Feed::Deleted,
    }
}

/// One feed of one source.
struct Asking<'a> {
    gateway: &'a Polling,
    source: &'a PollSource,
    access: Access,
    feed: Feed,
    budget: &'a Budget,
}

/// Worklogs that were asked about and not listed.
#[derive(Default)]
struct Unlisted {
    omitted: usize,
    foreign: usize,
    too_large: usize,
}

/// A change as the source's own sender tells it.
#[derive(Serialize)]
#[serde(untagged)]
enum AsDelivered<'a> {
    Webhook {
        timestamp: i64,
        #[serde(rename = "webhookEvent")]
        webhook_event: &'a str,
        worklog: &'a RawValue,
    },
    AppEvent {
        timestamp: i64,
        #[serde(rename = "eventType")]
        event_type: &'a str,
        worklog: &'a RawValue,
    },
}

/// What happened to a worklog.
#[derive(Clone, Copy)]
enum Change {
    Updated,
    Deleted,
}

impl Change {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Updated => "worklog_updated",
            Self::Deleted => "worklog_deleted",
        }
    }

    const fn of_app(self) -> &'static str {
        match self {
            Self::Updated => "avi:jira:updated:worklog",
            Self::Deleted => "avi:jira:deleted:worklog",
        }
    }
}

impl Asking<'_> {
    async fn page(&self, since_ms: i64) -> Result<Page, CallFailure> {
        let Access { client, base, authorization } = &self.access;
        let call = jira_worklogs::changed(client, base, authorization, self.feed, since_ms);
        self.guarded(call).await
    }

    async fn guarded<T>(&self, call: impl Future<Output = Result<T, CallFailure>>) -> Result<T, CallFailure> {
        let destination = format!("worklogs of {} {}", self.source.name, self.source.holder);
        self.gateway.outgoing().breaker().guard(&destination, call).await
    }

    /// Makes events of the changes that the product has not. True when all of them are durable; false when the budget was
    /// over before.
    async fn keep(&self, changes: &[(u64, Timestamp)], reconciled: &mut Reconciled) -> Result<bool, Halted> {
        let unknown = self.unknown(changes).await?;
        match self.feed {
            Feed::Updated => self.keep_updated(&unknown, reconciled).await,
            Feed::Deleted => self.keep_deleted(&unknown, reconciled).await.map(|()| true),
        }
    }

    /// What came by webhook needs no event: it would end as stale. Only the product says what it has.
    async fn unknown(&self, changes: &[(u64, Timestamp)]) -> Result<Vec<(u64, Timestamp)>, Error> {
        let mut client = self.gateway.databases().tenant.client().await?;
        let tenant_key = store::tenant::stable_key(&TenantTx::begin(&mut client, self.source.tenant_id).await?).await?;
        drop(client);
        let ids: Vec<u64> = changes.iter().map(|(id, _)| *id).collect();
        let scope = product::TenantScope { map: self.gateway.map(), tenant_key: &tenant_key };
        let mut product_client = self.gateway.databases().product.client().await?;
        let known = product::worklog_versions(&mut product_client, scope, &ids).await?;
        let is_known = |(id, at): &(u64, Timestamp)| {
            known.get(id).is_some_and(|version| match self.feed {
                Feed::Updated => version.is_removed || version.updated_at >= *at,
                Feed::Deleted => version.is_removed,
            })
        };
        Ok(changes.iter().filter(|change| !is_known(change)).copied().collect())
    }

    /// What was listed is kept at once: should the turn end before the rest, the product has it when the page is read again,
    /// and less is left to ask about.
    async fn keep_updated(&self, changes: &[(u64, Timestamp)], reconciled: &mut Reconciled) -> Result<bool, Halted> {
        let mut pieces = Pieces::of(changes);
        let mut unlisted = Unlisted::default();
        while let Some(piece) = pieces.take() {
            match self.list(piece).await? {
                Listing::Whole(listed) => {
                    unlisted.omitted += listed.omitted.len();
                    unlisted.foreign += listed.foreign_count;
                    self.keep_listed(piece, &listed, reconciled).await?;
                }
                Listing::TooLarge if pieces.halve(piece) => {}
                Listing::TooLarge => unlisted.too_large += 1,
            }
            if !pieces.is_empty() && self.budget.is_over() {
                break;
            }
        }
        self.say_what_was_unlisted(&unlisted);
        if !pieces.is_empty() {
            let source = &self.source.name;
            tracing::warn!(source, "the time for asking was over within a page; it is read again from its beginning");
        }
        Ok(pieces.is_empty())
    }

    async fn list(&self, changes: &[(u64, Timestamp)]) -> Result<Listing, CallFailure> {
        let Access { client, base, authorization } = &self.access;
        let ids: Vec<u64> = changes.iter().map(|(id, _)| *id).collect();
        self.guarded(jira_worklogs::list(client, base, authorization, &ids)).await
    }

    async fn keep_listed(
        &self,
        changes: &[(u64, Timestamp)],
        listed: &Listed,
        reconciled: &mut Reconciled,
    ) -> Result<(), Halted> {
        for ListedWorklog { worklog_id, json } in &listed.worklogs {
            let Some((_, at)) = changes.iter().find(|(id, _)| id == worklog_id) else { continue };
            let json = json.expose_for("the event's body, which is sealed");
            reconciled.missed += self.keep_one(Change::Updated, *worklog_id, *at, json).await?;
        }
        Ok(())
    }

    fn say_what_was_unlisted(&self, unlisted: &Unlisted) {
        let (source, Unlisted { omitted, foreign, too_large }) = (&self.source.name, unlisted);
        if omitted + foreign > 0 {
            tracing::info!(source, omitted, foreign, "not every changed worklog was listed");
        }
        if *too_large > 0 {
            tracing::warn!(source, too_large, "worklogs are too large to be read even alone; their hours are left out");
        }
    }

    async fn keep_deleted(&self, changes: &[(u64, Timestamp)], reconciled: &mut Reconciled) -> Result<(), Halted> {
        for (worklog_id, at) in changes {
            let json = format!(r#"{{"id":"{worklog_id}"}}"#);
            reconciled.missed += self.keep_one(Change::Deleted, *worklog_id, *at, json.as_bytes()).await?;
        }
        Ok(())
    }

    async fn keep_one(&self, change: Change, id: u64, at: Timestamp, worklog: &[u8]) -> Result<u64, Halted> {
        let unreadable = CallFailure::BadAnswer { what: "a worklog is not JSON" };
        let worklog: &RawValue = serde_json::from_slice(worklog).map_err(|_| unreadable)?;
        let (timestamp, holder) = (at.as_millisecond(), &self.source.holder);
        let (told, context) = if holder.is_empty() {
            (AsDelivered::Webhook { timestamp, webhook_event: change.as_str(), worklog }, Vec::new())
        } else {
            (
                AsDelivered::AppEvent { timestamp, event_type: change.of_app(), worklog },
                forge::context_of_learned(holder),
            )
        };
        let body = Zeroizing::new(serde_json::to_vec(&told).expect("a number, a word and JSON are JSON"));
        let identifier = format!("reconciled {holder} {} {id} {timestamp}", change.as_str());
        let whose = (self.source.source_id, self.source.tenant_id);
        let learned = Learned { whose, identifier: &identifier, context: &context, body: &body };
        let is_new = keep_learned(self.gateway, learned).await?;
        if is_new {
            metrics::counter!(metric::WORKLOGS_RECONCILED_TOTAL, "change" => change.as_str()).increment(1);
        }
        Ok(u64::from(is_new))
    }
}
