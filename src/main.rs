//! The `milestone-gateway` binary: everything is in the library.

fn main() {}
