//! Standard output: text for people or one JSON document for machines, chosen once.

use std::io::{self, Write};

use serde_json::Value;

use super::{
    exit::OutputClosed,
    table::{self, Columns},
};

/// Where a command's result goes.
pub(super) struct Output {
    out: Box<dyn Write + Send>,
    is_json: bool,
}

impl Output {
    /// Standard output.
    pub(super) fn standard(is_json: bool) -> Self {
        Self { out: Box::new(io::stdout()), is_json }
    }

    /// True when a machine reads. A command then prints exactly one document, by [`Output::json`].
    pub(super) const fn is_json(&self) -> bool {
        self.is_json
    }

    /// Prints a text and a line end.
    pub(super) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        self.write(text)?;
        self.write("\n")
    }

    /// Prints a JSON document, indented.
    pub(super) fn json(&mut self, value: &Value) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(&text)
    }

    /// Prints rows as a table or as a JSON array. `nothing` is what people read when there are none.
    pub(super) fn rows(&mut self, columns: Columns<'_>, rows: &[Value], nothing: &str) -> anyhow::Result<()> {
        if self.is_json {
            return self.json(&Value::from(rows));
        }
        if rows.is_empty() { self.line(nothing) } else { self.write(&table::table(columns, rows)) }
    }

    /// Prints rows as a table under a heading, as a part of a longer text.
    pub(super) fn section(&mut self, heading: &str, columns: Columns<'_>, rows: &[Value]) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.line("")?;
        self.line(heading)?;
        self.write(&table::table(columns, rows))
    }

    /// Prints one thing, a line for each field, or the whole of it as a JSON object.
    pub(super) fn record(&mut self, fields: Columns<'_>, value: &Value) -> anyhow::Result<()> {
        if self.is_json { self.json(value) } else { self.write(&table::record(fields, value)) }
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => OutputClosed.into(),
            _ => anyhow::Error::from(error).context("standard output cannot be written"),
        })
    }
}

/// Prints a remark beside the result, on standard error, where it disturbs no reader of the result.
pub fn remark(text: &str) {
    // A closed standard error leaves nobody to be told.
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_told_from_a_full_disk() {
        let mut output = Output { out: Box::new(Closed), is_json: false };
        assert!(output.line("text").expect_err("nobody reads").is::<OutputClosed>());
    }
}
