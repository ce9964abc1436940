//! The command tree, its help and its documentation agree.

use clap::{Command, CommandFactory as _, Parser as _};

use super::{
    arguments::Cli,
    exit::{EXIT_CODES, Exit},
};

const GUIDE: &str = include_str!("../../docs/cli.md");
const SENDERS: &str = include_str!("../../docs/senders.md");

/// Every command that does something, with the words that call it.
fn leaves() -> Vec<(String, Command)> {
    let mut open = vec![(String::from("milestone-gateway"), Cli::command())];
    let mut found = Vec::new();
    while let Some((path, command)) = open.pop() {
        let below: Vec<&Command> = command.get_subcommands().filter(|each| each.get_name() != "help").collect();
        if below.is_empty() {
            found.push((path, command));
        } else {
            open.extend(below.into_iter().map(|each| (format!("{path} {}", each.get_name()), each.clone())));
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

/// The commands in the code blocks of the guide and of what it says about senders, as they would be typed.
fn examples() -> Vec<Vec<String>> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in GUIDE.lines().chain(SENDERS.lines()) {
        in_code ^= line.starts_with("```");
        let Some(start) = line.find("milestone-gateway ").filter(|_| in_code) else { continue };
        let words = line[start..].split_whitespace().take_while(|word| !["|", ">", "<", "#"].contains(word));
        found.push(words.map(str::to_owned).collect());
    }
    found
}

#[test]
fn the_command_tree_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_every_option_says_what_it_is_for() {
    let mut open = vec![Cli::command()];
    while let Some(command) = open.pop() {
        assert!(command.get_about().is_some(), "{} has no description", command.get_name());
        for argument in
            command.get_arguments().filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
        {
            assert!(argument.get_help().is_some(), "{} {} has no help", command.get_name(), argument.get_id());
        }
        open.extend(command.get_subcommands().cloned());
    }
}

#[test]
fn the_guide_shows_a_runnable_example_of_every_command() {
    let examples = examples();
    // A command that this build has not is not tried.
    let is_here = |example: &&Vec<String>| cfg!(feature = "demo") || example[1] != "demo";
    for example in examples.iter().filter(is_here) {
        let parsed = Cli::try_parse_from(example);
        assert!(parsed.is_ok(), "{}\n{}", example.join(" "), parsed.expect_err("it was refused"));
    }
    for (path, _) in leaves() {
        let words: Vec<&str> = path.split(' ').collect();
        assert!(
            examples
                .iter()
                .any(|example| example.starts_with(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())),
            "docs/cli.md has no example of `{path}`"
        );
    }
}

#[test]
fn a_command_that_needs_a_feature_is_there_with_it_only_and_the_guide_says_so() {
    let typed = Cli::try_parse_from(["milestone-gateway", "demo", "--once"]);
    assert_eq!(typed.is_ok(), cfg!(feature = "demo"));
    assert!(
        GUIDE.contains(
            "`demo` and its sample data are in the binary only when it is built with the cargo feature `demo`"
        )
    );
}

#[test]
fn the_guide_names_every_option() {
    for (path, command) in leaves() {
        for option in command.get_arguments().filter_map(clap::Arg::get_long).filter(|name| *name != "help") {
            assert!(GUIDE.contains(&format!("--{option}")), "docs/cli.md does not mention --{option} of `{path}`");
        }
    }
}

#[test]
fn the_guide_and_the_help_name_the_same_exit_codes() {
    for line in EXIT_CODES.lines().skip(1) {
        let (code, meaning) = line.trim().split_once("  ").expect("a code and its meaning");
        assert!(GUIDE.contains(&format!("| {code} | {meaning} |")), "docs/cli.md lacks: {code} {meaning}");
    }
    let help = Cli::command().render_help().to_string();
    assert!(help.contains("Exit codes:"));
}

#[test]
fn what_is_not_understood_is_a_usage_error_and_help_is_none() {
    let exit_of = |words: &[&str]| Cli::try_parse_from(words).expect_err("it does not run").exit_code();
    let usage = i32::from(Exit::Usage.code());
    assert_eq!(exit_of(&["milestone-gateway", "--help"]), 0);
    assert_eq!(exit_of(&["milestone-gateway", "nonsense"]), usage);
    assert_eq!(exit_of(&["milestone-gateway", "events", "show", "job_1"]), usage);
    assert_eq!(exit_of(&["milestone-gateway", "events", "list", "--outcome", "lost"]), usage);
    assert_eq!(exit_of(&["milestone-gateway", "events", "list", "--since", "yesterday"]), usage);
    assert_eq!(exit_of(&["milestone-gateway", "events", "replay", "--reason", "two words", "--state", "done"]), usage);
    assert_eq!(exit_of(&["milestone-gateway", "sources", "add", "acme", "--kind", "mail"]), usage);
    let two_secrets = ["milestone-gateway", "sources", "add", "acme", "--generate-secret", "--secret-file", "s"];
    assert_eq!(exit_of(&two_secrets), usage);
    let no_event = ["milestone-gateway", "send", "--source", "a", "--payload", "-", "--ce-subject", "users/u"];
    assert_eq!(exit_of(&no_event), usage);
}

#[test]
fn the_options_of_every_command_may_stand_before_and_behind_it() {
    let before = Cli::try_parse_from(["milestone-gateway", "--json", "tenants", "list"]).expect("understood");
    let behind = Cli::try_parse_from(["milestone-gateway", "tenants", "list", "--json"]).expect("understood");
    assert!(before.options.json && behind.options.json);
}

#[test]
fn a_database_address_is_never_printed() {
    let typed = ["milestone-gateway", "--database-url", "postgres://u:hunter2@h/d", "tenants", "list"];
    let cli = Cli::try_parse_from(typed).expect("understood");
    assert!(!format!("{cli:?}").contains("hunter2"));
}
