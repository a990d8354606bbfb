//! The planner of networks: ring, gadgets and slots with the least time a user waits whose noise fits.

mod candidates;
mod keys;
mod refresh;
mod refusal;

use alloc::rc::Rc;
use std::collections::HashMap;

use tenebra_circuit::Options;
use tenebra_client::branching::{MAX_DIGITS, Radix};
use tenebra_client::network::{NetworkLayout, ValidNetwork};

use candidates::combinations;
use refresh::{KEY_MEGABYTES, Refresh};

use super::cost::Work;
use super::form::NetworkForm;
use super::layers::{BitGadget, Bits, Layer, layers, readout_stride};
use super::noise::{LayerNoise, NetworkNoise, log2_sum, network_noise};
use super::report::LayerFacts;
use crate::branching::digits::{DigitForm, cut, value_bits};
use crate::branching::goal::Goal;
use crate::branching::kernel::MAX_MASKS;
use crate::error::PlanError;
use crate::noise::{centred_switch_variance, p_fail_log2};

/// A network with parameters that keep it exact.
#[derive(Debug)]
pub(crate) struct NetworkPlan {
    pub(crate) layout: ValidNetwork,
    /// Of the bits that each layer but the last makes.
    pub(crate) gadgets: Vec<BitGadget>,
    /// Whether products are of rows in two limbs.
    pub(crate) exact: bool,
    pub(crate) p_fail_log2: f64,
    pub(crate) noise_variance: f64,
    pub(crate) noise: NetworkNoise,
    pub(crate) digits: DigitForm,
    pub(crate) bits: Bits,
    pub(crate) layers: Vec<Layer>,
    pub(crate) facts: Vec<LayerFacts>,
}

impl NetworkPlan {
    /// Bytes of the encrypted bits of an evaluation, and of the ciphertexts that those of a stage are made of.
    pub(crate) fn working_bytes(&self) -> u64 {
        let plain = &self.layout.layout().branching;
        let columns = u64::from(plain.glwe.glwe_dimension) + 1;
        let glwe = columns * u64::from(plain.glwe.polynomial_size) * 8;
        let limbs = if self.exact { 2 } else { 1 };
        let of_query = (plain.base_log, plain.level_count);
        let gadgets = core::iter::once(&of_query).chain(&self.gadgets);
        let stages = self.bits.stages.windows(2).zip(gadgets);
        let rows = stages.map(|(ends, (_, levels))| (ends[1] - ends[0]) * usize::from(*levels));
        let ggsws = rows.sum::<usize>() as u64 * columns * limbs;
        // One for two slots; those of one stage are overwritten by the next one's.
        let packed = self.layout.layout().packed_bits > 0;
        let pairs = |bits: usize, levels: u8| (bits * usize::from(levels)).div_ceil(2);
        let of_query = self.layout.packed_bits().filter(|_| packed);
        let of_query = of_query.map(|bits| pairs(bits, plain.level_count)).sum();
        let of_layers = self.layers.iter().zip(&self.gadgets);
        let of_layers = of_layers.map(|(layer, (_, levels))| {
            let hidden = layer.hidden.iter();
            hidden.map(|hidden| pairs(hidden.bits, *levels)).sum()
        });
        let most: usize = of_layers.fold(of_query, usize::max);
        (ggsws + most as u64) * glwe
    }
}

