//! A kernel without transforms: products by their definition, modulo 2^64, on digits by theirs. Whole schedules run on it, so that
//! nothing that the kernel of the CPU does hides behind tests of its parts.

use core::ops::Range;

use tenebra_circuit::QueryMode;
use tenebra_client::branching::BranchingLayout;

use super::{Parties, chain, joint, phases, plan_of, predicted, stumps, twins};
use tenebra_client::packing::{SwitchGadget, automorphism_exponent, last_split};

use crate::branching::kernel::{Bodies, CpuKernel, Kernel, KeyBits, Lane, Slots};
use crate::branching::plan::Gadget;
use crate::branching::ramp::subtract_half_ramp;

struct ExactKernel {
    gadget: Gadget,
    key_bits: KeyBits,
    /// Those that were taken last.
    digits: Vec<Vec<u64>>,
    /// Mask and bodies of what was multiplied last.
    products: Vec<u64>,
}

/// Polynomials, by row and column.
#[derive(Clone)]
struct Rows {
    gadget: (u32, usize),
    rows: Vec<Vec<Vec<u64>>>,
}

/// The digits of a number, level 1 first, and what they leave out: the multiples of each level that are nearest, halves the even ones,
/// less those of the level above.
fn digits(value: u64, (base_log, levels): (u32, usize)) -> (Vec<u64>, u64) {
    let levels = u32::try_from(levels).unwrap();
    let nearest = |number: i128, bits: u32| {
        let (floor, half) = (number >> bits, 1 << bits >> 1);
        let above = number - (floor << bits);
        floor + i128::from(above > half || (above == half && above > 0 && floor % 2 != 0))
    };
    let dropped = 64 - base_log * levels;
    let rounded = nearest(value.cast_signed().into(), dropped);
    let word = |number: i128| u64::try_from(number & i128::from(u64::MAX)).unwrap();
    let rest = value.wrapping_sub(word(rounded << dropped));
    let mut above = 0;
    let digits = (0..levels).rev().map(|below| {
        let here = nearest(rounded, base_log * below);
        let digit = here - (above << base_log);
        above = here;
        word(digit)
    });
    (digits.collect(), rest)
}

/// The digits of a polynomial, and what they leave out.
fn digits_of(polynomial: &[u64], gadget: (u32, usize)) -> (Vec<Vec<u64>>, Vec<u64>) {
    let mut levels = vec![Vec::new(); gadget.1];
    let mut rests = Vec::new();
    for value in polynomial {
        let (digits, rest) = digits(*value, gadget);
        levels
            .iter_mut()
            .zip(digits)
            .for_each(|(level, digit)| level.push(digit));
        rests.push(rest);
    }
    (levels, rests)
}

/// `target += a·b` modulo `X^N + 1`.
fn add_product(target: &mut [u64], a: &[u64], b: &[u64]) {
    for (shift, factor) in a.iter().enumerate() {
        let (wrapped, kept) = target.split_at_mut(shift);
        let (low, high) = b.split_at(b.len() - shift);
        for (target, word) in kept.iter_mut().zip(low) {
            *target = target.wrapping_add(factor.wrapping_mul(*word));
        }
        for (target, word) in wrapped.iter_mut().zip(high) {
            *target = target.wrapping_sub(factor.wrapping_mul(*word));
        }
    }
}

impl Rows {
    fn empty(gadget: (u32, usize), rows: usize, columns: usize, size: usize) -> Self {
        Self {
            gadget,
            rows: vec![vec![vec![0; size]; columns]; rows],
        }
    }

    fn fill(&mut self, row: usize, columns: Range<usize>, mut load: impl FnMut(usize, &mut [u64])) {
        for column in columns {
            load(column, &mut self.rows[row][column]);
        }
    }
}

impl Kernel for ExactKernel {
    type Ggsw = Rows;
    type Sum = Vec<u64>;
    type SwitchKey = Rows;
    type PairKey = [Rows; 3];
    type OfMask = ();

