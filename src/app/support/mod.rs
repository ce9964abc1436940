//! What operators and support engineers do and read.

pub mod cursor;
pub mod demo_clock;
pub mod find_subject;
pub mod pages;
pub mod replay;
pub mod report;
pub mod verify_audit;
pub mod views;
