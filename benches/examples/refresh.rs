//! What it would cost to refresh bits of hidden codes by bootstraps of `tfhe`, which networks of four hidden layers and more need.
//!
//! `cargo run --release -p tenebra-benches --example refresh [bootstraps]` prints a table. A bit that arrives under the key of a ring of 2048 with
//! the noise that an answer may have is switched to an LWE key and turned into the rows of one gadget: a table with `slots` slots is rotated
//! blindly, by `tfhe`'s own functions with its published noise bounds, on one thread. What comes out is where re-selection (`docs/scheme.md`, §6)
//! would go on; its noise says what the layers behind it start from. All slots are decrypted and compared.

#![expect(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "a measurement prints, of numbers that are small"
)]

use tenebra_benches::machine;
use tenebra_tfhe::noise::tail_log2;
use tfhe::core_crypto::commons::generators::DeterministicSeeder;
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;

const POLYNOMIAL_SIZE: usize = 2048;

/// How a bit is refreshed.
struct Setting {
    /// Of the key that is bootstrapped from: `tfhe` 1.8.2, `V1_8_PARAM_MESSAGE_1_CARRY_1_KS_PBS_TUNIFORM_2M128` and `…_2_CARRY_2_…`.
    lwe_dimension: usize,
    lwe_noise_bound_log2: u32,
    /// Base and levels of the key switch.
    switch: (usize, usize),
    /// Base and levels of the bootstrapping key.
    bootstrap: (usize, usize),
    /// Values that one bootstrap gives: rows of the next gadget.
    slots: usize,
}

const SMALL_KEY: Setting = Setting {
    lwe_dimension: 879,
    lwe_noise_bound_log2: 46,
    switch: (5, 3),
    bootstrap: (23, 1),
    slots: 4,
};

const SETTINGS: [Setting; 6] = [
    SMALL_KEY,
    Setting {
        bootstrap: (15, 2),
        ..SMALL_KEY
    },
    Setting {
        bootstrap: (10, 4),
        ..SMALL_KEY
    },
    Setting {
        bootstrap: (8, 5),
        ..SMALL_KEY
    },
    Setting {
        slots: 8,
        bootstrap: (8, 5),
        ..SMALL_KEY
    },
    Setting {
        lwe_dimension: 918,
        lwe_noise_bound_log2: 45,
        switch: (4, 4),
        bootstrap: (8, 5),
        slots: 8,
    },
];

/// TUniform bound of ciphertexts of the ring, secure for 132 bits at this dimension.
const RING_NOISE_BOUND_LOG2: u32 = 17;
/// Standard deviation of what arrives, as a part of the torus: less than sums of products of two layers leave.
const ARRIVING_STD_LOG2: f64 = -16.0;
/// Base of the gadget whose rows the slots hold.
const ROWS_BASE_LOG: usize = 6;

impl Setting {
    /// Coefficients of the table from one slot to the next; the lower half stands for 0.
    fn stride(&self) -> usize {
        POLYNOMIAL_SIZE / self.slots
    }

    /// Variance of what is decided by, as a part of the torus squared: the key switch, and rounding to `2N` with the mean of the binary key taken out.
    fn variance(&self) -> f64 {
        let ring = POLYNOMIAL_SIZE as f64;
        let uniform = |bound_log2: u32| ((2 * bound_log2 + 1) as f64 - 128.0).exp2() / 6.0;
        let (base_log, levels) = (self.switch.0 as f64, self.switch.1 as f64);
        let digits = levels * (2.0 * base_log).exp2() / 12.0;
        let switch = ring * digits * uniform(self.lwe_noise_bound_log2)
            + ring / 2.0 * (-2.0 * base_log * levels).exp2() / 12.0;
        let rounding = (self.lwe_dimension as f64 / 48.0 + 1.0 / 12.0) / (2.0 * ring).powi(2);
        (2.0 * ARRIVING_STD_LOG2).exp2() + switch + rounding
    }

    /// The half step of the decision is a quarter of a slot.
    fn p_fail_log2(&self) -> f64 {
        tail_log2(self.variance(), 1.0 / (8 * self.slots) as f64, 1)
    }
}

