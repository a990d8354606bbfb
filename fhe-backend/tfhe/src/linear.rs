//! Linear circuits: no key but the secret one, no bootstrapping (design: `docs/scheme.md`, "Linear circuits").

pub(crate) mod evaluate;
pub(crate) mod plan;
