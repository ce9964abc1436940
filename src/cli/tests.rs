//! The command tree, its help and its documentation agree.

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory as _, Parser as _, error::ErrorKind};

use super::{
    arguments::Cli,
    exit::{EXIT_CODES, Exit},
};

const GUIDE: &str = include_str!("../../docs/cli.md");
const SENDERS: &str = include_str!("../../docs/senders.md");
const README: &str = include_str!("../../README.md");

/// The command as it is run: only a command that was built gives every command the options that all of them share.
fn built() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// Every command with the words that call it, those that only hold others, too.
fn commands() -> Vec<(String, Command)> {
    let mut open = vec![(String::from("milestone-gateway"), built())];
    let mut found = Vec::new();
    while let Some((path, command)) = open.pop() {
        let below = command.get_subcommands().filter(|each| each.get_name() != "help");
        open.extend(below.map(|each| (format!("{path} {}", each.get_name()), each.clone())));
        found.push((path, command));
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

/// Every command that does something, with the words that call it.
fn leaves() -> Vec<(String, Command)> {
    commands().into_iter().filter(|(_, command)| command.get_subcommands().next().is_none()).collect()
}

/// Every argument of every command that does something. `--help` and `--version` are clap's own.
fn arguments() -> Vec<(String, Arg)> {
    let own = |command: &Command| {
        let all = command.get_arguments().filter(|each| !["help", "version"].contains(&each.get_id().as_str()));
        all.cloned().collect::<Vec<_>>()
    };
    leaves().iter().flat_map(|(path, command)| own(command).into_iter().map(|each| (path.clone(), each))).collect()
}

/// The words of a text that begin as given and go on with letters, digits and the marks.
fn words_from<'a>(text: &'a str, start: &'a str, marks: &'static str) -> BTreeSet<&'a str> {
    let is_within = move |character: char| character.is_ascii_alphanumeric() || marks.contains(character);
    let begins = text.match_indices(start).filter(move |(at, _)| !text[..*at].ends_with(is_within));
    let words = begins.map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|character| !is_within(character)).unwrap_or(rest.len());
        rest[..end].trim_end_matches('-')
    });
    words.collect()
}

/// The options that a text names, such as `--json`.
fn options_in(text: &str) -> BTreeSet<&str> {
    words_from(text, "--", "-").into_iter().filter(|word| word.len() > 2).collect()
}

/// The environment variables of the program that a text names.
fn variables_in(text: &str) -> BTreeSet<&str> {
    words_from(text, "MILESTONE_", "_").union(&words_from(text, "DATABASE_URL", "_")).copied().collect()
}