/// What a run of bootstraps was like.
struct Measured {
    /// Least and median milliseconds of CPU time of a key switch and of a bootstrap.
    switch_ms: [f64; 2],
    bootstrap_ms: [f64; 2],
    key_bytes: usize,
    /// Standard deviation of what was decided by, over the predicted one.
    decision_ratio: f64,
    /// Standard deviation of all coefficients that come out, log2 of the torus.
    result_std_log2: f64,
    /// Rows that noise drowns: off by more than half of what they are for a bit that is 1.
    wrong: usize,
}

fn measure(setting: &Setting, bootstraps: usize) -> Measured {
    let modulus = CiphertextModulus::<u64>::new_native();
    let ring = PolynomialSize(POLYNOMIAL_SIZE);
    let one = GlweDimension(1);
    let mut seeder = DeterministicSeeder::<DefaultRandomGenerator>::new(Seed(7));
    let mut secret = SecretRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed());
    let mut noise =
        EncryptionRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed(), &mut seeder);
    let lwe_key: LweSecretKeyOwned<u64> = allocate_and_generate_new_binary_lwe_secret_key(
        LweDimension(setting.lwe_dimension),
        &mut secret,
    );
    let ring_key: GlweSecretKeyOwned<u64> =
        allocate_and_generate_new_binary_glwe_secret_key(one, ring, &mut secret);
    let ring_lwe_key = ring_key.as_lwe_secret_key();
    let switch_key = allocate_and_generate_new_seeded_lwe_keyswitch_key(
        &ring_lwe_key,
        &lwe_key,
        DecompositionBaseLog(setting.switch.0),
        DecompositionLevelCount(setting.switch.1),
        DynamicDistribution::<u64>::new_t_uniform(setting.lwe_noise_bound_log2),
        modulus,
        &mut seeder,
    );
    let bootstrap_key = par_allocate_and_generate_new_seeded_lwe_bootstrap_key(
        &lwe_key,
        &ring_key,
        DecompositionBaseLog(setting.bootstrap.0),
        DecompositionLevelCount(setting.bootstrap.1),
        DynamicDistribution::<u64>::new_t_uniform(RING_NOISE_BOUND_LOG2),
        modulus,
        &mut seeder,
    );
    let key_bytes = size_of::<u64>() * (switch_key.as_ref().len() + bootstrap_key.as_ref().len());
    let switch_key = switch_key.decompress_into_lwe_keyswitch_key();
    let bootstrap_key = bootstrap_key.decompress_into_lwe_bootstrap_key();
    let mut fourier = FourierLweBootstrapKey::new(
        bootstrap_key.input_lwe_dimension(),
        bootstrap_key.glwe_size(),
        ring,
        bootstrap_key.decomposition_base_log(),
        bootstrap_key.decomposition_level_count(),
    );
    convert_standard_lwe_bootstrap_key_to_fourier(&bootstrap_key, &mut fourier);
    drop(bootstrap_key);

    let stride = setting.stride();
    let rows: Vec<u64> = (1..=setting.slots)
        .map(|j| 1 << (64 - (j * ROWS_BASE_LOG).min(40)))
        .collect();
    let table: Vec<u64> = (0..POLYNOMIAL_SIZE)
        .map(|at| rows_at(&rows, stride, at))
        .collect();
    let table = allocate_and_trivially_encrypt_new_glwe_ciphertext(
        one.to_glwe_size(),
        &PlaintextList::from_container(table),
        modulus,
    );
    let arriving = DynamicDistribution::<u64>::new_gaussian_from_std_dev(StandardDev(
        ARRIVING_STD_LOG2.exp2(),
    ));
    let unit = u64::MAX / (2 * POLYNOMIAL_SIZE as u64) + 1;
    let (mut switch_ms, mut bootstrap_ms) = (Vec::new(), Vec::new());
    let (mut decisions, mut results, mut wrong) = (Vec::new(), Vec::new(), 0);
    for at in 0..bootstraps {
        let bit = (at % 2) as u64;
        // In the middle of its half of a slot.
        let middle = stride as u64 / 4 + bit * (stride as u64 / 2);
        let query = allocate_and_encrypt_new_lwe_ciphertext(
            &ring_lwe_key,
            Plaintext(middle * unit),
            arriving,
            modulus,
            &mut noise,
        );
        let start = cpu_ms();
        let mut switched = LweCiphertext::new(0u64, lwe_key.lwe_dimension().to_lwe_size(), modulus);
        keyswitch_lwe_ciphertext(&switch_key, &query, &mut switched);
        switch_ms.push(cpu_ms() - start);
        let rounded = lwe_ciphertext_centered_binary_modulus_switch::<u64, usize, _>(
            switched,
            ring.to_blind_rotation_input_modulus_log(),
        );
        let mut rotated = table.clone();
        let start = cpu_ms();
        blind_rotate_assign(&rounded, &mut rotated, &fourier);
        bootstrap_ms.push(cpu_ms() - start);

        let products = rounded
            .mask()
            .zip(lwe_key.as_ref())
            .map(|(a, s)| a as i64 * *s as i64);
        let phase = rounded.body() as i64 - products.sum::<i64>();
        let turns = 2 * POLYNOMIAL_SIZE as i64;
        let turned = phase.rem_euclid(turns);
        let error = (turned - middle as i64 + turns / 2).rem_euclid(turns) - turns / 2;
        decisions.push(error as f64 / turns as f64);
        let mut found = PlaintextList::new(0u64, PlaintextCount(POLYNOMIAL_SIZE));
        decrypt_glwe_ciphertext(&ring_key, &rotated, &mut found);
        for (coefficient, found) in found.iter().enumerate() {
            // What the table holds there, once it has been turned: negated beyond its end.
            let place = (coefficient + turned as usize) % (2 * POLYNOMIAL_SIZE);
            let clear = rows_at(&rows, stride, place % POLYNOMIAL_SIZE);
            let clear = if place < POLYNOMIAL_SIZE {
                clear
            } else {
                clear.wrapping_neg()
            };
            let error = found.0.wrapping_sub(clear) as i64;
            results.push(error as f64 / 64f64.exp2());
            if coefficient % stride == 0 {
                let wanted = bit * rows[coefficient / stride];
                let error = (found.0.wrapping_sub(wanted) as i64).unsigned_abs();
                wrong += usize::from(error > rows[coefficient / stride] / 2);
            }
        }
    }
    Measured {
        switch_ms: least_and_median(switch_ms),
        bootstrap_ms: least_and_median(bootstrap_ms),
        key_bytes,
        decision_ratio: root_mean_square(&decisions) / setting.variance().sqrt(),
        result_std_log2: root_mean_square(&results).log2(),
        wrong,
    }
}