/// Noise grows by 16 to 20 bits a layer, of about 40 that there are.
const MAX_HIDDEN_LAYERS: usize = 3;

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
    if Bits::of(form).of_query() == 0 {
        return Err(PlanError::Empty {
            inputs: 0,
            outputs: form.outputs.outputs,
        });
    }
    let hidden_layers = Bits::of(form).stages.len() - 1;
    if hidden_layers > MAX_HIDDEN_LAYERS {
        return Err(too_deep(form, hidden_layers));
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

fn too_deep(form: &NetworkForm, hidden_layers: usize) -> PlanError {
    let refresh = Refresh::of(form, hidden_layers, MAX_HIDDEN_LAYERS);
    PlanError::TooDeep {
        hidden_layers,
        max: MAX_HIDDEN_LAYERS,
        refreshed_bits: refresh.bits,
        bootstrap_ms: refresh.milliseconds(),
        key_megabytes: KEY_MEGABYTES,
        layers: refresh.layers,
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
    if layout.glwe().glwe_dimension() > MAX_MASKS {
        return Err(mismatch(
            "its ciphertexts have more masks than are computed with",
        ));
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
    if Bits::of(form).stages.len() - 1 > MAX_HIDDEN_LAYERS {
        return Err(mismatch("it has too many layers"));
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
    let candidates = (0..search.choices.len()).map(|choice| search.candidate(*plain, choice));
    let mut candidates: Vec<Candidate> = candidates.collect();
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
            let noise: Vec<Rc<LayerNoise>> = noise.collect();
            let work = Work::of(&layers, &self.bits, false);
            // Exact products are worth their time where fresh noise is far below the error of transforms.
            let exact = (self.size > 2048).then_some(true);
            self.choices.extend(
                [Some(false), exact]
                    .into_iter()
                    .flatten()
                    .map(|exact| Choice {
                        gadgets: gadgets.clone(),
                        work: Work {
                            exact,
                            ..work.clone()
                        },
                        noise: noise.clone(),
                    }),
            );
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
        // By what they cost with the keys that cost least.
        let queries = self.queries();
        let mut groups: Vec<Candidate> = (0..self.choices.len())
            .flat_map(|choice| queries.iter().map(move |layout| (*layout, choice)))
            .map(|(layout, choice)| {
                let cheapest = self.with_cheapest_keys(layout);
                let cost_us = self.candidate(cheapest, choice).cost_us;
                Candidate {
                    cost_us,
                    layout,
                    choice,
                }
            })
            .collect();
        groups.sort_by(|a, b| a.cost_us.total_cmp(&b.cost_us));
        let mut best: Option<(f64, Found, usize)> = None;
        let (mut least, mut dearer) = (f64::INFINITY, groups.is_empty());
        for group in groups {
            let most = best.as_ref().map_or(limit, |(cost, ..)| *cost);
            if group.cost_us >= most {
                dearer = true;
                break;
            }
            // Where the quietest keys do not fit, no others do.
            let quietest = self.with_quietest_keys(group.layout);
            if let Err(variance) = self.fit(quietest, group.choice) {
                least = least.min(variance);
                continue;
            }
            match self.best_keys(&group, most) {
                Some(found) => best = Some(found),
                None => dearer = true,
            }
        }
        match best {
            Some((cost, found, choice)) => Ok(Some((cost, self.plan(found, choice)?))),
            None if dearer => Ok(None),
            None => Err(self.too_noisy(least)),
        }
    }

    /// The cheapest keys that fit, if they cost less than `most`.
    fn best_keys(&self, group: &Candidate, most: f64) -> Option<(f64, Found, usize)> {
        let ladder = self.ladder(group.layout, group.choice);
        let first = ladder.partition_point(|layout| self.quiet(*layout, group.choice).is_err());
        // Higher steps may leave less to the square of the key.
        let found = ladder[first..]
            .iter()
            .find_map(|layout| self.fit(*layout, group.choice).ok())?;
        let cost = self.candidate(*found.0.layout(), group.choice).cost_us;
        (cost < most).then_some((cost, found, group.choice))
    }

    fn candidate(&self, layout: NetworkLayout, choice: usize) -> Candidate {
        let Choice { gadgets, work, .. } = &self.choices[choice];
        Candidate {
            cost_us: work.cost(&layout, gadgets, self.options),
            layout,
            choice,
        }
    }

    fn plan(self, found: Found, choice: usize) -> Result<NetworkPlan, PlanError> {
        let (layout, noise, p_fail_log2, noise_variance) = found;
        let Choice { gadgets, work, .. } = &self.choices[choice];
        let (gadgets, exact) = (gadgets.clone(), work.exact);
        Ok(NetworkPlan {
            exact,
            layers: self.layers(&gadgets)?,
            facts: LayerFacts::of(self.form),
            layout,
            gadgets,
            p_fail_log2,
            noise_variance,
            noise,
            digits: self.shape.digits,
            bits: self.bits,
        })
    }

    /// The noise of a layout, if that alone leaves room for the switch of the response; its variance otherwise.
    fn quiet(
        &self,
        layout: NetworkLayout,
        choice: usize,
    ) -> Result<(ValidNetwork, NetworkNoise), f64> {
        let refused = f64::INFINITY;
        let valid = layout.validate().map_err(|_| refused)?;
        let noise = self.noise(&valid, choice).ok_or(refused)?;
        let goal = self.goal.p_fail_log2;
        let p = layout.branching.plaintext_bits.into();
        let of_result = noise.result.times(self.goal.variance_factor);
        let coefficients = self.shape.digits.coefficients;
        // The variance alone refuses most at once.
        let variance = of_result.variance();
        if p_fail_log2(variance, p, coefficients) > goal
            || of_result.p_fail_log2(p, coefficients) > goal
        {
            return Err(variance);
        }
        Ok((valid, noise))
    }

    /// The layout with the smallest response that reaches `p_fail`; the variance that does not, otherwise.
    fn fit(&self, layout: NetworkLayout, choice: usize) -> Result<Found, f64> {
        let (valid, noise) = self.quiet(layout, choice)?;
        let goal = self.goal.p_fail_log2;
        let of_result = noise.result.times(self.goal.variance_factor);
        let variance = of_result.variance();
        if noise.hangs_on_the_key(goal) {
            return Err(variance);
        }
        let p = layout.branching.plaintext_bits;
        let coefficients = self.shape.digits.coefficients;
        for response_bits in p + 1..=64 {
            let switch = centred_switch_variance(valid.glwe(), response_bits.into());
            let reached = of_result.plus_normal(switch);
            let p_fail = reached.p_fail_log2(p.into(), coefficients);
            if log2_sum(p_fail, noise.excess_log2) <= goal {
                let mut narrow = layout;
                narrow.branching.response_bits = response_bits;
                let narrow = narrow.validate().map_err(|_| f64::INFINITY)?;
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
        let goal = self.goal.p_fail_log2;
        if p_fail > goal || noise.hangs_on_the_key(goal) {
            return Err(result.variance());
        }
        Ok((layout, noise, p_fail, result.variance()))
    }

    /// The noise, if clear tables are multiples of the last digits of the bits that turn them.
    fn noise(&self, layout: &ValidNetwork, choice: usize) -> Option<NetworkNoise> {
        let plain = layout.layout().branching;
        let Choice {
            gadgets,
            work,
            noise,
        } = &self.choices[choice];
        if work.exact && plain.glwe.glwe_dimension > 1 {
            return None;
        }
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
        let made = (gadgets.as_slice(), work.exact);
        network_noise(layout, made, noise, p, self.goal.p_fail_log2)
    }
}

#[cfg(test)]
mod tests;
