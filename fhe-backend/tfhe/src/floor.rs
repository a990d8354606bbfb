//! Operations of the evaluation, one at a time, and what they are made of: for `cargo bench --bench floor`, not for programs.

mod linear;
mod query;

use std::time::Instant;

use aligned_vec::AVec;
use tenebra_client::packing::SwitchGadget;

use crate::branching::cost;
use crate::branching::kernel::{Bodies, CpuKernel, Floor, Kernel, KeyBits, Slots};
use crate::branching::plan::Gadget;
use crate::branching::steps::turn_by;
use crate::branching::unpack::{UnpackingKey, scratch_len, split, to_rows};
pub use linear::measure_terms;
pub use query::{Counted, operations};

/// A gadget and a ring, and how many operands are met one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Masks of a ciphertext.
    pub glwe_dimension: usize,
    /// Coefficients of a polynomial.
    pub polynomial_size: usize,
    /// log2 of the gadget's base.
    pub base_log: u8,
    /// Digits of a coefficient.
    pub level_count: u8,
    /// Products of rows in two limbs, which are exact.
    pub exact: bool,
    /// GGSWs or keys.
    pub operands: usize,
    /// Uses of an operand before the next.
    pub uses: usize,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// An accumulator turned by an encrypted bit.
    Cmux,
    /// The same on an accumulator whose masks are zero.
    ClearCmux,
    /// A ciphertext split in two by an automorphism and its key.
    Split,
    /// A ciphertext with two slots, made two rows of a GGSW each.
    Pair,
    /// A row of a GGSW, to the Fourier domain.
    Row,
    /// The body of one alone, where its masks are there already.
    Body,
}

/// Nanoseconds of an operation and of its parts, each measured alone.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The operation.
    pub whole: f64,
    /// Its complex transforms.
    pub transforms: f64,
    /// Its complex multiply-adds.
    pub multiply_adds: f64,
    /// Reading its operand and the ciphertext, from where they lie, and writing what comes out.
    pub memory: f64,
}

impl Measured {
    /// The sum of the parts.
    #[must_use]
    pub fn floor(&self) -> f64 {
        self.transforms + self.multiply_adds + self.memory
    }
}

/// Nanoseconds that the planner counts for an operation.
#[must_use]
pub fn predicted(operation: Operation, sizes: Sizes) -> f64 {
    let size = sizes.polynomial_size as f64;
    let columns = (sizes.glwe_dimension + 1) as f64;
    let limbs = f64::from(1 + u8::from(sizes.exact));
    let levels = sizes.level_count;
    let gadget = SwitchGadget {
        base_log: sizes.base_log,
        level_count: levels,
    };
    let us = match operation {
        Operation::Cmux => cost::cmux_us(size, (columns, limbs), levels, false),
        Operation::ClearCmux => cost::clear_cmux_us(size, columns * limbs, levels),
        Operation::Split => cost::split_us(size, 2.0 + limbs, gadget),
        Operation::Pair if sizes.exact => cost::exact_pair_us(size, (2.0, 1.0), gadget),
        Operation::Pair => cost::pair_us(size, 2.0, gadget),
        Operation::Row => cost::row_us(size, (columns, limbs)),
        Operation::Body => cost::bodies_us(size, 1.0, 1),
    };
    us * 1e3
}

/// Measures an operation on one thread, the parts in between: the least of `rounds`.
#[must_use]
pub fn measure(operation: Operation, sizes: Sizes, rounds: usize) -> Measured {
    let mut case = Case::new(operation, sizes);
    let parts = case.parts();
    let mut floor = Floor::new(
        sizes.polynomial_size,
        parts.rows,
        (sizes.operands, parts.bytes()),
        parts
            .moved
            .map(|polynomials| polynomials * sizes.polynomial_size * 8),
        case.places(),
    );
    let mut least = [f64::INFINITY; 5];
    for _ in 0..rounds {
        let coefficients = sizes.polynomial_size as f64;
        let repetitions = 50_000_000 / (sizes.polynomial_size * 50) + 1;
        let times = [
            time(case.sizes.operands * case.sizes.uses, || case.run()),
            time(repetitions, || floor.transforms()) / 2.0 * parts.transforms as f64,
            match parts.rows {
                // What is only stored is not multiplied.
                (_, 1) => 0.0,
                _ => {
                    let part = coefficients / Floor::COEFFICIENTS as f64;
                    time(repetitions, || floor.multiply_adds()) * part
                }
            },
            time(1, || floor.read_operands(sizes.uses)) / (sizes.operands * sizes.uses) as f64,
            time(repetitions, || floor.read_and_write()),
        ];
        for (least, time) in least.iter_mut().zip(times) {
            *least = least.min(time);
        }
    }
    let [whole, transforms, multiply_adds, operands, moved] = least;
    Measured {
        whole,
        transforms,
        multiply_adds,
        memory: operands + moved,
    }
}

/// Nanoseconds of a call, of so many.
pub fn time(calls: usize, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_secs_f64() * 1e9 / calls as f64
}

struct Parts {
    transforms: usize,
    /// And columns, of the operand.
    rows: (usize, usize),
    /// Polynomials of ciphertexts that are read and written.
    moved: [usize; 2],
    size: usize,
}

