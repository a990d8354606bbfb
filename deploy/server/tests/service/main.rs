//! The service as its users meet it: through HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::type_complexity,
    clippy::needless_range_loop,
    clippy::cloned_ref_to_slice_refs,
    reason = "helpers of tests; figures are printed"
)]

mod cold_start;
mod faults;
mod hostile;
mod intruders;
mod limits;
mod models;
mod protocol;
mod sharing;
mod support;
