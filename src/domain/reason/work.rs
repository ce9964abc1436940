//! Why an attempt failed: of a job, an event, or a command.

use super::{cause::Cause, table::reasons};

reasons! {
    /// Why an attempt failed.
    WorkReason {
        /// Work was taken very often without an end: it may be what kills its workers.
        TakenTooOften => "taken_too_often",
            "it was taken too often without an end",
            "look into the logs why workers crashed, then let it go on";
        /// An attempt ended by a panic.
        AttemptPanicked => "attempt_panicked",
            "an attempt panicked",
            "nothing at first, it is tried again; report the panic that the log shows";
        /// Another worker has the job now.
        LeaseLost => "lease_lost",
            "another worker holds the job",
            "nothing";
        /// Our own database cannot be reached, or has no room just now.
        GatewayDatabaseAway { cause: Cause } => "gateway_database_away",
            "the gateway's database is away: {cause}",
            "check that the database runs; it is tried again";
        /// Our own database refuses a statement, and waiting does not mend it.
        GatewayDatabaseRefuses { cause: Cause } => "gateway_database_refuses",
            "the gateway's database refuses: {cause}",
            "run `doctor`, mend what the cause names, and run it again";
        /// The product database cannot be reached, or has no room just now.
        ProductDatabaseAway { cause: Cause } => "product_database_away",
            "the product database is away: {cause}",
            "check that the product database runs; it is tried again";
        /// The product database refuses, and waiting does not mend it.
        ProductDatabaseRefuses { cause: Cause } => "product_database_refuses",
            "the product database refuses: {cause}",
            "run `doctor`, compare the product's schema with the data map, and run it again";
        /// The independent reader cannot reach the product database just now.
        ReaderAway { cause: Cause } => "reader_away",
            "the independent reader has no connection: {cause}",
            "check that the product database runs; it is tried again";
        /// The independent reader cannot read what it has to, so nothing can be said about what is left.
        ReaderCannotRead { cause: Cause } => "reader_cannot_read",
            "the independent reader cannot read: {cause}",
            "give its role the right to read all rows of the tables of the data map, then let it go on";
        /// A sealed value does not open.
        SealedValueUnreadable { cause: Cause } => "sealed_value_unreadable",
            "a sealed value did not open: {cause}",
            "give --keyring the key ring that belongs to this database";
        /// No plan can be made with this data map.
        PlanNotUsable { cause: Cause } => "plan_not_usable",
            "no plan can be made: {cause}",
            "correct the data map with `policy check`, then let it go on";
        /// A receipt or an audit entry could not be made.
        ReceiptNotSigned { cause: Cause } => "receipt_not_signed",
            "the proof could not be made: {cause}",
            "check the key ring with `doctor`, then let it go on";
        /// A row that must be there is not.
        RowMissing { what: &'static str } => "row_missing",
            "{what} is missing",
            "run `doctor`; if our database was restored, look whether the backup was whole";
        /// What we store cannot be written in its form, or what was stored cannot be read by this version.
        Unserializable { what: &'static str } => "unserializable",
            "{what} cannot be written or read",
            "look whether an older version runs than the one that wrote it";
        /// What was asked for does not exist.
        NotFound { what: &'static str } => "not_found",
            "there is no such {what}",
            "list what there is, and compare the id";
    }
}
