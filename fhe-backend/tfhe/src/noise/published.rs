//! Our terms against failure probabilities that tfhe-rs publishes for four of its parameter sets
//! (`V1_4_PARAM_MESSAGE_x_CARRY_x_KS_PBS_TUNIFORM_2M128`): key switch, centred modulus switch and bootstrap, put together from what
//! our plans are made of. What tfhe-rs counts for its transforms is its own. It states the probability of normal noise, `erfc`.
//!
//! All variances are in units of `(1/q)²`. The first three sets are 0.87, 0.81 and 0.95 modulus switch, 4_4 is 0.60 fresh noise of the key
//! switch and 0.12 its rounding; products are 0.02 at most, in 2_2, and held to the formula of our plans besides.

use tenebra_client::branching::BranchingLayout;

use super::tests::assert_within;
use super::*;
use crate::branching::diagram::DiagramNoise;
use crate::branching::variance::{polynomial_energy, result_noise};

/// Base (log2) and levels.
type Gadget = (u8, u8);

/// A parameter set of tfhe-rs and what it says of it.
struct Published {
    name: &'static str,
    /// `n`, and the bound of its noise (log2).
    lwe: (u32, u32),
    /// `k`, `N`, and the bound of their noise (log2).
    glwe: (u8, u32, u32),
    bootstrap: Gadget,
    switch: Gadget,
    norm: f64,
    payload_bits: u32,
    log2_p_fail: f64,
}

const SETS: [Published; 4] = [
    Published {
        name: "1_1",
        lwe: (879, 46),
        glwe: (4, 512, 17),
        bootstrap: (23, 1),
        switch: (5, 3),
        norm: 3.0,
        payload_bits: 2,
        log2_p_fail: -144.322,
    },
    Published {
        name: "2_2",
        lwe: (918, 45),
        glwe: (1, 2048, 17),
        bootstrap: (23, 1),
        switch: (4, 4),
        norm: 5.0,
        payload_bits: 4,
        log2_p_fail: -129.581,
    },
    Published {
        name: "3_3",
        lwe: (1077, 41),
        glwe: (1, 8192, 3),
        bootstrap: (15, 2),
        switch: (4, 5),
        norm: 9.0,
        payload_bits: 6,
        log2_p_fail: -128.992,
    },
    Published {
        name: "4_4",
        lwe: (1117, 40),
        glwe: (1, 65536, 3),
        bootstrap: (11, 3),
        switch: (3, 7),
        norm: 17.0,
        payload_bits: 8,
        log2_p_fail: -141.559,
    },
];

/// Our formulas take rings that our plans may have. What they come to is so much a coefficient, and theirs have any number of them.
fn ring() -> ValidGlwe {
    ValidGlwe::secure(1, 2048).unwrap()
}

/// The squared norm of the digits of so many coefficients.
fn digits((base_log, level_count): Gadget, coefficients: f64) -> f64 {
    let of_ring = polynomial_energy(level_count, base_log, ring());
    of_ring / ring().polynomial_size() as f64 * coefficients
}

/// What rounding a body and so many mask coefficients to `width` bits adds to a phase, each of the two; the mean ½ of the key's bits is
/// made up for.
fn rounding(width: u32, coefficients: f64) -> [f64; 2] {
    let body = rounding_variance(64 - width);
    let masks = centred_switch_variance(ring(), width) - body;
    [body, masks / ring().dimension() as f64 * coefficients]
}

fn bits((base_log, level_count): Gadget) -> u32 {
    u32::from(base_log) * u32::from(level_count)
}

impl Published {
    /// Coefficients of the mask of a GLWE.
    fn dimension(&self) -> f64 {
        let (k, size, _) = self.glwe;
        f64::from(k) * f64::from(size)
    }

    /// An external product whose transforms do not err.
    fn product(&self) -> f64 {
        let (_, size, bound) = self.glwe;
        let coefficients = self.dimension() + f64::from(size);
        let [body, masks] = rounding(bits(self.bootstrap), self.dimension());
        digits(self.bootstrap, coefficients) * tuniform_variance(bound) + body + masks
    }

    /// What tfhe-rs counts for the transforms of a product.
    fn transforms(&self) -> f64 {
        let ((k, size, _), (base_log, level_count)) = (self.glwe, self.bootstrap);
        let (k, size) = (f64::from(k), f64::from(size));
        0.00705
            * (22.0 + 2.0 * f64::from(base_log)).exp2()
            * f64::from(level_count).powf(1.018_27)
            * k.powf(1.220_03)
            * size.powf(2.220_03)
            * (k + 1.0).powf(1.018_27)
    }

    /// From the GLWE's key to the LWE's. The mean of the bits that the rounding of a mask meets is not made up for: half of them are set, the
    /// mean square is twice the variance. The body is not rounded.
    fn key_switch(&self) -> f64 {
        let [_, masks] = rounding(bits(self.switch), self.dimension());
        digits(self.switch, self.dimension()) * tuniform_variance(self.lwe.1) + 2.0 * masks
    }

    /// To `2N`, of the masks; that of the body is not counted.
    fn modulus_switch(&self) -> f64 {
        let (_, size, _) = self.glwe;
        let [_, masks] = rounding(1 + size.ilog2(), f64::from(self.lwe.0));
        masks
    }

    fn log2_p_fail(&self) -> f64 {
        let products = f64::from(self.lwe.0) * (self.product() + self.transforms());
        let variance = self.norm * self.norm * products + self.key_switch() + self.modulus_switch();
        let half_step = exp2(64 - self.payload_bits - 2);
        log2_erfc(half_step / (2.0 * variance).sqrt())
    }
}

#[test]
fn our_terms_give_the_published_failure_probabilities() {
    for set in SETS {
        let computed = set.log2_p_fail();
        println!(
            "{}: 2^{computed:.3}, published 2^{}",
            set.name, set.log2_p_fail
        );
        assert!((computed - set.log2_p_fail).abs() < 0.1, "{}", set.name);
    }
}

/// One product of a plan with a set's ring and gadget, less the errors of our transforms; in two of the sets they are such as plans have.
#[test]
fn products_of_plans_are_those_of_the_sets() {
    let mut compared = 0;
    for set in SETS {
        let (k, size, bound) = set.glwe;
        let glwe = u16::try_from(size).map(|size| ValidGlwe::secure(k, size));
        let Ok(Ok(glwe)) = glwe else {
            continue;
        };
        assert_eq!(glwe.noise_bound_log2(), bound, "{}", set.name);
        let layout = BranchingLayout {
            glwe: glwe.params(),
            base_log: set.bootstrap.0,
            level_count: set.bootstrap.1,
            body_bits: 64,
            plaintext_bits: 6,
            response_bits: 20,
            input_bits: 1,
            coefficients: 1,
            packing: None,
            max_rows: 1,
            packed_bits: 0,
        };
        let layout = layout.validate().unwrap();
        let mut one = DiagramNoise::default();
        for units in [&mut one.units, &mut one.busiest] {
            (units.alike, units.smooth, units.rounding) = (1, 1, 1);
        }
        let energy = digits(set.bootstrap, set.dimension() + f64::from(size));
        let transforms = (1.0 + set_bits_bound(glwe)) * transform_variance(energy);
        let product = result_noise(&layout, &one).variance() - transforms;
        assert_within(set.name, product, set.product(), 1e-6);
        compared += 1;
    }
    assert_eq!(compared, 2);
}
