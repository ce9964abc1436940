//! What one batch of one step is: whose rows, how many at most, and where it begins.
//!
//! A batch first chooses rows and then does something with them. Which rows is the [`Selection`]; what is done is the step's
//! [`crate::domain::plan::Disposal`], whose SQL is built apart from the choice. So a step that only reads (an export) would be
//! one more thing that is done with the rows that were chosen, in the same loop.

use crate::domain::{
    PlanId,
    plan::{Plan, Step},
};

use super::{
    error::ProductError,
    marker::{Committed, Ticket},
    person::PersonKey,
    scope::TenantScope,
    walk::Key,
};

/// The most rows one batch may dispose of: more would hold locks so long that the product's own users notice.
pub(super) const BATCH_ROWS_MAX: u32 = 10_000;
/// The most batches of one step. A step that needs more does not end, and is refused.
pub(super) const BATCHES_PER_STEP_MAX: i32 = 1_000_000;

/// Whose rows the steps of a plan concern. Rows past their term (of a rule, not of a person or a tenant) would be a third
/// kind: a condition on a date, gone through along the primary key as a tenant's rows are.
#[derive(Debug, Clone, Copy)]
pub enum Selection<'a> {
    /// The rows that a step's reach finds from the person's identities. A row that was disposed of is found no more, so each
    /// batch begins in the same place.
    Person {
        /// The person.
        key: &'a PersonKey,
        /// What [`crate::domain::plan::Rewrite::ErasurePseudonym`] becomes.
        pseudonym: &'a str,
    },
    /// Every row of the tenant. A step goes through its table once, on the way that costs least.
    Tenant,
}

/// One step of a plan, to be run by one worker.
#[derive(Debug, Clone, Copy)]
pub struct StepRun<'a> {
    /// The plan that the step is part of.
    pub plan: &'a Plan,
    /// The plan's id. Markers and the fencing token belong to it: a second plan after a failed verification runs its own steps.
    pub plan_id: PlanId,
    /// The step.
    pub step: &'a Step,
    /// Whose rows.
    pub selection: Selection<'a>,
    /// The job's fencing token: each worker that takes the job over has a larger one.
    pub token: i64,
    /// So many rows in a batch, 1 to 10,000: at most, or about so many where a tenant's rows go page by page.
    pub batch_rows: u32,
}

/// One batch of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch<'a> {
    pub(super) run: StepRun<'a>,
    /// 1-based number within the step.
    pub(super) number: i32,
    /// Where it begins.
    pub(super) at: &'a Position,
}

/// Where a batch begins. It lives in memory only: an attempt always begins at the front, where whatever is left is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// At the first row.
    Front,
    /// Behind this key.
    Behind(Key),
    /// At page `from`, over `count` pages, in a table that had `of` in the beginning.
    Pages { from: u64, count: u64, of: u64 },
}

/// What a batch has done, now or when it ran before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BatchResult {
    /// What its marker says.
    pub(super) committed: Committed,
    /// Where the next batch begins; `None` when that is where this one began, or when it ran before and must not tell.
    pub(super) next: Option<Position>,
}

impl<'a> Batch<'a> {
    pub(super) fn ticket(&self) -> Ticket {
        let StepRun { plan_id, step, token, .. } = self.run;
        Ticket { plan_id, token, step: step.number, batch_number: self.number }
    }

    /// The key of the step's table, for a batch that keeps to the bounds.
    pub(super) fn key_within_bounds(&self, scope: TenantScope<'a>) -> Result<&'a [String], ProductError> {
        let StepRun { step, batch_rows, .. } = self.run;
        if batch_rows == 0 || batch_rows > BATCH_ROWS_MAX || !(1..=BATCHES_PER_STEP_MAX).contains(&self.number) {
            return Err(ProductError::PlanRefused { what: "a batch is outside its bounds" });
        }
        let key = &scope.collection(&step.table)?.primary_key;
        if key.is_empty() {
            return Err(ProductError::MapGap { collection: step.table.clone(), what: "the primary key" });
        }
        Ok(key)
    }
}
