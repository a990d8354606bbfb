//! The planner of networks: ring, gadgets and slots with the least time a user waits whose noise fits.

use alloc::rc::Rc;
use std::collections::HashMap;

use tenebra_circuit::{Options, QueryMode};
use tenebra_client::ValidGlwe;
use tenebra_client::branching::{BranchingLayout, MAX_DIGITS, Radix};
use tenebra_client::network::{NetworkLayout, ValidNetwork};
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget};

use super::cost::Work;
use super::form::NetworkForm;
use super::layers::{BitGadget, Bits, Layer, layers, readout_stride};
use super::noise::{LayerNoise, NetworkNoise, log2_sum, network_noise};
use crate::branching::digits::{DigitForm, cut, value_bits};
use crate::branching::plan::{Goal, sent_body_bits};
use crate::error::PlanError;
use crate::noise::{centred_switch_variance, p_fail_log2};

/// A network with parameters that keep it exact.
#[derive(Debug)]
pub(crate) struct NetworkPlan {
    pub(crate) layout: ValidNetwork,
    /// Of the bits that each layer but the last makes.
    pub(crate) gadgets: Vec<BitGadget>,
    pub(crate) p_fail_log2: f64,
    pub(crate) noise_variance: f64,
    pub(crate) noise: NetworkNoise,
    pub(crate) digits: DigitForm,
    pub(crate) bits: Bits,
    pub(crate) layers: Vec<Layer>,
}

impl NetworkPlan {
    /// Bytes of the encrypted bits of an evaluation, and of the ciphertexts that they are made of.
    pub(crate) fn working_bytes(&self) -> u64 {
        let plain = &self.layout.layout().branching;
        let columns = u64::from(plain.glwe.glwe_dimension) + 1;
        let glwe = columns * u64::from(plain.glwe.polynomial_size) * 8;
        let of_query = (plain.base_log, plain.level_count);
        let gadgets = core::iter::once(&of_query).chain(&self.gadgets);
        let counts = self
            .bits
            .stages
            .windows(2)
            .map(|ends| (ends[1] - ends[0]) as u64);
        let of_stages = counts.zip(gadgets).enumerate();
        let bytes = of_stages.map(|(stage, (bits, (_, levels)))| {
            let rows = bits * u64::from(*levels);
            let made = stage > 0 || self.layout.layout().packed_bits > 0;
            rows * columns * glwe + if made { rows * glwe } else { 0 }
        });
        bytes.sum()
    }
}

/// `(k, N)` of networks whose queries are direct and that have one hidden layer.
const SHALLOW_RINGS: [(u8, u16); 7] = [
    (3, 512),
    (4, 512),
    (2, 1024),
    (3, 1024),
    (1, 2048),
    (2, 2048),
    (1, 4096),
];

/// `(k, N)` of all others.
const RINGS: [(u8, u16); 2] = [(1, 2048), (1, 4096)];

/// Gadgets of the bits of direct queries.
const DIRECT_GADGETS: [BitGadget; 14] = [
    (23, 1),
    (17, 1),
    (12, 2),
    (15, 2),
    (9, 3),
    (12, 3),
    (8, 4),
    (10, 4),
    (8, 5),
    (7, 6),
    (8, 6),
    (6, 7),
    (5, 8),
    (4, 10),
];

/// Gadgets of bits that are made of a packed query.
const PACKED_GADGETS: [BitGadget; 14] = [
    (8, 2),
    (6, 3),
    (7, 3),
    (9, 3),
    (5, 4),
    (6, 4),
    (7, 4),
    (5, 5),
    (6, 5),
    (4, 6),
    (5, 6),
    (4, 7),
    (5, 7),
    (3, 8),
];

/// Gadgets of bits that are made of hidden neurons.
const HIDDEN_GADGETS: [BitGadget; 12] = [
    (6, 3),
    (8, 3),
    (5, 4),
    (6, 4),
    (7, 4),
    (5, 5),
    (6, 5),
    (7, 5),
    (4, 6),
    (5, 6),
    (4, 8),
    (3, 8),
];

/// Gadgets of key switches, the least noise first.
const SWITCH_GADGETS: [BitGadget; 6] = [(3, 17), (4, 13), (5, 10), (6, 8), (8, 6), (10, 4)];

/// The same for polynomials of 4096 coefficients, whose noise is far smaller.
const LARGE_SWITCH_GADGETS: [BitGadget; 5] = [(4, 14), (5, 11), (6, 9), (8, 6), (10, 4)];

