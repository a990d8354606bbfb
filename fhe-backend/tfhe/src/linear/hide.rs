//! Responses that hide the model: an encryption of zero under the client's public key is added to them, and noise to their
//! bodies, before the modulus is switched (`docs/hide-model.md`).

use sha2::{Digest, Sha256};
use tenebra_client::hiding::read_public_key;
use tenebra_client::linear::ValidLinear;
use tenebra_client::multiply::{ExactMultiplier, Limbs};
use tenebra_client::random::{MaskSeed, MaskStream, tuniform};
use zeroize::Zeroizing;

use super::flood;
use crate::error::EvaluateError;

/// A client's public key, prepared: `k` encryptions of zero for each plan.
#[derive(Debug)]
pub(crate) struct PublicKey {
    plans: Vec<PlanKey>,
}

impl PublicKey {
    /// Reads and transforms the sections of an evaluation key for these plans; `None` if the length of one is another.
    pub(crate) fn prepare<'p>(
        plans: impl Iterator<Item = &'p ValidLinear>,
        sections: &[&[u8]],
    ) -> Option<Self> {
        let prepare = |(layout, section): (&ValidLinear, &&[u8])| {
            let (seed, bodies) = read_public_key(layout, section)?;
            PlanKey::prepare(layout, seed, bodies)
        };
        let plans = plans.zip(sections).map(prepare).collect::<Option<_>>()?;
        Some(Self { plans })
    }

    pub(crate) fn of_plan(&self, plan: u8) -> Option<&PlanKey> {
        self.plans.get(usize::from(plan))
    }
}

/// The public key of one plan.
#[derive(Debug)]
pub(crate) struct PlanKey {
    multiplier: ExactMultiplier,
    /// Of each encryption of zero, its `k` masks and its body.
    zeros: Vec<Vec<Limbs>>,
    digest: [u8; 32],
}

impl PlanKey {
    /// `bodies` has 8 bytes for each of `k·N` coefficients.
    pub(crate) fn prepare(layout: &ValidLinear, seed: MaskSeed, bodies: &[u8]) -> Option<Self> {
        let (glwe, size) = (layout.glwe(), layout.glwe().polynomial_size());
        let multiplier = ExactMultiplier::new(size, glwe.dimension() as u64)?;
        let mut masks = MaskStream::new(seed);
        let mut words = vec![0; size];
        let zero = |bytes: &[u8]| {
            let mut polynomials = Vec::with_capacity(glwe.glwe_dimension() + 1);
            for _ in 0..glwe.glwe_dimension() {
                masks.fill(&mut words);
                polynomials.push(multiplier.limbs(&words));
            }
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            polynomials.push(multiplier.limbs(&words));
            polynomials
        };
        let zeros = bodies.chunks_exact(8 * size).map(zero).collect();
        let mut hash = Sha256::new();
        hash.update(seed.0);
        hash.update(bodies);
        Some(Self {
            multiplier,
            zeros,
            digest: hash.finalize().into(),
        })
    }
}

/// What one response is hidden with.
pub(crate) struct Hider<'k> {
    key: &'k PlanKey,
    layout: ValidLinear,
    /// `None` to measure the other noise.
    noise_bits: Option<u8>,
    /// Of the generator that also expands masks, under a seed that nobody knows.
    stream: MaskStream,
}

impl<'k> Hider<'k> {
    /// With 32 bytes of the system's generator, hashed with the key, the model and the query: should it repeat itself, two
    /// models do not get the same noise.
    pub(crate) fn new(
        key: &'k PlanKey,
        layout: &ValidLinear,
        noise_bits: Option<u8>,
        model: &[u8; 32],
        query: &[u8],
    ) -> Result<Self, EvaluateError> {
        let mut entropy = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *entropy).map_err(|_| EvaluateError::Randomness)?;
        let mut hash = Sha256::new();
        hash.update(b"tenebra hidden response");
        hash.update(*entropy);
        hash.update(key.digest);
        hash.update(model);
        hash.update(query);
        Ok(Self {
            key,
            layout: *layout,
            noise_bits,
            stream: MaskStream::new(MaskSeed(hash.finalize().into())),
        })
    }

    /// Hides one ciphertext of a response: its masks, and the bodies at these coefficients.
    pub(crate) fn hide(&mut self, masks: &mut [u64], bodies: &mut [u64], positions: &[usize]) {
        let (glwe, multiplier) = (self.layout.glwe(), &self.key.multiplier);
        let (size, noise_bound) = (glwe.polynomial_size(), glwe.noise_bound_log2());
        let mut sums = vec![multiplier.zero(); glwe.glwe_dimension() + 1];
        for zero in &self.key.zeros {
            let small = multiplier.weights(&binary(&mut self.stream, size));
            for (sum, polynomial) in sums.iter_mut().zip(zero) {
                multiplier.add_product(sum, polynomial, &small);
            }
        }
        let mut errors = Zeroizing::new(vec![0; size]);
        let mut sums = sums.into_iter();
        for (mask, sum) in masks.chunks_exact_mut(size).zip(sums.by_ref()) {
            self.stream.fill(&mut errors);
            let product = multiplier.finish(sum);
            for ((mask, product), error) in mask.iter_mut().zip(product).zip(&*errors) {
                let error = tuniform(*error, noise_bound);
                *mask = mask.wrapping_add(product).wrapping_add(error);
            }
        }
        let body = sums.next().map(|sum| multiplier.finish(sum));
        let body = body.unwrap_or_default();
        for (value, position) in bodies.iter_mut().zip(positions) {
            let noise = match self.noise_bits {
                Some(bits) => flood::draw(&mut self.stream, bits),
                None => 0,
            };
            *value = value.wrapping_add(body[*position]).wrapping_add(noise);
        }
    }
}

/// A uniform binary polynomial.
fn binary(stream: &mut MaskStream, size: usize) -> Zeroizing<Vec<i64>> {
    let mut words = Zeroizing::new(vec![0u64; size / 64]);
    stream.fill(&mut words);
    let bits = words
        .iter()
        .flat_map(|word| (0..64).map(move |bit| (word >> bit & 1).cast_signed()));
    Zeroizing::new(bits.collect())
}
