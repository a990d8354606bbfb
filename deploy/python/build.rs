//! There is nothing to do: a build script makes cargo unify the features of its dependencies.
fn main() {}
