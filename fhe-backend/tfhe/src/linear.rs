//! Linear circuits: no key but the secret one, no bootstrapping (see `ARCHITECTURE.md`, "The linear scheme"). Where a model is
//! hidden from its clients, a public key of theirs (`docs/hide-model.md`).

pub(crate) mod evaluate;
pub(crate) mod flood;
pub(crate) mod hide;
pub(crate) mod plan;
pub(crate) mod product;
