//! Why a job is parked, waits, or has nothing to do any more.

use super::{cause::Cause, table::reasons};

reasons! {
    /// Why a job did not complete.
    JobReason {
        /// A job's kind does not fit what it works for.
        WrongSubject => "wrong_subject",
            "the job's kind does not fit what it works for",
            "report it: no job ought to be made so";
        /// A request has been completed, refused, withdrawn, cancelled or superseded.
        RequestEnded { state: &'static str } => "request_ended",
            "the request is {state}",
            "nothing";
        /// A request is not at the stage any more that the job works at.
        RequestMovedOn => "request_moved_on",
            "the request has moved on",
            "nothing";
        /// A person has to decide about a request first.
        RequestUndecided => "request_undecided",
            "the request is not decided yet",
            "decide about the request, then let the job go on";
        /// A request's timeline was stopped before a step of it was done.
        NotScheduled => "not_scheduled",
            "the request is not scheduled any more",
            "nothing";
        /// Access ought to be restored to somebody who has left again.
        LeftAgain => "left_again",
            "whoever came back has left again",
            "nothing";
        /// Access ought to be restored to somebody who was erased.
        PersonErased => "person_erased",
            "the person was erased",
            "nothing";
        /// An erasure is not due yet.
        NotDue => "not_due",
            "the erasure is not due yet",
            "nothing, it waits for its time";
        /// Everything that an erasure has to do is done.
        ErasureCertified => "erasure_certified",
            "the erasure is certified",
            "nothing";
        /// A bound was reached that no sound data reaches.
        BoundExceeded { what: &'static str } => "bound_exceeded",
            "{what} did not come to an end",
            "report it; let the job go on once the cause is known";
        /// The plan that was stored is not the one that was digested.
        PlanAltered => "plan_altered",
            "the stored plan is not the one that was digested",
            "find out who has changed our database; do not let the job go on before";
        /// A tenant's plan does not end with the tenant's own row.
        PlanWithoutRoot => "plan_without_root",
            "the plan does not end with the tenant's own row",
            "correct the data map, then let the job go on";
        /// The independent reader has found identifiers that ought to be gone.
        VerificationFailed { columns: String } => "verification_failed",
            "the independent reader still finds something in {columns}",
            "correct the data map so that it covers these columns, then let the job go on";
        /// The independent reader could see nothing at all.
        ReaderSeesNothing { cause: String } => "reader_sees_nothing",
            "the independent reader can see nothing: {cause}",
            "give its role the right to read all rows of the tables of the data map, then let the job go on";
        /// An identity provider cannot be reached just now.
        ProviderAway { cause: Cause } => "provider_away",
            "an identity provider is away: {cause}",
            "nothing, it is tried again";
        /// An identity provider refuses, and waiting does not mend it.
        ProviderRefuses { cause: Cause } => "provider_refuses",
            "an identity provider refuses: {cause}",
            "correct the source's credentials there, or end the calls with `requests give-up-calls`";
        /// Provider calls are still to be made before keys are destroyed.
        ProviderCallsUnfinished => "provider_calls_unfinished",
            "provider calls about people are not finished",
            "nothing, they are tried again";
        /// Provider calls that have to be made before keys are destroyed have failed.
        ProviderCallsFailed { cause: String } => "provider_calls_failed",
            "provider calls about people are not finished: {cause}",
            "mend what the cause names, or end the calls with `requests give-up-calls`";
    }
}
