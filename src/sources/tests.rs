//! What the tests of the senders share.

pub(super) mod sample;