/// The commands in the code blocks of a document, as they would be typed.
fn examples_in(document: &str) -> Vec<Vec<String>> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in document.lines() {
        in_code ^= line.starts_with("```");
        let Some(start) = line.find("milestone-gateway ").filter(|_| in_code) else { continue };
        let words = line[start..].split_whitespace().take_while(|word| !["|", ">", "<", "#", "&&"].contains(word));
        found.push(words.map(str::to_owned).collect::<Vec<_>>());
    }
    // The program's name alone is a folder's.
    found.retain(|words| words.len() > 1);
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
    let examples = examples_in(GUIDE);
    // A command that this build has not is not tried.
    let is_here = |example: &&Vec<String>| cfg!(feature = "demo") || example[1] != "demo";
    for example in examples.iter().chain(&examples_in(SENDERS)).chain(&examples_in(README)).filter(is_here) {
        if let Err(refused) = Cli::try_parse_from(example) {
            assert_eq!(refused.kind(), ErrorKind::DisplayHelp, "{}\n{refused}", example.join(" "));
        }
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
fn the_guide_names_every_option_and_every_variable() {
    let (options, variables) = (options_in(GUIDE), variables_in(GUIDE));
    for (path, argument) in arguments() {
        if let Some(long) = argument.get_long() {
            assert!(options.contains(&*format!("--{long}")), "docs/cli.md does not mention --{long} of `{path}`");
        }
        let Some(variable) = argument.get_env().and_then(|name| name.to_str()) else { continue };
        assert!(variables.contains(variable), "docs/cli.md does not mention {variable} of `{path}`");
        // A reader has to see which option the variable stands for.
        let long = argument.get_long().expect("what the environment gives can be typed");
        let together =
            |line: &str| options_in(line).contains(&*format!("--{long}")) && variables_in(line).contains(variable);
        assert!(GUIDE.lines().any(together), "no line of docs/cli.md names both --{long} and {variable}");
    }
}

#[test]
fn every_option_command_and_variable_that_is_written_about_exists() {
    let arguments = arguments();
    let longs = arguments.iter().filter_map(|(_, each)| each.get_long());
    let options: BTreeSet<String> = longs.chain(["help", "version"]).map(|long| format!("--{long}")).collect();
    let named = arguments.iter().filter_map(|(_, each)| each.get_env().and_then(|name| name.to_str()));
    let variables: BTreeSet<&str> = named.collect();
    let commands = commands();
    let help: String = commands.iter().map(|(_, command)| command.clone().render_long_help().to_string()).collect();

    for (name, text) in [("docs/cli.md", GUIDE), ("README.md", README), ("--help", &help)] {
        let unknown: Vec<&str> = options_in(text).into_iter().filter(|option| !options.contains(*option)).collect();
        assert!(unknown.is_empty(), "{name} names options that no command has: {unknown:?}");
        let unknown: Vec<&str> = variables_in(text).difference(&variables).copied().collect();
        assert!(unknown.is_empty(), "{name} names variables that nobody reads: {unknown:?}");
        let unknown: Vec<String> = paths_in(text, &commands);
        assert!(unknown.is_empty(), "{name} names commands that do not exist: {unknown:?}");
    }
}

/// The commands that the code within lines names and that do not exist. Such code is about many things; it is about a
/// command when it begins with the program's name, or with a command that only holds others, as `events list` does.
fn paths_in(text: &str, commands: &[(String, Command)]) -> Vec<String> {
    let code = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let mut unknown = BTreeSet::new();
    for code in code {
        let called = code.strip_prefix("milestone-gateway ");
        let mut path = String::from("milestone-gateway");
        let mut is_command = called.is_some();
        for word in called.unwrap_or(code).split_whitespace() {
            let holds_others = commands.iter().any(|(known, command)| *known == path && command.has_subcommands());
            let is_plain = word.chars().all(|each| each.is_ascii_lowercase() || each == '-') && !word.starts_with('-');
            if !holds_others || !is_plain {
                break;
            }
            path = format!("{path} {word}");
            if commands.iter().all(|(known, _)| *known != path) {
                if is_command {
                    unknown.insert(path);
                }
                break;
            }
            is_command = true;
        }
    }
    unknown.into_iter().collect()
}

#[test]
fn what_is_compared_is_seen() {
    assert_eq!(options_in("`--a-b`, --c=1 and a--d, -- or --é"), BTreeSet::from(["--a-b", "--c"]));
    assert_eq!(variables_in("`MILESTONE_A_B`=DATABASE_URL"), BTreeSet::from(["DATABASE_URL", "MILESTONE_A_B"]));
    assert_eq!(variables_in("MILESTONE_PRODUCT_DATABASE_URL"), BTreeSet::from(["MILESTONE_PRODUCT_DATABASE_URL"]));
    let commands = commands();
    let text = "`events list --since`, `events forget evt_1`, `event body`; `milestone-gateway undo`, `policy`";
    assert_eq!(paths_in(text, &commands), ["milestone-gateway events forget", "milestone-gateway undo"]);
    let shared =
        arguments().into_iter().filter(|(path, each)| path.ends_with(" doctor") && each.get_long() == Some("json"));
    assert_eq!(shared.count(), 1, "the options of every command are seen at each");
}

#[test]
fn the_help_promises_nothing_that_is_not_there() {
    // Planned, and promised too early before.
    let later = ["admin api", "console", "export", "legal hold", "approval", "configuration file"];
    for (path, command) in commands() {
        let help = command.clone().render_long_help().to_string().to_lowercase();
        let promised: Vec<&&str> = later.iter().filter(|word| help.contains(**word)).collect();
        assert!(promised.is_empty(), "`{path} --help` speaks of {promised:?}, which is not there");
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
