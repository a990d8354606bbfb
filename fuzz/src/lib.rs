//! What several targets ask of a model that came through its door.

extern crate alloc;

pub mod agree;
pub mod choose;
pub mod decisions;
pub mod hold;
pub mod neurons;
pub mod tally;
