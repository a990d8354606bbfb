//! Exact products of a mask polynomial with clear weights, coefficient by coefficient.

use core::hint::black_box;

use pulp::Arch;

use super::{Measured, time};
use crate::branching::kernel::Read;
use crate::linear::product::{AddProduct, LANES};

/// Measures the product of a mask polynomial of `size` coefficients with `terms` weights: the least of `rounds`.
#[must_use]
pub fn measure_terms(size: usize, terms: usize, rounds: usize) -> Measured {
    let arch = Arch::new();
    let word = |index: usize| (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let twice: Vec<u64> = (0..2 * size).map(word).collect();
    let weights: Vec<(usize, u64)> = (0..terms).map(|at| (at % size, word(at) >> 56)).collect();
    let unmoved: Vec<(usize, u64)> = weights.iter().map(|(_, weight)| (0, *weight)).collect();
    let mut product = vec![0; size];
    let repetitions = 20_000_000 / (size * terms.max(1)) + 1;
    let mut least = [f64::INFINITY; 3];
    for _ in 0..rounds {
        let times = [
            time(repetitions, || {
                arch.dispatch(AddProduct {
                    product: &mut product,
                    twice: black_box(&twice),
                    terms: black_box(&weights),
                });
            }),
            // The same on as many coefficients as stay in registers, of which none is moved.
            time(repetitions * size / LANES, || {
                arch.dispatch(AddProduct {
                    product: black_box(&mut product[..LANES]),
                    twice: black_box(&twice[..2 * LANES]),
                    terms: black_box(&unmoved),
                });
            }) * (size / LANES) as f64,
            time(repetitions, || {
                let sum = arch.dispatch(Read(black_box(&twice)));
                black_box(&mut product).fill(sum);
            }),
        ];
        for (least, time) in least.iter_mut().zip(times) {
            *least = least.min(time);
        }
    }
    let [whole, multiply_adds, memory] = least;
    Measured {
        whole,
        transforms: 0.0,
        multiply_adds,
        memory,
    }
}
