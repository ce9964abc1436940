//! Files and standard input, read whole and bounded.

use std::{
    fs::File,
    io::{self, Read},
};

use anyhow::Context as _;

use super::exit::{Exit, Stop};
use crate::app::registry::SECRET_BYTES_MAX;
use crate::signature::SecretBytes;

/// The largest file that is read, in bytes: more than twice what Jira sends, so that an oversized delivery can be tried.
pub(super) const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The word that means standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// The bytes of a file, or of standard input for `-`. `what` names it in errors.
pub(super) fn read(name: &str, what: &str) -> anyhow::Result<Vec<u8>> {
    if name == STANDARD_INPUT {
        return bounded(io::stdin().lock(), what, INPUT_BYTES_MAX)
            .with_context(|| format!("the {what} cannot be read from standard input"));
    }
    let file = File::open(name).map_err(|source| {
        let exit = if source.kind() == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
        let hint = "check the name and that you may read the file; - reads standard input";
        anyhow::Error::from(source).context(Stop::new(exit, format!("the {what} {name} cannot be opened"), hint))
    })?;
    bounded(file, what, INPUT_BYTES_MAX).with_context(|| format!("the {what} {name} cannot be read"))
}

/// The text of a file or of standard input, without the line end that editors and `echo` add.
pub(super) fn read_line(name: &str, what: &str) -> anyhow::Result<String> {
    let bytes = read(name, what)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Stop::new(Exit::Failed, format!("the {what} is not UTF-8 text"), "check that it is the right file")
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Provider credentials, from a file or standard input, exactly as they are.
pub(super) fn read_credentials(name: &str) -> anyhow::Result<SecretBytes> {
    let bytes = zeroize::Zeroizing::new(read(name, "credentials")?);
    Ok(SecretBytes::new(bytes.to_vec()))
}

/// A secret from a file or standard input, without the line end that editors and `echo` add.
pub(super) fn read_secret(name: &str) -> anyhow::Result<SecretBytes> {
    let mut bytes = zeroize::Zeroizing::new(read(name, "secret")?);
    while bytes.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
        bytes.pop();
    }
    if bytes.is_empty() || bytes.len() > SECRET_BYTES_MAX {
        let message = format!("the secret is empty or longer than {SECRET_BYTES_MAX} bytes");
        return Err(Stop::new(Exit::Refused, message, "give a file that holds the secret and nothing else").into());
    }
    Ok(SecretBytes::new(bytes.to_vec()))
}

fn bounded(reader: impl Read, what: &str, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = reader.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read > bytes_max) {
        anyhow::bail!("the {what} is larger than {bytes_max} bytes");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_at_the_bound() {
        assert_eq!(bounded(&b"abc"[..], "payload", 3).expect("small enough"), b"abc");
        assert!(bounded(&b"abcd"[..], "payload", 3).is_err());
    }

    #[test]
    fn a_missing_file_is_not_found() {
        let error = read("/nonexistent/payload.json", "payload").expect_err("it is not there");
        assert!(error.to_string().contains("the payload /nonexistent/payload.json cannot be opened"));
    }
}