/// CPU time of this thread: what others run meanwhile does not count. Linux alone tells it.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}

fn rows_at(rows: &[u64], stride: usize, at: usize) -> u64 {
    if at % stride >= stride / 2 {
        rows[at / stride]
    } else {
        0
    }
}

fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt()
}

fn least_and_median(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2]]
}

fn main() {
    let bootstraps = std::env::args()
        .nth(1)
        .map_or(20, |text| text.parse().unwrap());
    println!(
        "{}; tfhe 1.8.2, N = {POLYNOMIAL_SIZE}, {bootstraps} bootstraps each; CPU ms: least, median\n",
        machine()
    );
    println!(
        "| n | key switch | bootstrap | slots | key switch ms | bootstrap ms | seeded keys, MB | p_fail of the decision | σ of it, measured/predicted | σ of the result | drowned rows |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for setting in &SETTINGS {
        let m = measure(setting, bootstraps);
        println!(
            "| {} | {:?} | {:?} | {} | {:.2}, {:.2} | {:.1}, {:.1} | {:.1} | 2^{:.0} | {:.2} | 2^{:.1} | {} |",
            setting.lwe_dimension,
            setting.switch,
            setting.bootstrap,
            setting.slots,
            m.switch_ms[0],
            m.switch_ms[1],
            m.bootstrap_ms[0],
            m.bootstrap_ms[1],
            m.key_bytes as f64 / 1e6,
            setting.p_fail_log2(),
            m.decision_ratio,
            m.result_std_log2,
            m.wrong
        );
    }
}