/// Slots of a ciphertext of a packed query, as powers of 2.
const PACKED_LOG_SLOTS: core::ops::RangeInclusive<u32> = 3..=12;

/// Digits of up to so many bits are tried.
const MAX_RADIX_LOG: u8 = 24;

/// Parameters that may fit.
struct Candidate {
    cost_us: f64,
    layout: NetworkLayout,
    /// Which of the choices of gadgets.
    choice: usize,
}

/// Gadgets of the bits that layers make, and what follows from them.
struct Choice {
    gadgets: Vec<BitGadget>,
    work: Work,
    noise: Vec<Rc<LayerNoise>>,
}

/// What hangs on the size of polynomials alone.
struct Shape {
    digits: DigitForm,
    stride: usize,
}

/// A layout, its noise, the failure probability it reaches and the variance of a digit sum.
type Found = (ValidNetwork, NetworkNoise, f64, f64);

/// The cheapest plan that fits `p_fail`.
pub(crate) fn plan(
    form: &NetworkForm,
    options: &Options,
    goal: Goal,
) -> Result<NetworkPlan, PlanError> {
    if Bits::of(form).of_query() == 0 || form.readouts.is_empty() {
        return Err(PlanError::Empty {
            inputs: 0,
            outputs: form.outputs.outputs,
        });
    }
    let mut best: Option<(f64, NetworkPlan)> = None;
    let mut refused = None;
    for size in [512u16, 1024, 2048, 4096] {
        let limit = best.as_ref().map_or(f64::INFINITY, |(cost, _)| *cost);
        match Search::new(form, options, goal, size).and_then(|search| search.run(limit)) {
            Ok(found) => best = found.or(best),
            // What the largest ring says is what limits.
            Err(error) => refused = Some(error),
        }
    }
    match (best, refused) {
        (Some((_, plan)), _) => Ok(plan),
        (None, Some(error)) => Err(error),
        (None, None) => Err(NOT_QUERIED),
    }
}

const NOT_QUERIED: PlanError = PlanError::Unsupported {
    op: "packed queries of polynomials this small",
};

/// The plan of a given layout and radix, if it fits the network and its noise reaches `p_fail`.
pub(crate) fn check(
    form: &NetworkForm,
    layout: ValidNetwork,
    radix: Radix,
    p_fail: f64,
) -> Result<NetworkPlan, PlanError> {
    let mismatch = |what| PlanError::Layout { what };
    if radix.log > MAX_RADIX_LOG || radix.parts_log > 0 {
        return Err(mismatch("its radix is not one"));
    }
    let plain = layout.layout();
    let digits = cut(&form.outputs, radix);
    if digits.coefficients != plain.branching.coefficients as usize {
        return Err(mismatch("numbers of digit sums differ"));
    }
    if u32::from(plain.branching.plaintext_bits) < digits.plaintext_bits {
        return Err(mismatch("the digit sums need more bits"));
    }
    let size = layout.glwe().polynomial_size();
    if readout_stride(form, digits.coefficients, size)? != usize::from(plain.stride) {
        return Err(mismatch("its digit sums lie elsewhere"));
    }
    if Bits::of(form).of_query() != plain.branching.input_bits as usize {
        return Err(mismatch("numbers of input bits differ"));
    }
    let stride = plain.stride.into();
    let mut search = Search {
        form,
        options: &Options::default(),
        goal: Goal {
            p_fail_log2: p_fail,
            variance_factor: 1.0,
        },
        size: plain.branching.glwe.polynomial_size,
        shape: Shape { digits, stride },
        bits: Bits::of(form),
        choices: Vec::new(),
        refused: None,
    };
    search.choose()?;
    let of_choices = search.choices.iter().enumerate();
    let mut candidates: Vec<Candidate> = of_choices
        .map(|(index, choice)| search.candidate(*plain, index, &choice.work))
        .collect();
    candidates.sort_by(|a, b| a.cost_us.total_cmp(&b.cost_us));
    for candidate in candidates {
        if let Ok(found) = search.fit_exactly(layout, candidate.choice) {
            return search.plan(found, candidate.choice);
        }
    }
    Err(mismatch("its noise does not reach the failure probability"))
}

