//! Criterion benches of Tenebra