    fn new(gadget: Gadget, key_bits: KeyBits) -> Self {
        Self {
            gadget,
            key_bits,
            digits: Vec::new(),
            products: Vec::new(),
        }
    }

    fn empty_ggsw(gadget: Gadget) -> Rows {
        let columns = gadget.glwe_dimension + 1;
        let rows = gadget.level_count * columns;
        let levels = (gadget.base_log, gadget.level_count);
        Rows::empty(levels, rows, columns, gadget.polynomial_size)
    }

    fn empty_switch_key(gadget: SwitchGadget, polynomial_size: usize, bodies: Bodies) -> Rows {
        let levels = (gadget.base_log.into(), gadget.level_count.into());
        Rows::empty(levels, levels.1, 1 + bodies.lanes, polynomial_size)
    }

    fn empty_pair_key(gadget: SwitchGadget, polynomial_size: usize, lanes: usize) -> [Rows; 3] {
        let bodies = Bodies { exact: true, lanes };
        [(); 3].map(|()| Self::empty_switch_key(gadget, polynomial_size, bodies))
    }

    fn of_mask(_: &[Rows; 3]) -> Option<()> {
        None
    }

    fn transform_ggsw_row(
        &mut self,
        ggsw: &mut Rows,
        (level, r): (usize, usize),
        columns: Range<usize>,
        load: impl FnMut(usize, &mut [u64]),
    ) {
        ggsw.fill(r * self.gadget.level_count + level, columns, load);
    }

    fn transform_switch_row(
        &mut self,
        key: &mut Rows,
        level: usize,
        load: impl FnMut(usize, &mut [u64]),
    ) {
        key.fill(level, 0..key.rows[level].len(), load);
    }

    fn cmux(
        &mut self,
        target: &mut [u64],
        ggsw: &Rows,
        clear: bool,
        mut load: impl FnMut(usize, &mut [u64], &mut [u64]),
    ) {
        let Gadget {
            glwe_dimension: masks,
            polynomial_size: size,
            ..
        } = self.gadget;
        let first = if clear { masks } else { 0 };
        target[..first * size].fill(0);
        let (mut rest, mut all_digits) = (vec![0u64; size], vec![Vec::new(); first]);
        for (row, target) in target.chunks_exact_mut(size).enumerate().skip(first) {
            let mut difference = vec![0; size];
            load(row, target, &mut difference);
            if row == masks && !clear && self.key_bits == KeyBits::Binary {
                subtract_half_ramp(&mut difference, &rest);
            }
            let (digits, left_out) = digits_of(&difference, ggsw.gadget);
            rest.iter_mut()
                .zip(left_out)
                .for_each(|(rest, left)| *rest = rest.wrapping_add(left));
            all_digits.push(digits);
        }
        for (row, digits) in all_digits.iter().enumerate() {
            for (level, digits) in digits.iter().enumerate() {
                let columns = &ggsw.rows[row * ggsw.gadget.1 + level];
                for (target, column) in target.chunks_exact_mut(size).zip(columns) {
                    add_product(target, digits, column);
                }
            }
        }
    }

    fn empty_sum(gadget: Gadget) -> Vec<u64> {
        vec![0; gadget.glwe_len()]
    }

    fn select(
        &mut self,
        target: &mut Vec<u64>,
        ggsw: &Rows,
        operands: [Option<&Vec<u64>>; 2],
        load: impl FnOnce(&mut [u64]),
    ) {
        let size = self.gadget.polynomial_size;
        let mut difference = vec![0; target.len()];
        load(&mut difference[self.gadget.glwe_dimension * size..]);
        let [zero, one] = operands.map(|sum| sum.cloned().unwrap_or(vec![0; target.len()]));
        for (difference, (zero, one)) in difference.iter_mut().zip(zero.iter().zip(&one)) {
            *difference = difference.wrapping_add(one.wrapping_sub(*zero));
        }
        let clear = operands.iter().all(Option::is_none);
        self.cmux(target, ggsw, clear, |row, target, to| {
            target.copy_from_slice(&zero[row * size..][..size]);
            to.copy_from_slice(&difference[row * size..][..size]);
        });
    }