/// Digits with the fewest bits whose sums fit beside each other, and how far apart they lie.
fn shape(form: &NetworkForm, size: usize) -> Result<Shape, PlanError> {
    let widest = value_bits(&form.outputs).min(MAX_RADIX_LOG);
    let mut refused = None;
    for log in 1..=widest {
        let digits = cut(&form.outputs, Radix { log, parts_log: 0 });
        let mut outputs = digits.outputs.iter();
        if outputs.any(|output| output.count > MAX_DIGITS) {
            continue;
        }
        match readout_stride(form, digits.coefficients, size) {
            Ok(stride) => return Ok(Shape { digits, stride }),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or(PlanError::TooManyDigits {
        coefficients: form.outputs.outputs,
    }))
}

/// The search for parameters over polynomials of one size.
struct Search<'a> {
    form: &'a NetworkForm,
    options: &'a Options,
    goal: Goal,
    size: u16,
    shape: Shape,
    bits: Bits,
    choices: Vec<Choice>,
    /// Why a choice of gadgets is none.
    refused: Option<PlanError>,
}

impl<'a> Search<'a> {
    fn new(
        form: &'a NetworkForm,
        options: &'a Options,
        goal: Goal,
        size: u16,
    ) -> Result<Self, PlanError> {
        let mut search = Self {
            form,
            options,
            goal,
            size,
            shape: shape(form, size.into())?,
            bits: Bits::of(form),
            choices: Vec::new(),
            refused: None,
        };
        search.choose()?;
        Ok(search)
    }

    /// Layers whose bits are made.
    fn made(&self) -> usize {
        self.bits.stages.len() - 2
    }

