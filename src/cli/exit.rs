//! How a command ends: a documented code and, when it failed, a sentence, its causes and what to do.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use anyhow::Chain;
use serde_json::{Value, json};

use crate::app;
use crate::domain::{
    Reason,
    reason::{InputReason, WorkReason},
};
use crate::outbound::OutboundError;
use crate::store::StoreError;

/// The exit codes as `--help` shows them.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done (a dry run that found something to do is done, too)
  1  failed
  2  the command line was not understood
  3  there is no such thing
  4  refused: not allowed now, or not like this
  5  unavailable: the database or the server cannot be reached; try again";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// The command line was not understood.
    Usage,
    /// What was asked for does not exist.
    NotFound,
    /// Not allowed now, or not like this.
    Refused,
    /// The database or a server cannot be reached.
    Unavailable,
}

impl Exit {
    /// The process's exit code.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Unavailable => 5,
        }
    }
}

/// A reason to stop that a command finds by itself, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Stop {
    exit: Exit,
    message: String,
    hint: String,
}

impl Stop {
    /// Stops with a code, a sentence and what to do.
    pub(super) fn new(exit: Exit, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: hint.into() }
    }
}

/// The reader of standard output has gone, as `head` does: nothing went wrong and nobody is there to be told.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(super) struct OutputClosed;

/// Prints what went wrong on standard error and returns the code that belongs to it. When a machine reads, the last line is
/// the same as one JSON document; standard output is left to results.
pub(super) fn report(error: &anyhow::Error, is_json: bool) -> Exit {
    if error.is::<OutputClosed>() {
        return Exit::Done;
    }
    let (exit, hint, reason) = judge(error);
    let mut text = text_of(error.chain(), &hint);
    if is_json {
        let _ = writeln!(text, "{}", json_of(error.chain(), &hint, &reason));
    }
    // A closed standard error leaves nobody to be told.
    let _ = io::stderr().write_all(text.as_bytes());
    exit
}

fn json_of(chain: Chain<'_>, hint: &str, reason: &Reason) -> Value {
    let mut sentences = chain.map(ToString::to_string);
    let sentence = sentences.next().unwrap_or_default();
    let causes: Vec<String> = sentences.collect();
    json!({"error": {
        "code": reason.code(),
        "sentence": sentence,
        "parameters": reason.parameters(),
        "causes": causes,
        "hint": hint,
    }})
}

fn text_of(chain: Chain<'_>, hint: &str) -> String {
    let mut text = String::new();
    for (depth, cause) in chain.enumerate() {
        let label = if depth == 0 { "error" } else { "  caused by" };
        let _ = writeln!(text, "{label}: {cause}");
    }
    let _ = writeln!(text, "hint: {hint}");
    text
}

/// The code of an error, what to do and why, by the first cause that says something about it.
fn judge(error: &anyhow::Error) -> (Exit, String, Reason) {
    let generally = |(exit, hint): (Exit, String)| (exit, hint, general(exit));
    // A `Stop` put around another error is not a link of the chain by itself.
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return generally((stop.exit, stop.hint.clone()));
    }
    for cause in error.chain() {
        if let Some(stop) = cause.downcast_ref::<Stop>() {
            return generally((stop.exit, stop.hint.clone()));
        }
        if let Some(error) = cause.downcast_ref::<app::ground::error::Error>() {
            let (exit, hint) = judge_app(error);
            return (exit, hint, error.reason());
        }
        if let Some(error) = cause.downcast_ref::<OutboundError>() {
            return generally(judge_outbound(error));
        }
        if let Some(error) = cause.downcast_ref::<StoreError>()
            && error.is_transient()
        {
            return generally((Exit::Unavailable, AWAY.to_owned()));
        }
    }
    generally((Exit::Failed, LOOK.to_owned()))
}

/// The reason of what a command finds by itself, as exactly as its exit code says it.
fn general(exit: Exit) -> Reason {
    match exit {
        Exit::Done | Exit::Failed => InputReason::CommandFailed.into(),
        Exit::Usage => InputReason::NotUnderstood.into(),
        Exit::NotFound => WorkReason::NotFound { what: "thing" }.into(),
        Exit::Refused => InputReason::NotAllowed.into(),
        Exit::Unavailable => InputReason::Unavailable.into(),
    }
}

const AWAY: &str = "check that the database runs and that --database-url names it, then run the same command again";
const LOOK: &str = "`milestone-gateway doctor` checks database, keys, policy and product database";

