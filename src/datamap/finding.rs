//! What is wrong with a file, and where: the one shape in which this room reports.

use std::fmt;

/// The most findings that one report shows. A hostile file could otherwise make a report larger than itself.
pub const FINDINGS_MAX: usize = 1_000;
/// The longest piece of a file that a message quotes, in characters.
const QUOTE_CHARS_MAX: usize = 80;

/// A file that was already read: this room does no input or output.
#[derive(Debug, Clone, Copy)]
pub struct SourceFile<'a> {
    /// The name shown in findings.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is accepted; a person should look.
    Warning,
}

impl Severity {
    /// The word shown in a report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong, and what to do about it. Prints as `file:line: error: path: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file's name.
    pub file: String,
    /// The line, beginning at 1.
    pub line: usize,
    /// How bad it is.
    pub severity: Severity,
    /// Where in the file's own structure, for example `message.body`; empty for the file as a whole.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}: ", self.file, self.line, self.severity.as_str())?;
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)
    }
}

/// The findings of one file while they are collected.
#[derive(Debug)]
pub(super) struct Report {
    file: String,
    findings: Vec<Finding>,
    is_full: bool,
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), findings: Vec::new(), is_full: false }
    }

    pub(super) fn error(&mut self, line: usize, path: &str, message: impl Into<String>) {
        self.push(Severity::Error, line, path, message);
    }

    pub(super) fn warning(&mut self, line: usize, path: &str, message: impl Into<String>) {
        self.push(Severity::Warning, line, path, message);
    }

    pub(super) fn push(&mut self, severity: Severity, line: usize, path: &str, message: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            self.add(severity, line, path, message.into());
        } else if !self.is_full {
            self.is_full = true;
            // An error even when the rest were warnings: what is not shown cannot be accepted.
            self.add(Severity::Error, line, "", format!("more than {FINDINGS_MAX} findings; correct these first"));
        }
    }

    fn add(&mut self, severity: Severity, line: usize, path: &str, message: String) {
        self.findings.push(Finding { file: self.file.clone(), line, severity, path: path.to_owned(), message });
    }

    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The findings in the order of the file.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort_by(|left, right| (left.line, &left.path).cmp(&(right.line, &right.path)));
        self.findings
    }
}

/// A piece of the file as a message may show it: short, and without control characters that could steer a terminal.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(QUOTE_CHARS_MAX).collect();
    let ellipsis = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{ellipsis}`", short.escape_debug())
}