    fn add_sum(&mut self, target: &mut [u64], sum: &Vec<u64>) {
        for (target, word) in target.iter_mut().zip(sum) {
            *target = target.wrapping_add(*word);
        }
    }

    fn decompose(&mut self, source: &[u64], gadget: SwitchGadget) {
        let gadget = (gadget.base_log.into(), gadget.level_count.into());
        (self.digits, _) = digits_of(source, gadget);
    }

    fn multiply(&mut self, key: &Rows) {
        let size = self.gadget.polynomial_size;
        self.products = vec![0; key.rows[0].len() * size];
        for (digits, columns) in self.digits.iter().zip(&key.rows) {
            for (product, column) in self.products.chunks_exact_mut(size).zip(columns) {
                add_product(product, digits, column);
            }
        }
    }

    /// [`multiply`](Self::multiply) has multiplied all.
    fn multiply_lanes(&mut self, _: &Rows) {}

    fn add_product(&mut self, polynomial: usize, target: &mut [u64]) {
        let product = &self.products[polynomial * target.len()..];
        for (target, word) in target.iter_mut().zip(product) {
            *target = target.wrapping_add(*word);
        }
    }

    fn transform_pair_row(
        &mut self,
        key: &mut [Rows; 3],
        (part, level): (usize, usize),
        load: impl FnMut(usize, &mut [u64]),
    ) {
        let columns = key[part].rows[level].len();
        key[part].fill(level, 0..columns, load);
    }

    fn pair_to_rows(
        &mut self,
        key: &[Rows; 3],
        _: Option<&mut ()>,
        Lane { lane, mask, body }: Lane<'_>,
        ggsws: &mut [Rows],
        slots: Slots,
    ) {
        let size = mask.len();
        let ciphertext = [mask, body].concat();
        let [(base_log, levels), ..] = key.each_ref().map(|part| part.gadget);
        let gadget = SwitchGadget {
            base_log: u8::try_from(base_log).unwrap(),
            level_count: u8::try_from(levels).unwrap(),
        };
        self.decompose(mask, gadget);
        let zero = vec![0; size];
        let mut parts = [[&zero, body], [body, &zero], [body, &zero]].map(|start| start.concat());
        for (target, key) in parts.iter_mut().zip(key) {
            self.multiply(key);
            for (index, target) in [0, 1 + lane].into_iter().zip(target.chunks_exact_mut(size)) {
                self.add_product(index, target);
            }
        }
        let levels = self.gadget.level_count;
        let mut store = |(bit, level): (usize, usize), r: usize, row: Vec<u64>| {
            ggsws[bit].fill(r * levels + level, 0..2, |column, polynomial| {
                polynomial.copy_from_slice(&row[column * size..][..size]);
            });
        };
        let [turned, product, turned_product] = parts;
        let Slots::Two(even, odd) = slots else {
            let Slots::One(place) = slots else { return };
            store(place, 0, product);
            store(place, 1, ciphertext.to_vec());
            return;
        };
        let exponent = automorphism_exponent(size, last_split(size));
        let rows = [(product, turned_product), (ciphertext.to_vec(), turned)];
        for (r, (one, other)) in rows.into_iter().enumerate() {
            let other = turn(&other, exponent);
            let sum = one.iter().zip(&other).map(|(a, b)| a.wrapping_add(*b));
            store(even, r, sum.collect());
            if let Some(odd) = odd {
                let difference = one.iter().zip(&other).map(|(a, b)| a.wrapping_sub(*b));
                let difference: Vec<u64> = difference.collect();
                let down = difference.chunks_exact(size).flat_map(|polynomial| {
                    let (low, high) = polynomial.split_at(size / 2);
                    let wrapped = low.iter().map(|word| word.wrapping_neg());
                    high.iter().copied().chain(wrapped)
                });
                store(odd, r, down.collect());
            }
        }
    }
}