fn judge_app(error: &app::ground::error::Error) -> (Exit, String) {
    match error {
        app::ground::error::Error::NotFound(what) => {
            (Exit::NotFound, format!("`milestone-gateway {what}s list` shows what there is"))
        }
        app::ground::error::Error::Rejected(_) => {
            (Exit::Refused, "nothing was changed; change what the sentence names and run the command again".to_owned())
        }
        app::ground::error::Error::Later(_) => {
            (Exit::Unavailable, "wait for it, then run the same command again".to_owned())
        }
        app::ground::error::Error::Open(_) => (
            Exit::Failed,
            "this database was written with other keys; give --keyring the key ring that belongs to it".to_owned(),
        ),
        app::ground::error::Error::Store(_)
        | app::ground::error::Error::Product(_)
        | app::ground::error::Error::Verify(_)
            if error.is_transient() =>
        {
            (Exit::Unavailable, AWAY.to_owned())
        }
        app::ground::error::Error::Store(_)
        | app::ground::error::Error::Product(_)
        | app::ground::error::Error::Verify(_)
        | app::ground::error::Error::Plan(_)
        | app::ground::error::Error::Proof(_)
        | app::ground::error::Error::Missing(_)
        | app::ground::error::Error::Unserializable { .. } => (Exit::Failed, LOOK.to_owned()),
    }
}

fn judge_outbound(error: &OutboundError) -> (Exit, String) {
    if error.is_transient() {
        let hint = "is a gateway running there? Start one with `milestone-gateway serve`, or name another with --url";
        (Exit::Unavailable, hint.to_owned())
    } else {
        (Exit::Failed, "check --url and the headers; the body was not sent".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::domain::{database::DatabaseFailure, reason::WaitReason};

    fn statement(sqlstate: &str) -> StoreError {
        let source = DatabaseFailure { sqlstate: Some(sqlstate.to_owned()), constraint: None, table: None };
        StoreError::Statement { statement: "select_events", source }
    }

    fn exit_of(error: impl Into<anyhow::Error>) -> Exit {
        judge(&error.into()).0
    }

    #[test]
    fn every_way_to_end_has_its_documented_code() {
        let all = [Exit::Done, Exit::Failed, Exit::Usage, Exit::NotFound, Exit::Refused, Exit::Unavailable];
        for (number, exit) in (0_u8..).zip(all) {
            assert_eq!(exit.code(), number);
            assert!(EXIT_CODES.contains(&format!("\n  {number}  ")));
        }
    }

    #[test]
    fn errors_of_use_cases_end_as_what_a_caller_can_do_about_them() {
        assert_eq!(exit_of(app::ground::error::Error::NotFound("event")), Exit::NotFound);
        assert_eq!(exit_of(app::ground::error::Error::rejected(InputReason::SourceInUse)), Exit::Refused);
        assert_eq!(exit_of(app::ground::error::Error::later(WaitReason::ErasureUnfinished)), Exit::Unavailable);
        assert_eq!(exit_of(app::ground::error::Error::Store(StoreError::NoConnection)), Exit::Unavailable);
        assert_eq!(exit_of(app::ground::error::Error::Store(statement("08006"))), Exit::Unavailable);
        assert_eq!(exit_of(app::ground::error::Error::Store(statement("42P01"))), Exit::Failed);
        assert_eq!(exit_of(StoreError::NoConnection), Exit::Unavailable);
        assert_eq!(exit_of(anyhow::anyhow!("anything else")), Exit::Failed);
    }

    #[test]
    fn a_code_is_found_below_the_sentences_put_around_it() {
        let error: Result<(), _> = Err(app::ground::error::Error::NotFound("job"));
        let error = error.context("the job was not shown").expect_err("it failed");
        assert_eq!(judge(&error).0, Exit::NotFound);
    }

    #[test]
    fn an_error_is_told_with_its_causes_and_what_to_do() {
        let error = anyhow::Error::from(app::ground::error::Error::Store(statement("57P01")));
        let (_, hint, _) = judge(&error);
        assert_eq!(
            text_of(error.chain(), &hint),
            "error: the gateway's database failed\n  caused by: statement select_events failed\n  \
             caused by: SQLSTATE 57P01\nhint: check that the database runs and that --database-url names it, then run \
             the same command again\n"
        );
    }

    #[test]
    fn a_machine_is_told_the_code_and_what_the_sentence_names() {
        let told = |error: anyhow::Error| {
            let (_, hint, reason) = judge(&error);
            json_of(error.chain(), &hint, &reason)["error"].clone()
        };
        let short =
            told(app::ground::error::Error::rejected(InputReason::ReplayWindowShort { seconds_min: 60 }).into());
        assert_eq!(short["code"], "replay_window_short");
        assert_eq!(short["parameters"], json!({"seconds_min": 60}));
        assert!(short["sentence"].as_str().is_some_and(|sentence| sentence.contains("at least 60 seconds")), "{short}");

        let away = told(app::ground::error::Error::Store(statement("57P01")).into());
        assert_eq!(away["code"], "gateway_database_away");
        assert_eq!(away["causes"], json!(["statement select_events failed", "SQLSTATE 57P01"]));

        let stopped = told(Stop::new(Exit::Usage, "a rotation needs a new secret", "give one").into());
        let said = json!({"code": "not_understood", "sentence": "a rotation needs a new secret", "parameters": {},
            "causes": [], "hint": "give one"});
        assert_eq!(stopped, said);
        assert_eq!(told(anyhow::anyhow!("anything else"))["code"], "command_failed");
    }

    #[test]
    fn a_reader_that_has_read_enough_is_no_failure() {
        assert_eq!(report(&OutputClosed.into(), true), Exit::Done);
    }
}
