//! The files of the reference product as they are, and with mistakes planted in them.

mod drift_mistakes;
mod mistakes;
pub(crate) mod reference_product;
