//! Polling: sources that do not send.

pub mod accounts;
pub mod budget;
mod context;
pub mod credentials;
pub mod due;
pub mod installations;
pub mod learned;
pub mod pieces;
pub mod round;
pub mod site;
pub mod turn;
pub mod worklogs;

pub use context::Polling;
