//! Why an event could not be applied and waits as a dead letter for a person.

use super::{cause::Cause, table::reasons};

reasons! {
    /// Why an event is a dead letter.
    EventReason {
        /// A signed body is not UTF-8.
        BodyNotUtf8 => "body_not_utf8",
            "the body is not UTF-8",
            "look at the sender; it cannot be applied as it is";
        /// A signed body is not JSON, or nested deeper than we read.
        BodyNotJson => "body_not_json",
            "the body is not JSON, or is nested too deep",
            "look at the sender; it cannot be applied as it is";
        /// A field that the event's type needs is not there.
        MissingField { field: &'static str } => "missing_field",
            "the field {field} is missing",
            "look whether the sender has changed its format; after an update that reads it, replay it";
        /// A field has a value that cannot be believed.
        InvalidField { field: &'static str } => "invalid_field",
            "the field {field} has a value that cannot be",
            "look whether the sender has changed its format; after an update that reads it, replay it";
        /// The signed body speaks of another site than the one that its source is registered for.
        ForeignSite { field: &'static str } => "foreign_site",
            "the field {field} names another site than the source's",
            "compare the source's site with that of the sender; register the other site as a source of its own";
        /// The product has people of several kinds with this identity, and none of them is known to us yet.
        AmbiguousIdentity => "ambiguous_identity",
            "several kinds of people have this identity",
            "correct the product's data so that one person has it, then replay it";
        /// An installation of a shared source has sent something before it was bound to a tenant.
        UnboundInstallation => "unbound_installation",
            "the installation is bound to no tenant",
            "bind it with `sources bind`, then replay it";
        /// A source of all tenants has sent an event that names none.
        NoTenant => "no_tenant",
            "the source names no tenant for such an event",
            "look whether the sender is registered as the right kind of source";
        /// The same identifier had come before, with another body.
        IdentifierReused => "identifier_reused_with_another_body",
            "its identifier had come before with another body; it never runs",
            "look at the sender: two different events must not have one identifier";
        /// An event failed as often as it may, or databases were away for as long as it may wait.
        GaveUp { last: Cause } => "gave_up",
            "every attempt failed, at last because {last}",
            "mend what it names, then replay it";
    }
}
