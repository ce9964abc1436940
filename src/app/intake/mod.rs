//! Deliveries: verified, sealed and committed before the sender is answered.

pub mod accept_event;
pub mod admit;
pub mod commit;
pub mod commit_queue;
pub mod committer;
mod context;
pub mod delivery;
pub mod emulator;
pub mod keep;
pub mod proof;
pub mod raw;
pub mod rejections;
mod waiting_rejections;

pub use context::Intake;
