//! What must follow from what a source said: pure decisions over signals, times and the policy's numbers.
//!
//! ```text
//! source time ─order_time─▶ order of signals ─summarize─▶ SignalSummary ─desired─▶ Present | Leaving
//!                                                                                     │ anchor
//! received at ───────────────────────────────────────────────────────────anchor_time──┴─▶ timeline: 0 / 30 / 90
//!                                                                                     ▲
//! evidence about a tenant ───installation─▶ Present | Leaving ────────────────────────┘
//! ```
//!
//! Promises: signals and evidence give the same result in every order and however often they arrive; a broken or hostile time stamp can
//! neither start an erasure at once nor put it off. It reads no clock and knows no storage.

mod evidence;
mod signals;
mod timeline;

pub use evidence::{Installation, installation};
pub use signals::{Desired, desired, order_time, returns, summarize};
pub use timeline::{anchor_time, ordered_timeline, timeline};
