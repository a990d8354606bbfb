//! Linear circuits: no key but the secret one, no bootstrapping (see `ARCHITECTURE.md`, "The linear scheme").

pub(crate) mod evaluate;
pub(crate) mod plan;
mod product;
