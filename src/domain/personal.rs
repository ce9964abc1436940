//! A wrapper for personal data that cannot be printed or serialized by accident.

use std::fmt;

use zeroize::Zeroize;

/// Personal data. `Debug` prints a fixed text (no partial masks), there is no `Display` and no `Serialize`.
///
/// Uncovering is deliberate and greppable: [`Personal::expose_for`] names the purpose.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Personal<T: Zeroize>(T);

impl<T: Zeroize> Personal<T> {
    /// Wraps a value that says something about a person.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the purpose named by the caller. The purpose is for readers of the code and is not recorded.
    pub fn expose_for(&self, _purpose: &'static str) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Personal<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Personal<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[personal]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_never_shows_in_debug_output() {
        let value = Personal::new(String::from("mallory@example.invalid"));
        assert_eq!(format!("{value:?}"), "[personal]");
        assert_eq!(value.expose_for("the test").len(), 23);
    }
}
