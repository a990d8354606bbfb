//! What plans are compared by.

use tenebra_circuit::{Optimize, Options};

/// Microseconds a byte takes at 50 Mbit/s.
const BYTE_US: f64 = 0.16;

/// What the answer to a query takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// Of query and response.
    pub(crate) bytes: usize,
    /// Of the evaluation key, which a client sends once.
    pub(crate) key_bytes: usize,
    /// Microseconds of the client.
    pub(crate) client_us: f64,
    /// Microseconds of the server on one core.
    pub(crate) server_us: f64,
}

impl Answer {
    /// What is least in the best plan: microseconds that a user waits, more or less.
    pub(crate) fn cost(&self, options: &Options) -> f64 {
        let bytes = self.bytes as f64 + self.key_bytes as f64 * key_share(options.optimize);
        let time = time_share(options.optimize) * self.client_us;
        bytes * BYTE_US + time + server_cost(self.server_us, options)
    }
}

/// What microseconds of the server on one core are of the cost.
pub(crate) fn server_cost(us: f64, options: &Options) -> f64 {
    time_share(options.optimize) * us / options.threads.max(1) as f64
}

/// How much of an evaluation key counts for one query.
fn key_share(optimize: Optimize) -> f64 {
    match optimize {
        Optimize::FirstQuery => 1.0,
        Optimize::Bandwidth => 0.01,
        // Of two plans that answer as soon, the one with the smaller key.
        Optimize::Latency | Optimize::Throughput => 0.001,
        // Of clients that ask some tens of queries a key.
        _ => 0.03,
    }
}

/// How much time counts: where bytes do, of plans that send as much, the faster.
fn time_share(optimize: Optimize) -> f64 {
    match optimize {
        Optimize::Bandwidth => 0.001,
        _ => 1.0,
    }
}
