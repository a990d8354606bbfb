//! Planner and encrypted evaluation of verified circuits on tfhe-rs