    /// All gadgets of made bits whose slots fit.
    fn choose(&mut self) -> Result<(), PlanError> {
        let size = usize::from(self.size);
        let mut known: HashMap<(usize, Option<BitGadget>), Rc<LayerNoise>> = HashMap::new();
        for gadgets in combinations(self.made()) {
            let layers = match self.layers(&gadgets) {
                Ok(layers) => layers,
                Err(error) => {
                    self.refused = Some(error);
                    continue;
                }
            };
            let noise = layers.iter().enumerate().map(|(index, layer)| {
                let key = (index, gadgets.get(index).copied());
                let stage = |bit| self.bits.stage(bit);
                let noise = || Rc::new(LayerNoise::of(layer, stage, size));
                Rc::clone(known.entry(key).or_insert_with(noise))
            });
            self.choices.push(Choice {
                noise: noise.collect(),
                work: Work::of(&layers, &self.bits),
                gadgets,
            });
        }
        match &self.refused {
            Some(error) if self.choices.is_empty() => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn layers(&self, gadgets: &[BitGadget]) -> Result<Vec<Layer>, PlanError> {
        let Shape { digits, stride } = &self.shape;
        layers(self.form, digits, *stride, gadgets, self.size.into())
    }

    /// The cheapest plan that costs less than `limit`; `None` if every one that fits costs more.
    fn run(self, limit: f64) -> Result<Option<(f64, NetworkPlan)>, PlanError> {
        let mut candidates = Vec::new();
        let mut least = f64::INFINITY;
        for (index, choice) in self.choices.iter().enumerate() {
            for of_query in self.queries() {
                // Where the quietest keys do not fit, no others do.
                let quietest = self.with_keys(of_query, [0; 3]);
                match self.fit(quietest, index) {
                    Ok(_) => {}
                    Err(variance) => {
                        least = least.min(variance);
                        continue;
                    }
                }
                let layouts = self.key_choices(&of_query).into_iter();
                let layouts = layouts.map(|keys| self.with_keys(of_query, keys));
                candidates
                    .extend(layouts.map(|layout| self.candidate(layout, index, &choice.work)));
            }
        }
        if candidates.is_empty() {
            return if least.is_finite() {
                Err(self.too_noisy(least))
            } else {
                Ok(None)
            };
        }
        candidates.retain(|candidate| candidate.cost_us < limit);
        candidates.sort_by(|a, b| a.cost_us.total_cmp(&b.cost_us));
        for candidate in candidates {
            if let Ok(found) = self.fit(candidate.layout, candidate.choice) {
                let plan = self.plan(found, candidate.choice)?;
                return Ok(Some((candidate.cost_us, plan)));
            }
        }
        Ok(None)
    }

    fn candidate(&self, layout: NetworkLayout, choice: usize, work: &Work) -> Candidate {
        Candidate {
            cost_us: work.wait_us(&layout, &self.choices[choice].gadgets, self.options.threads),
            layout,
            choice,
        }
    }

    fn plan(self, found: Found, choice: usize) -> Result<NetworkPlan, PlanError> {
        let (layout, noise, p_fail_log2, noise_variance) = found;
        let gadgets = self.choices[choice].gadgets.clone();
        Ok(NetworkPlan {
            layers: self.layers(&gadgets)?,
            layout,
            gadgets,
            p_fail_log2,
            noise_variance,
            noise,
            digits: self.shape.digits,
            bits: self.bits,
        })
    }

    /// Layouts of all rings and queries, without keys.
    fn queries(&self) -> Vec<NetworkLayout> {
        let mut layouts = Vec::new();
        let deep = self.made() > 0;
        let direct = self.options.query != QueryMode::Packed;
        let packed = self.options.query != QueryMode::Direct;
        let rings = if deep {
            RINGS.as_slice()
        } else {
            SHALLOW_RINGS.as_slice()
        };
        for (k, _) in rings
            .iter()
            .filter(|(_, size)| direct && *size == self.size)
        {
            layouts.extend(
                DIRECT_GADGETS
                    .iter()
                    .filter_map(|gadget| self.layout(*k, *gadget, 0)),
            );
        }
        if packed && RINGS.contains(&(1, self.size)) {
            for gadget in PACKED_GADGETS {
                let mut last = 0;
                for log_slots in PACKED_LOG_SLOTS {
                    let slots = (1usize << log_slots).min(self.size.into());
                    let bits = (slots / usize::from(gadget.1)).min(self.bits.of_query());
                    if bits > core::mem::replace(&mut last, bits) {
                        layouts.extend(self.layout(1, gadget, bits));
                    }
                }
            }
        }
        layouts
    }

    fn layout(&self, k: u8, gadget: BitGadget, packed_bits: usize) -> Option<NetworkLayout> {
        let glwe = ValidGlwe::secure(k, self.size).ok()?;
        let (base_log, level_count) = gadget;
        let digits = &self.shape.digits;
        Some(NetworkLayout {
            branching: BranchingLayout {
                glwe: glwe.params(),
                base_log,
                level_count,
                body_bits: sent_body_bits(glwe),
                plaintext_bits: u8::try_from(digits.plaintext_bits).ok()?,
                response_bits: 64,
                input_bits: u32::try_from(self.bits.of_query()).ok()?,
                coefficients: u32::try_from(digits.coefficients).ok()?,
                packing: None,
            },
            stride: u16::try_from(self.shape.stride).ok()?,
            packed_bits: u16::try_from(packed_bits).ok()?,
            keys: None,
        })
    }

    /// Gadgets of the keys that are tried, by their index: of traces, of splits, of the scheme switch.
    fn key_choices(&self, layout: &NetworkLayout) -> Vec<[usize; 3]> {
        if layout.packed_bits == 0 && self.made() == 0 {
            return vec![[0; 3]];
        }
        let count = switch_gadgets(self.size).len();
        let choices = (0..count.pow(3)).map(|n| [n / count / count, n / count % count, n % count]);
        choices.collect()
    }

    fn with_keys(
        &self,
        layout: NetworkLayout,
        [trace, split, switch]: [usize; 3],
    ) -> NetworkLayout {
        if layout.packed_bits == 0 && self.made() == 0 {
            return layout;
        }
        let gadget = |index: usize| {
            let (base_log, level_count) = switch_gadgets(self.size)[index];
            SwitchGadget {
                base_log,
                level_count,
            }
        };
        let log_size = usize::from(self.size).ilog2() as usize;
        // Where traces end and splits begin differs from neuron to neuron: what is split anywhere has the gadget of splits.
        let splits_from = log_size - self.most_log_slots(&layout) as usize;
        let mut splits = [SwitchGadget::default(); MAX_SPLITS];
        for (t, of_split) in splits.iter_mut().enumerate().take(log_size) {
            *of_split = gadget(if t < splits_from { trace } else { split });
        }
        NetworkLayout {
            keys: Some(Packing {
                splits,
                scheme_switch: gadget(switch),
            }),
            ..layout
        }
    }

    /// log2 of the most slots of hidden neurons, and of ciphertexts of a packed query where they are fewer than half of them.
    fn most_log_slots(&self, layout: &NetworkLayout) -> u32 {
        let of_hidden = self.choices.iter().map(|choice| choice.work.most_log_slots);
        let slots = usize::from(layout.packed_bits) * usize::from(layout.branching.level_count);
        let of_query = slots.next_power_of_two().ilog2();
        of_hidden.max().unwrap_or(0).max(of_query)
    }

    /// The layout with the smallest response that reaches `p_fail`; the variance that does not, otherwise.
    fn fit(&self, layout: NetworkLayout, choice: usize) -> Result<Found, f64> {
        let refused = f64::INFINITY;
        let valid = layout.validate().map_err(|_| refused)?;
        let noise = self.noise(&valid, choice).ok_or(refused)?;
        let goal = self.goal.p_fail_log2;
        let p = layout.branching.plaintext_bits;
        let of_result = noise.result.times(self.goal.variance_factor);
        let coefficients = self.shape.digits.coefficients;
        // The variance alone refuses most at once.
        let variance = of_result.variance();
        if p_fail_log2(variance, p.into(), coefficients) > goal
            || of_result.p_fail_log2(p.into(), coefficients) > goal
        {
            return Err(variance);
        }
        for response_bits in p + 1..=64 {
            let switch = centred_switch_variance(valid.glwe(), response_bits.into());
            let reached = of_result.plus_normal(switch);
            let p_fail = reached.p_fail_log2(p.into(), coefficients);
            if log2_sum(p_fail, noise.excess_log2) <= goal {
                let mut narrow = layout;
                narrow.branching.response_bits = response_bits;
                let narrow = narrow.validate().map_err(|_| refused)?;
                let p_fail = log2_sum(p_fail, noise.excess_log2);
                return Ok((narrow, noise, p_fail, reached.variance()));
            }
        }
        Err(variance)
    }

    /// As [`fit`](Self::fit), for the response that the layout says.
    fn fit_exactly(&self, layout: ValidNetwork, choice: usize) -> Result<Found, f64> {
        let plain = layout.layout().branching;
        let noise = self.noise(&layout, choice).ok_or(f64::INFINITY)?;
        let switch = centred_switch_variance(layout.glwe(), plain.response_bits.into());
        let result = noise.result.plus_normal(switch);
        let coefficients = self.shape.digits.coefficients;
        let p_fail = result.p_fail_log2(plain.plaintext_bits.into(), coefficients);
        let p_fail = log2_sum(p_fail, noise.excess_log2);
        if p_fail > self.goal.p_fail_log2 {
            return Err(result.variance());
        }
        Ok((layout, noise, p_fail, result.variance()))
    }

    /// The noise, if clear tables are multiples of the last digits of the bits that turn them.
    fn noise(&self, layout: &ValidNetwork, choice: usize) -> Option<NetworkNoise> {
        let plain = layout.layout().branching;
        let Choice { gadgets, noise, .. } = &self.choices[choice];
        let of_query = (plain.base_log, plain.level_count);
        let stages = || core::iter::once(&of_query).chain(gadgets);
        let bits = |gadget: &BitGadget| u32::from(gadget.0) * u32::from(gadget.1);
        let tables = gadgets
            .iter()
            .map(bits)
            .chain([plain.plaintext_bits.into()]);
        if stages()
            .map(bits)
            .zip(tables)
            .any(|(digits, table)| digits < table)
        {
            return None;
        }
        let p = plain.plaintext_bits.into();
        network_noise(layout, gadgets, noise, p, self.goal.p_fail_log2)
    }

    /// Says how many bits fit, where the least noise has this variance.
    fn too_noisy(&self, variance: f64) -> PlanError {
        let needed_bits = self.shape.digits.plaintext_bits;
        let goal = self.goal.p_fail_log2;
        let coefficients = self.shape.digits.coefficients;
        let fits = |bits: &u32| p_fail_log2(variance, *bits, coefficients) <= goal;
        PlanError::OutputTooWide {
            needed_bits,
            fitting_bits: (1..needed_bits).rev().find(fits).unwrap_or(0),
            p_fail_log2: goal,
        }
    }
}

fn switch_gadgets(size: u16) -> &'static [BitGadget] {
    if size > 2048 {
        &LARGE_SWITCH_GADGETS
    } else {
        &SWITCH_GADGETS
    }
}

/// All gadgets of the bits that `made` layers make, whose digits get no finer from layer to layer.
fn combinations(made: usize) -> Vec<Vec<BitGadget>> {
    let bits = |gadget: &BitGadget| gadget.0 * gadget.1;
    (0..made).fold(vec![Vec::new()], |all, _| {
        let longer = all.iter().flat_map(|gadgets: &Vec<BitGadget>| {
            let last = gadgets.last().map_or(u8::MAX, bits);
            let next = HIDDEN_GADGETS
                .iter()
                .filter(move |gadget| bits(gadget) <= last);
            next.map(|gadget| [gadgets.as_slice(), &[*gadget]].concat())
        });
        longer.collect()
    })
}
