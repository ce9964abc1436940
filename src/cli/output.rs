//! Standard output: text for people or one JSON document for machines, chosen once.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::{
    exit::OutputClosed,
    table::{self, Columns},
};
use crate::app::support::views::PageView;

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

    /// Prints a JSON document, indented, its keys in the order of the alphabet.
    pub(super) fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&serde_json::to_value(value)?)?;
        self.line(&text)
    }

    /// Prints rows as a table or as a JSON array. `nothing` is what people read when there are none.
    pub(super) fn rows(&mut self, columns: Columns<'_>, rows: &[impl Serialize], nothing: &str) -> anyhow::Result<()> {
        if self.is_json {
            return self.json(&rows);
        }
        if rows.is_empty() { self.line(nothing) } else { self.write(&table::table(columns, &values(rows)?)) }
    }

    /// Prints a page of a list: a table, or a JSON object with `items` and `next`. People are told beside the table how to
    /// go on.
    pub(super) fn page(
        &mut self,
        columns: Columns<'_>,
        page: &PageView<impl Serialize>,
        nothing: &str,
    ) -> anyhow::Result<()> {
        if self.is_json {
            return self.json(page);
        }
        self.rows(columns, &page.items, nothing)?;
        if let Some(next) = &page.next {
            remark(&format!("There is more: give the same command --after {next}"));
        }
        Ok(())
    }

    /// Prints rows as a table under a heading, as a part of a longer text.
    pub(super) fn section(
        &mut self,
        heading: &str,
        columns: Columns<'_>,
        rows: &[impl Serialize],
    ) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.line("")?;
        self.line(heading)?;
        self.write(&table::table(columns, &values(rows)?))
    }

    /// Prints one thing, a line for each field, or the whole of it as a JSON object.
    pub(super) fn record(&mut self, fields: Columns<'_>, value: &impl Serialize) -> anyhow::Result<()> {
        if self.is_json {
            return self.json(value);
        }
        self.write(&table::record(fields, &serde_json::to_value(value)?))
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => OutputClosed.into(),
            _ => anyhow::Error::from(error).context("standard output cannot be written"),
        })
    }
}

fn values(rows: &[impl Serialize]) -> anyhow::Result<Vec<Value>> {
    rows.iter().map(|row| Ok(serde_json::to_value(row)?)).collect()
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
