//! Calendar time, as an argument.
//!
//! Calendar deadlines (day 30, day 90, three business days) are counted on this clock. Leases and heartbeats are not:
//! they use the database's own time, so that two machines with different clocks cannot both hold one job.

use jiff::Timestamp;

/// Tells the calendar time. The only implementations are the system clock (with the demo offset) and a test's clock.
pub trait Clock: Send + Sync {
    /// The present instant in UTC.
    fn now(&self) -> Timestamp;
}
