//! Hidden linear models: decrypted integers equal the simulator's, and responses say nothing of the weights that the outputs
//! do not say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod distinguish;
mod exact;
mod parties;
