#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of calls are small and positive"
)]

use core::hint::black_box;
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_client::packing::SwitchGadget;

use super::*;
use crate::branching::evaluate::Glwe;
use crate::branching::kernel::{CpuKernel, Kernel, KeyBits};
use crate::branching::plan::Gadget;
use crate::branching::steps::turn_by;

/// Median microseconds of a call, of 9 batches of some milliseconds.
fn microseconds(mut call: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    call(0);
    let calls = (4e-3 / start.elapsed().as_secs_f64()).clamp(4.0, 1e4) as usize;
    let mut batches: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(&mut call);
            start.elapsed().as_secs_f64() * 1e6 / calls as f64
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[4]
}

struct Bench {
    rng: ChaCha20Rng,
    gadget: Gadget,
    kernel: CpuKernel,
    accumulators: Vec<Glwe>,
}

/// Each GGSW is read for some accumulators before the next, as in a block of rotations.
const TURNED: usize = 8;

impl Bench {
    fn new(k: usize, size: usize, (base_log, level_count): BitGadget, exact: bool) -> Self {
        let gadget = Gadget {
            glwe_dimension: k,
            polynomial_size: size,
            base_log: base_log.into(),
            level_count: level_count.into(),
            exact,
        };
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let glwe = |_| Glwe::from_iter(0, (0..gadget.glwe_len()).map(|_| rng.next_u64()));
        Self {
            accumulators: (0..TURNED).map(glwe).collect(),
            kernel: CpuKernel::new(gadget, KeyBits::Signs),
            gadget,
            rng,
        }
    }

    fn ggsw(&mut self) -> <CpuKernel as Kernel>::Ggsw {
        let mut ggsw = CpuKernel::empty_ggsw(self.gadget);
        for level in 0..self.gadget.level_count {
            for row in 0..=self.gadget.glwe_dimension {
                let rng = &mut self.rng;
                self.kernel
                    .transform_ggsw_row(&mut ggsw, (level, row), |_, polynomial| {
                        polynomial.fill_with(|| rng.next_u64());
                    });
            }
        }
        ggsw
    }

    fn cmux(&mut self) -> f64 {
        // More than the caches that are close hold.
        let ggsws: Vec<_> = (0..24).map(|_| self.ggsw()).collect();
        let (kernel, accumulators) = (&mut self.kernel, &mut self.accumulators);
        microseconds(|call| {
            let ggsw = &ggsws[call / TURNED % ggsws.len()];
            turn_by(kernel, &mut accumulators[call % TURNED], ggsw, false, 77);
        })
    }

    fn row(&mut self) -> f64 {
        let mut ggsws: Vec<_> = (0..24)
            .map(|_| CpuKernel::empty_ggsw(self.gadget))
            .collect();
        let (kernel, accumulators) = (&mut self.kernel, &self.accumulators);
        let size = self.gadget.polynomial_size;
        let count = ggsws.len();
        microseconds(|call| {
            let source = &accumulators[call % TURNED];
            kernel.transform_ggsw_row(&mut ggsws[call % count], (0, 0), |column, polynomial| {
                polynomial.copy_from_slice(&source[column * size..][..size]);
            });
        })
    }

    fn switch(&mut self, gadget: SwitchGadget) -> f64 {
        let size = self.gadget.polynomial_size;
        let mut key = CpuKernel::empty_switch_key(gadget, size);
        for level in 0..usize::from(gadget.level_count) {
            let rng = &mut self.rng;
            self.kernel
                .transform_switch_row(&mut key, level, |_, polynomial| {
                    polynomial.fill_with(|| rng.next_u64());
                });
        }
        let mut target = vec![0; 2 * size];
        let (kernel, accumulators) = (&mut self.kernel, &self.accumulators);
        let us = microseconds(|call| {
            kernel.add_switch(&mut target, &key, &accumulators[call % TURNED][..size]);
        });
        black_box(target);
        us
    }
}

/// Prints what operations take, and what is predicted of them. `cargo test --release --lib network::cost -- --ignored --nocapture` on a
/// machine that does nothing else.
#[test]
#[ignore = "measures time, which other work on the machine adds to"]
fn operations_take_what_is_predicted() {
    let mut worst: f64 = 1.0;
    let mut compare = |what: String, measured: f64, predicted: f64| {
        let ratio = measured / predicted;
        worst = worst.max(ratio).max(1.0 / ratio);
        println!("{what:<40} {measured:8.2} µs, predicted {predicted:8.2}, {ratio:.2} of it");
    };
    for (k, size) in [(3, 512), (2, 1024), (1, 2048), (1, 4096)] {
        let n = size as f64;
        for gadget in [(23, 1), (12, 2), (9, 3), (6, 4), (8, 5), (5, 8)] {
            for exact in [false, true] {
                if exact && (k > 1 || gadget.0 > 12) {
                    continue;
                }
                let mut bench = Bench::new(k, size, gadget, exact);
                let (columns, limbs) = (k as f64 + 1.0, 1.0 + f64::from(u8::from(exact)));
                compare(
                    format!("k={k} N={size} {gadget:?} exact {exact} cmux"),
                    bench.cmux(),
                    cmux_us(n, (columns, limbs), gadget, false),
                );
                compare(
                    format!("k={k} N={size} {gadget:?} exact {exact} row"),
                    bench.row(),
                    row_us(n, (columns, limbs)),
                );
            }
        }
        if k > 1 {
            continue;
        }
        let mut bench = Bench::new(k, size, (6, 4), false);
        for (base_log, level_count) in [(2, 24), (3, 17), (4, 13), (5, 10), (6, 8), (8, 6), (10, 4)]
        {
            let gadget = SwitchGadget {
                base_log,
                level_count,
            };
            compare(
                format!("N={size} ({base_log}, {level_count}) switch"),
                bench.switch(gadget),
                add_switch_us(n, gadget),
            );
        }
    }
    println!("the worst by {worst:.2}");
}
