//! The noise formulas against failure probabilities that tfhe-rs publishes for four of its parameter sets
//! (`V1_4_PARAM_MESSAGE_x_CARRY_x_KS_PBS_TUNIFORM_2M128`): key switch, centred modulus switch and bootstrap, whose parts are those of our
//! own products. tfhe-rs states the probability of normal noise, `erfc`.
#![allow(missing_docs, reason = "a test has no users")]

use tenebra_tfhe::noise::{log2_erfc, tuniform_variance};

/// A parameter set of tfhe-rs and what it says of it.
struct Published {
    name: &'static str,
    /// `n`, and the bound of its noise.
    lwe: (f64, u32),
    /// `k`, `N`, and the bound of their noise.
    glwe: (f64, f64, u32),
    bootstrap: (i32, f64),
    switch: (i32, f64),
    norm: f64,
    payload_bits: i32,
    log2_p_fail: f64,
}

const SETS: [Published; 4] = [
    Published {
        name: "1_1",
        lwe: (879.0, 46),
        glwe: (4.0, 512.0, 17),
        bootstrap: (23, 1.0),
        switch: (5, 3.0),
        norm: 3.0,
        payload_bits: 2,
        log2_p_fail: -144.322,
    },
    Published {
        name: "2_2",
        lwe: (918.0, 45),
        glwe: (1.0, 2048.0, 17),
        bootstrap: (23, 1.0),
        switch: (4, 4.0),
        norm: 5.0,
        payload_bits: 4,
        log2_p_fail: -129.581,
    },
    Published {
        name: "3_3",
        lwe: (1077.0, 41),
        glwe: (1.0, 8192.0, 3),
        bootstrap: (15, 2.0),
        switch: (4, 5.0),
        norm: 9.0,
        payload_bits: 6,
        log2_p_fail: -128.992,
    },
    Published {
        name: "4_4",
        lwe: (1117.0, 40),
        glwe: (1.0, 65536.0, 3),
        bootstrap: (11, 3.0),
        switch: (3, 7.0),
        norm: 17.0,
        payload_bits: 8,
        log2_p_fail: -141.559,
    },
];

/// Everything in units of the torus.
const Q: f64 = 2.0 * (1u64 << 63) as f64;

impl Published {
    fn log2_p_fail(&self) -> f64 {
        let (n, lwe_bound) = self.lwe;
        let (k, size, glwe_bound) = self.glwe;
        let fresh = |bound| tuniform_variance(bound) / (Q * Q);
        let energy = |(base_log, levels): (i32, f64)| {
            levels * ((2.0 * f64::from(base_log)).exp2() / 12.0 + 1.0 / 6.0)
        };
        // B^-2ℓ.
        let least = |(base_log, levels): (i32, f64)| (-2.0 * f64::from(base_log) * levels).exp2();
        let (base_log, levels) = self.bootstrap;
        let transform = 0.00705 * 22f64.exp2() * (2.0 * f64::from(base_log)).exp2() / (Q * Q)
            * levels.powf(1.018_27)
            * k.powf(1.220_03)
            * size.powf(2.220_03)
            * (k + 1.0).powf(1.018_27);
        let rounding = (least(self.bootstrap) - 1.0 / (Q * Q)) / 12.0
            + k * size * (1.0 / (48.0 * Q * Q) + least(self.bootstrap) / 24.0);
        let product = (k + 1.0) * size * energy(self.bootstrap) * fresh(glwe_bound)
            + rounding / 2.0
            + transform;
        let switch = k * size * energy(self.switch) * fresh(lwe_bound)
            + k * size * (1.0 / (48.0 * Q * Q) + least(self.switch) / 24.0);
        let width = 2.0 * size;
        let modulus = n * (1.0 / (24.0 * Q * Q) + 1.0 / (48.0 * width * width));
        let variance = self.norm * self.norm * n * product + switch + modulus;
        let half_step = (-f64::from(self.payload_bits + 2)).exp2();
        log2_erfc(half_step / (2.0 * variance).sqrt())
    }
}

#[test]
fn the_formulas_give_the_published_failure_probabilities() {
    for set in SETS {
        let computed = set.log2_p_fail();
        println!(
            "{}: 2^{computed:.3}, published 2^{}",
            set.name, set.log2_p_fail
        );
        assert!((computed - set.log2_p_fail).abs() < 0.1, "{}", set.name);
    }
}
