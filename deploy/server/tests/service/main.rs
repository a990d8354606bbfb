//! The service as its users meet it: through HTTP.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

extern crate alloc;

mod cold_start;
mod costly;
mod disks;
mod faults;
mod hostile;
mod intruders;
mod isolation;
mod limits;
mod models;
mod mutual_tls;
mod operation;
mod protocol;
mod s3;
mod sharing;
mod support;