/// Both polynomials of a GLWE at `X^exponent`, by definition.
fn turn(glwe: &[u64], exponent: usize) -> Vec<u64> {
    let size = glwe.len() / 2;
    let mut turned = vec![0; 2 * size];
    for (index, word) in glwe.iter().enumerate() {
        let target = index % size * exponent % (2 * size);
        turned[index / size * size + target % size] = match target < size {
            true => *word,
            false => word.wrapping_neg(),
        };
    }
    turned
}

/// The same key and query on both kernels give the same messages. Where the error of a transform turns a single digit, a row more or
/// less is added, whose masks are random: whatever is rounded after that is rounded anew. So the errors of both are at worst
/// independent, each with the variance that is predicted, and differ by `√2` of its root; a fifth is for 512 coefficients that share
/// a key. A wrong product differs by hundreds.
#[test]
fn whole_schedules_agree_with_exact_products() {
    let circuits = [
        ("chain", chain()),
        ("stumps", stumps()),
        ("twins", twins()),
        ("joint", joint()),
    ];
    for (name, circuit) in circuits {
        for (query, max_rows, ciphertexts) in [
            (QueryMode::Direct, 1, 1),
            (QueryMode::Packed, 1, 1),
            (QueryMode::Packed, 3, 1),
            (QueryMode::Packed, 2, 3),
        ] {
            let mut plan = plan_of(&circuit, query);
            let layout = *plan.layout.layout();
            let of_each = layout.input_bits.div_ceil(ciphertexts);
            plan.layout = BranchingLayout {
                max_rows,
                packed_bits: if ciphertexts == 1 {
                    0
                } else {
                    of_each.try_into().unwrap()
                },
                ..layout
            }
            .validate()
            .unwrap();
            assert_eq!(plan.diagram.has_selections(), name == "joint");
            let count = plan.diagram.input_bits * usize::from(max_rows);
            let bits: Vec<bool> = (0..count).map(|bit| bit % 3 != 1).collect();
            let mut quick = Parties::<CpuKernel>::new(&plan, 5);
            let mut exact = Parties::<ExactKernel>::new(&plan, 5);
            let results = [quick.results(&plan, &bits), exact.results(&plan, &bits)];
            let keys = [&quick.query_key, &exact.query_key];
            let [quick, exact] = [0, 1].map(|side| {
                let rows = results[side].iter().enumerate();
                let phases = rows.map(|(row, result)| {
                    let key = plan.layout.key_of_row(keys[side], &[0; 64], row).unwrap();
                    // Direct queries have one row, of whose key this is.
                    phases(if max_rows == 1 { keys[side] } else { &key }, result)
                });
                phases.collect::<Vec<_>>().concat()
            });
            let scale = 64 - u32::from(plan.layout.layout().plaintext_bits);
            let message = |phase: &u64| phase.wrapping_add(1 << (scale - 1)) >> scale;
            assert!(
                quick.iter().map(message).eq(exact.iter().map(message)),
                "{name}, {query:?}, {max_rows} rows: other messages"
            );
            let differences = quick.iter().zip(&exact);
            let squares =
                differences.map(|(a, b)| (a.wrapping_sub(*b).cast_signed() as f64).powi(2));
            let variance = squares.sum::<f64>() / quick.len() as f64;
            let ratio = (variance / predicted(&plan)).sqrt();
            println!("{name}, {query:?}: kernels differ by {ratio:.3} of the predicted σ");
            assert!(
                ratio < 1.2 * core::f64::consts::SQRT_2,
                "{name}, {query:?}, {max_rows} rows: {ratio}"
            );
        }
    }
}
