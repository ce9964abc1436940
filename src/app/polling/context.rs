//! What may be touched where senders are asked: other systems, and intake, which keeps what was learned.

use std::ops::Deref;

use crate::app::{accounts::Accounts, intake::Intake};

/// Polling's context. Cheap to clone.
#[derive(Clone)]
pub struct Polling {
    accounts: Accounts,
    intake: Intake,
}

impl Polling {
    pub(in crate::app) fn new(accounts: Accounts, intake: Intake) -> Self {
        Self { accounts, intake }
    }

    /// The way in, for what was learned by asking.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }
}

impl Deref for Polling {
    type Target = Accounts;

    fn deref(&self) -> &Accounts {
        &self.accounts
    }
}