struct Case {
    operation: Operation,
    sizes: Sizes,
    kernel: CpuKernel,
    ggsws: Vec<<CpuKernel as Kernel>::Ggsw>,
    keys: Vec<UnpackingKey>,
    calls: usize,
    value: AVec<u64>,
    other: AVec<u64>,
    scratch: AVec<u64>,
}

impl Case {
    fn new(operation: Operation, sizes: Sizes) -> Self {
        let of_switch = matches!(operation, Operation::Split | Operation::Pair);
        let gadget = Gadget {
            glwe_dimension: sizes.glwe_dimension,
            polynomial_size: sizes.polynomial_size,
            base_log: sizes.base_log.into(),
            level_count: sizes.level_count.into(),
            clear_levels: sizes.level_count.into(),
            exact: sizes.exact && !of_switch,
        };
        let switch = SwitchGadget {
            base_log: sizes.base_log,
            level_count: sizes.level_count,
        };
        let size = sizes.polynomial_size;
        // Multiples of an odd number look random enough to what is timed.
        let words = |count: usize| {
            let word = |index: usize| (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            AVec::<u64>::from_iter(0, (0..count).map(word))
        };
        let operands = match operation {
            Operation::Pair => 2 * sizes.uses.div_ceil(sizes.level_count.into()),
            _ => sizes.operands,
        };
        let bodies = Bodies {
            exact: sizes.exact,
            lanes: 1,
        };
        let keys = if of_switch { sizes.operands } else { 0 };
        Self {
            operation,
            sizes,
            kernel: CpuKernel::new(gadget, KeyBits::Signs),
            ggsws: (0..operands)
                .map(|_| CpuKernel::empty_ggsw(gadget))
                .collect(),
            keys: (0..keys)
                .map(|_| UnpackingKey::zeros(switch, size, bodies))
                .collect(),
            calls: 0,
            value: words(gadget.glwe_len()),
            other: words(gadget.glwe_len()),
            scratch: words(scratch_len(size)),
        }
    }

    fn run(&mut self) {
        let at = self.calls / self.sizes.uses % self.sizes.operands;
        let place = self.calls % self.places();
        self.calls += 1;
        let Self {
            kernel,
            value,
            other,
            scratch,
            ..
        } = self;
        match self.operation {
            Operation::Cmux | Operation::ClearCmux => {
                let clear = self.operation == Operation::ClearCmux;
                turn_by(kernel, value, &self.ggsws[at], clear, 5);
            }
            Operation::Split => split(kernel, &self.keys[at], 0, value, Some(other), scratch),
            Operation::Pair => {
                let levels = usize::from(self.sizes.level_count);
                let (bit, level) = (place / levels * 2, place % levels);
                let slots = Slots::Two((bit, level), Some((bit + 1, level)));
                to_rows(
                    kernel,
                    &self.keys[at],
                    (0, None),
                    value,
                    &mut self.ggsws,
                    slots,
                    scratch,
                );
            }
            Operation::Row | Operation::Body => {
                let all = value.len() / self.sizes.polynomial_size;
                let of_body = self.operation == Operation::Body;
                let columns = if of_body { all - 1..all } else { 0..all };
                let ggsw = &mut self.ggsws[at];
                kernel.transform_ggsw_row(ggsw, (0, 0), columns, |column, polynomial| {
                    polynomial
                        .copy_from_slice(&value[column * polynomial.len()..][..polynomial.len()]);
                });
            }
        }
    }

    /// Where results go, one after the other: rows of GGSWs, which are written once.
    fn places(&self) -> usize {
        match self.operation {
            Operation::Pair => self.sizes.uses,
            _ => 1,
        }
    }

    fn parts(&self) -> Parts {
        let levels = usize::from(self.sizes.level_count);
        let columns = self.sizes.glwe_dimension + 1;
        let limbs = 1 + usize::from(self.sizes.exact);
        let (transforms, rows, moved) = match self.operation {
            Operation::Cmux => (
                columns * (levels + limbs),
                (levels * columns, limbs * columns),
                [columns, columns],
            ),
            Operation::ClearCmux => (
                levels + limbs * columns,
                (levels, limbs * columns),
                [1, columns],
            ),
            Operation::Split => (levels + 2 + limbs, (levels, 2 + limbs), [2, 4]),
            // Three keys; the rows of GGSWs are in one limb, and all is in the Fourier domain unless it has to be exact.
            Operation::Pair if self.sizes.exact => (levels + 3 * 4 + 8, (3 * levels, 4), [2, 8]),
            Operation::Pair => (levels + 2, (levels, 6), [2, 8]),
            // What is written is the operand.
            Operation::Row => (columns * limbs, (1, limbs * columns), [columns, 0]),
            Operation::Body => (1, (1, 1), [1, 0]),
        };
        Parts {
            transforms,
            rows,
            moved,
            size: self.sizes.polynomial_size,
        }
    }
}

impl Parts {
    /// Bytes of the operand.
    fn bytes(&self) -> usize {
        self.rows.0 * self.rows.1 * self.size * 8
    }
}
