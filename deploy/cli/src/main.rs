//! The `tenebra` command.
fn main() {}
