use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_client::packing::SwitchGadget;

use super::*;
use crate::branching::kernel::digits::tests::digits_of;
use crate::noise::transform_variance;

/// `sum += digits·polynomial` in `Z[X]/(X^N + 1)`, exactly.
fn add_exact(sum: &mut [u64], digits: &[u64], polynomial: &[u64]) {
    let size = sum.len();
    for (shift, digit) in digits.iter().enumerate() {
        let (low, high) = polynomial.split_at(size - shift);
        let (wrapped, kept) = sum.split_at_mut(shift);
        for (sum, value) in kept.iter_mut().zip(low) {
            *sum = sum.wrapping_add(digit.wrapping_mul(*value));
        }
        for (sum, value) in wrapped.iter_mut().zip(high) {
            *sum = sum.wrapping_sub(digit.wrapping_mul(*value));
        }
    }
}

fn random(size: usize, rng: &mut ChaCha20Rng) -> Vec<u64> {
    (0..size).map(|_| rng.next_u64()).collect()
}

fn kernel(size: usize, base_log: u32, level_count: usize) -> CpuKernel {
    let gadget = Gadget {
        glwe_dimension: 1,
        polynomial_size: size,
        base_log,
        level_count,
        clear_levels: level_count,
        exact: false,
    };
    CpuKernel::new(gadget, KeyBits::Signs)
}

/// `target + Σ digits·rows`, exactly, by the digits of an operand.
fn add_rows(
    target: &[u64],
    (operand, base_log): (&[u64], u32),
    rows: &[[Vec<u64>; 2]],
) -> Vec<u64> {
    let size = rows[0][0].len();
    let mut exact = target.to_vec();
    for (digits, row) in digits_of(operand, (base_log, rows.len())).iter().zip(rows) {
        let (mask, body) = exact.split_at_mut(size);
        add_exact(mask, digits, &row[0]);
        add_exact(body, digits, &row[1]);
    }
    exact
}

/// Errors of a product of a random polynomial with a random GGSW, by the rows of its body.
fn errors(
    size: usize,
    (base_log, levels): (u32, usize),
    exact: bool,
    rng: &mut ChaCha20Rng,
) -> Vec<f64> {
    let rows: Vec<[Vec<u64>; 2]> = (0..levels)
        .map(|_| [random(size, rng), random(size, rng)])
        .collect();
    let operand = random(size, rng);
    let mut kernel = kernel(size, base_log, levels);
    kernel.gadget.exact = exact;
    let mut ggsw = CpuKernel::empty_ggsw(kernel.gadget);
    for (level, row) in rows.iter().enumerate() {
        kernel.transform_ggsw_row(&mut ggsw, (level, 1), 0..2, |column, polynomial| {
            polynomial.copy_from_slice(&row[column]);
        });
    }
    let mut product = vec![0; 2 * size];
    kernel.cmux(&mut product, &ggsw, true, |_, target, difference| {
        target.fill(0);
        difference.copy_from_slice(&operand);
    });
    let exact = add_rows(&vec![0; 2 * size], (&operand, base_log), &rows);
    let differences = product.iter().zip(&exact);
    differences
        .map(|(a, b)| a.wrapping_sub(*b).cast_signed() as f64)
        .collect()
}

/// 512 coefficients or more: a standard error of the variance of at most `√(2/512) = 6.2 %`.
#[test]
fn transforms_err_less_than_the_formula_says() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    for size in [256, 512, 1024, 2048, 4096] {
        for (base_log, levels) in [(2, 24), (4, 12), (8, 6), (7, 3), (15, 2), (23, 1)] {
            let errors = errors(size, (base_log, levels), false, &mut rng);
            let variance =
                errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64;
            let base = f64::from(base_log).exp2();
            let energy = levels as f64 * size as f64 * (base * base / 12.0 + 1.0 / 6.0);
            let ratio = variance / transform_variance(energy);
            println!("N = {size}, ({base_log}, {levels}): {ratio:.2} of the formula");
            assert!(
                (0.2..1.0).contains(&ratio),
                "{size} ({base_log}, {levels}): {ratio}"
            );
        }
    }
}

