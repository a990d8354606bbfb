//! The bytes of every message: known answers in `tests/data`, and the worked example of `docs/wire-format.md`.
#![cfg(feature = "alloc")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod document;
mod hidden;
mod hosts;
mod known_answers;
mod preprocessing;
mod queries;
mod randomness;
mod reference;
mod specs;
mod words;
