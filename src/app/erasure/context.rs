//! What only erasure may touch: the independent reader's connections and the key that signs receipts.

use std::{ops::Deref, sync::Arc};

use crate::{app::accounts::Accounts, proof::SigningKey, store};

/// Erasure's context. Cheap to clone.
#[derive(Clone)]
pub struct Erasure {
    accounts: Accounts,
    /// Role `gw_verify` on the product database: the independent reader.
    verifier: store::Pool,
    signing_key: Arc<SigningKey>,
}

impl Erasure {
    pub(in crate::app) fn new(accounts: Accounts, verifier: store::Pool, signing_key: Arc<SigningKey>) -> Self {
        Self { accounts, verifier, signing_key }
    }

    pub(super) fn verifier(&self) -> &store::Pool {
        &self.verifier
    }

    pub(super) fn signing_key(&self) -> &SigningKey {
        &self.signing_key
    }
}

impl Deref for Erasure {
    type Target = Accounts;

    fn deref(&self) -> &Accounts {
        &self.accounts
    }
}