/// Of a sum of products, and of the difference of two: errors of products add up, and with every row that is added the sum is rounded.
#[test]
fn sums_err_as_all_their_products_do() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    for (size, base_log, levels) in [(512, 23, 1), (1024, 20, 1), (2048, 7, 3), (2048, 12, 2)] {
        let rows: Vec<[Vec<u64>; 2]> = (0..levels)
            .map(|_| [random(size, &mut rng), random(size, &mut rng)])
            .collect();
        let mut kernel = kernel(size, base_log, levels);
        let mut ggsw = CpuKernel::empty_ggsw(kernel.gadget);
        for (level, row) in rows.iter().enumerate() {
            kernel.transform_ggsw_row(&mut ggsw, (level, 1), 0..2, |column, polynomial| {
                polynomial.copy_from_slice(&row[column]);
            });
        }
        let mut sum_of = |kernel: &mut CpuKernel, products: usize| {
            let (mut sum, mut exact) = (None, vec![0; 2 * size]);
            for _ in 0..products {
                let operand = random(size, &mut rng);
                let mut next = CpuKernel::empty_sum(kernel.gadget);
                let operands = [sum.as_ref(), sum.as_ref()];
                kernel.select(&mut next, &ggsw, operands, |body| {
                    body.copy_from_slice(&operand);
                });
                exact = add_rows(&exact, (&operand, base_log), &rows);
                sum = Some(next);
            }
            (sum.unwrap(), exact)
        };
        for products in [1, 4, 16, 64] {
            let [(zero, exact_zero), (one, exact_one)] =
                [0, 1].map(|_| sum_of(&mut kernel, products));
            let base = f64::from(base_log).exp2();
            let energy = (levels * size) as f64 * (base * base / 12.0 + 1.0 / 6.0);
            let ratio = |errors: Vec<u64>, products: usize| {
                let errors = errors.iter().map(|error| error.cast_signed() as f64);
                let variance = errors.map(|error| error * error).sum::<f64>() / size as f64;
                variance / (products as f64 * transform_variance(energy))
            };
            let mut words: Vec<u64> = exact_zero.iter().map(|word| word.wrapping_neg()).collect();
            kernel.add_sum(&mut words, &zero);
            let of_sum = ratio(words.split_off(size), products);
            // It takes the digits of the body last.
            let mut spare = CpuKernel::empty_sum(kernel.gadget);
            kernel.select(&mut spare, &ggsw, [Some(&zero), Some(&one)], |body| {
                update(body, &exact_zero[size..], |_, word| word);
                update(body, &exact_one[size..], u64::wrapping_sub);
            });
            let of_difference = ratio(kernel.difference.to_vec(), 2 * products);
            println!(
                "N = {size}, ({base_log}, {levels}) {products}: {of_sum:.2}, {of_difference:.2}"
            );
            for ratio in [of_sum, of_difference] {
                let most = 1.0 + (levels * products) as f64 / 100.0;
                assert!(
                    (0.2 * most..0.9 * most).contains(&ratio),
                    "{size} {base_log}: {ratio}"
                );
            }
        }
    }
}

#[test]
fn products_of_two_limbs_are_exact() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    for (size, gadget) in [
        (2048, (6, 4)),
        (4096, (8, 6)),
        (4096, (3, 8)),
        (4096, (9, 3)),
    ] {
        let errors = errors(size, gadget, true, &mut rng);
        assert!(
            errors.iter().all(|error| error.abs() <= 1.0),
            "{size} {gadget:?}"
        );
    }
}

/// Two limbs leave no error but that of rounding the low one to an integer; one leaves that of transforms.
#[test]
fn masks_of_key_switches_are_exact() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    for size in [512, 2048] {
        for (base_log, level_count) in [(2, 24), (4, 12), (8, 6), (10, 4), (12, 3)] {
            let gadget = SwitchGadget {
                base_log,
                level_count,
            };
            let rows: Vec<[Vec<u64>; 2]> = (0..level_count)
                .map(|_| [random(size, &mut rng), random(size, &mut rng)])
                .collect();
            let (source, target) = (random(size, &mut rng), random(2 * size, &mut rng));
            let mut kernel = kernel(size, 1, 1);
            for exact_bodies in [true, false] {
                let bodies = Bodies {
                    exact: exact_bodies,
                    lanes: 1,
                };
                let mut key = CpuKernel::empty_switch_key(gadget, size, bodies);
                for (level, row) in rows.iter().enumerate() {
                    kernel.transform_switch_row(&mut key, level, |column, polynomial| {
                        polynomial.copy_from_slice(&row[column]);
                    });
                }
                let mut switched = target.clone();
                kernel.decompose(&source, gadget);
                kernel.multiply(&key);
                for (index, polynomial) in switched.chunks_exact_mut(size).enumerate() {
                    kernel.add_product(index, polynomial);
                }
                let exact = add_rows(&target, (&source, base_log.into()), &rows);
                let errors = switched.iter().zip(&exact);
                let errors = errors.map(|(a, b)| a.wrapping_sub(*b).cast_signed() as f64);
                let errors: Vec<f64> = errors.collect();
                let (masks, bodies) = errors.split_at(size);
                assert!(
                    masks.iter().all(|error| error.abs() <= 1.0),
                    "{size} {gadget:?}"
                );
                let variance = bodies.iter().map(|error| error * error).sum::<f64>() / size as f64;
                let base = f64::from(base_log).exp2();
                let energy =
                    f64::from(level_count) * size as f64 * (base * base / 12.0 + 1.0 / 6.0);
                let most = if exact_bodies {
                    1.0
                } else {
                    transform_variance(energy)
                };
                assert!(variance <= most, "{size} {gadget:?}: {variance}");
            }
        }
    }
}
