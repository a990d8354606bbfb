//! The neurons of a form as rotations, layer by layer, for a ring and gadgets.

use tenebra_client::packing::slot_place;

use super::form::{Code, Group, Hidden, Member, NetworkForm, Place, Sum};
use crate::branching::diagram::{Plain, Rotation, Turn, shift_plain};
use crate::branching::digits::DigitForm;
use crate::error::PlanError;

/// `(b, ℓ)` of the gadget of encrypted bits.
pub(crate) type BitGadget = (u8, u8);

/// Rotations that a thread turns together: each GGSW is read from memory once for all of them.
pub(super) const BLOCK: usize = 16;

/// Encrypted bits: those of the query, then those of the hidden neurons of each layer.
#[derive(Clone, Debug)]
pub(crate) struct Bits {
    /// First bit of each input.
    pub(crate) of_inputs: Vec<usize>,
    /// First bit of each hidden neuron.
    pub(crate) of_hidden: Vec<usize>,
    /// First bit of each stage: the query's, and what each layer makes; then the number of all.
    pub(crate) stages: Vec<usize>,
}

/// The rotations of a layer.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    /// Neurons whose codes are read by deeper ones, bit by bit in the order of [`Bits`].
    pub(crate) hidden: Vec<HiddenRotation>,
    /// Neurons that enter the outputs.
    pub(crate) readouts: Vec<Readouts>,
}

/// Rotations that are added up, and the turns that follow.
#[derive(Debug)]
pub(crate) struct Readouts {
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) shared: Vec<Turn>,
}

impl Layer {
    /// All turns of the rotations of the layer.
    pub(crate) fn turns(&self) -> impl Iterator<Item = &Turn> {
        let hidden = self.hidden.iter().map(|hidden| &hidden.rotation);
        let readouts = self.readouts.iter();
        let rotations = hidden.chain(readouts.clone().flat_map(|group| &group.rotations));
        let of_rotations = rotations.flat_map(|rotation| &rotation.turns);
        of_rotations.chain(readouts.flat_map(|group| &group.shared))
    }

    /// The bits that so many rotations, or groups of them, are turned by together.
    pub(crate) fn met_by_blocks(&self, of_block: usize) -> impl Iterator<Item = Vec<usize>> {
        let hidden = self.hidden.chunks(of_block);
        let hidden = hidden.map(|block| bits_of(block.iter().flat_map(|of| &of.rotation.turns)));
        let readouts = self.readouts.chunks(of_block);
        let rotations = readouts.clone().map(|block| {
            let rotations = block.iter().flat_map(|group| &group.rotations);
            bits_of(rotations.flat_map(|rotation| &rotation.turns))
        });
        let shared = readouts.map(|block| bits_of(block.iter().flat_map(|group| &group.shared)));
        hidden.chain(rotations).chain(shared)
    }
}

/// Each once.
fn bits_of<'a>(turns: impl Iterator<Item = &'a Turn>) -> Vec<usize> {
    let mut bits: Vec<usize> = turns.map(|turn| turn.bit).collect();
    bits.sort_unstable();
    bits.dedup();
    bits
}

/// A rotation whose slots hold the bits of a code, in multiples of `2^(64 − bℓ)` for the gadget of its bits.
#[derive(Debug)]
pub(crate) struct HiddenRotation {
    pub(crate) rotation: Rotation,
    /// log2 of the slots, used ones and others.
    pub(crate) log_slots: u32,
    /// Bits of the code.
    pub(crate) bits: usize,
}

impl Bits {
    pub(crate) fn of(form: &NetworkForm) -> Self {
        let mut next = 0;
        let mut take = |bits: u32| {
            let first = next;
            next += bits as usize;
            first
        };
        let of_inputs: Vec<usize> = form.input_bits.iter().map(|bits| take(*bits)).collect();
        let of_hidden: Vec<usize> = form.hidden.iter().map(|neuron| take(neuron.bits)).collect();
        let layers = form.hidden.last().map_or(0, |neuron| neuron.place.layer);
        let first_of_layer = (1..=layers).map(|layer| {
            let before = form
                .hidden
                .partition_point(|neuron| neuron.place.layer < layer);
            of_hidden[before]
        });
        let stages = core::iter::once(0).chain(first_of_layer).chain([next]);
        Self {
            stages: stages.collect(),
            of_inputs,
            of_hidden,
        }
    }

    /// Bits of all codes of the query.
    pub(crate) fn of_query(&self) -> usize {
        self.stages[1]
    }

    fn width_of_input(&self, input: usize) -> usize {
        let next = self.of_inputs.get(input + 1);
        next.unwrap_or(&self.stages[1]) - self.of_inputs[input]
    }

    fn width_of_hidden(&self, neuron: usize) -> usize {
        let next = self.of_hidden.get(neuron + 1).or(self.stages.last());
        next.unwrap_or(&0) - self.of_hidden[neuron]
    }

    /// The stage that a bit belongs to: 0 for the query's.
    pub(crate) fn stage(&self, bit: usize) -> usize {
        self.stages.partition_point(|first| *first <= bit) - 1
    }
}

/// Coefficients from one digit sum to the next, if all values of the widest sum that enters the outputs fit between them.
pub(crate) fn readout_stride(
    form: &NetworkForm,
    coefficients: usize,
    size: usize,
) -> Result<usize, PlanError> {
    let stride = size / coefficients.max(1);
    let widest = form.readouts.iter().max_by_key(|readout| readout.sum.span);
    match widest {
        Some(readout) if readout.sum.span >= stride as u64 => {
            Err(too_wide(form, &readout.sum, readout.place, stride))
        }
        _ => Ok(stride),
    }
}

fn too_wide(form: &NetworkForm, sum: &Sum, place: Place, fitting: usize) -> PlanError {
    let codes = sum.terms.iter().map(|(code, _)| largest(form, *code));
    PlanError::SumTooWide {
        layer: place.layer,
        neuron: place.neuron,
        weights: sum.terms.len(),
        largest_code: codes.max().unwrap_or(0),
        values: sum.span + 1,
        fitting: fitting as u64,
    }
}

fn largest(form: &NetworkForm, code: Code) -> u64 {
    let bits = match code {
        Code::Input(input) => form.input_bits[input],
        Code::Neuron(neuron) => form.hidden[neuron].bits,
    };
    (1 << bits) - 1
}

/// All layers. Digit sums lie `stride` coefficients apart; `gadgets` are those of the bits that each layer makes.
pub(crate) fn layers(
    form: &NetworkForm,
    digits: &DigitForm,
    stride: usize,
    gadgets: &[BitGadget],
    size: usize,
) -> Result<Vec<Layer>, PlanError> {
    let bits = Bits::of(form);
    let depth = form.readouts.iter().map(|readout| readout.place.layer);
    let mut layers: Vec<Layer> = Vec::new();
    layers.resize_with(depth.max().unwrap_or(0), Layer::default);
    for neuron in &form.hidden {
        let layer = neuron.place.layer - 1;
        let rotation = hidden_rotation(form, &bits, neuron, gadgets[layer], size)?;
        layers[layer].hidden.push(rotation);
    }
    for group in &form.groups {
        let readout = |member: &Member| readout(form, &bits, digits, group, *member, stride, size);
        let place = form.readouts[group.members[0].readout].place;
        layers[place.layer - 1].readouts.push(Readouts {
            rotations: group.members.iter().map(readout).collect(),
            shared: turns(&bits, &group.shared, size),
        });
    }
    Ok(layers)
}

/// A member of a group, but for what all of them share.
fn readout(
    form: &NetworkForm,
    bits: &Bits,
    digits: &DigitForm,
    group: &Group,
    member: Member,
    stride: usize,
    size: usize,
) -> Rotation {
    let sum = &form.readouts[member.readout].sum;
    let sum = if member.negated { &sum.negated() } else { sum };
    let rows = &digits.tables[member.readout].rows;
    let mut plain = Plain::new();
    for (at, digits) in rows.iter().enumerate() {
        let at = if member.negated {
            rows.len() - 1 - at
        } else {
            at
        };
        let values = digits
            .iter()
            .map(|(coefficient, digit)| (coefficient * stride + at, i64::from(*digit)));
        plain.extend(values);
    }
    let own = sum.terms.iter().filter(|term| !group.shared.contains(term));
    let own: Vec<(Code, i64)> = own.copied().collect();
    Rotation {
        table: turned(plain, sum, size),
        turns: turns(bits, &own, size),
    }
}

/// Slot `k·ℓ + j − 1`, at its place among the slots, holds bit `k` of the code at level `j`.
fn hidden_rotation(
    form: &NetworkForm,
    bits: &Bits,
    neuron: &Hidden,
    (base_log, level_count): BitGadget,
    size: usize,
) -> Result<HiddenRotation, PlanError> {
    let levels = usize::from(level_count);
    let slots = neuron.bits as usize * levels;
    let log_slots = slots.next_power_of_two().ilog2();
    let stride = size >> log_slots;
    if neuron.sum.span >= stride as u64 {
        return Err(too_wide(form, &neuron.sum, neuron.place, stride));
    }
    let mut table = Plain::new();
    for slot in 0..slots {
        let (bit, level) = (slot / levels, slot % levels);
        let value = 1i64 << (usize::from(base_log) * (levels - 1 - level));
        let ones = neuron.codes.iter().enumerate();
        let ones = ones.filter(|(_, code)| **code >> bit & 1 == 1);
        table.extend(ones.map(|(at, _)| (slot_place(slot, log_slots) * stride + at, value)));
    }
    Ok(HiddenRotation {
        rotation: Rotation {
            table: turned(table, &neuron.sum, size),
            turns: turns(bits, &neuron.sum.terms, size),
        },
        log_slots,
        bits: neuron.bits as usize,
    })
}

/// Each bit `i` of a code with the weight `w` takes the table `w·2^i` coefficients down; bits in order, those of the query first.
fn turns(bits: &Bits, terms: &[(Code, i64)], size: usize) -> Vec<Turn> {
    let order = 2 * size as i64;
    let mut turns: Vec<Turn> = Vec::new();
    for (code, weight) in terms {
        let (first, count) = match code {
            Code::Input(input) => (bits.of_inputs[*input], bits.width_of_input(*input)),
            Code::Neuron(neuron) => (bits.of_hidden[*neuron], bits.width_of_hidden(*neuron)),
        };
        turns.extend((0..count).map(|bit| {
            let shift = (weight << bit).rem_euclid(order).unsigned_abs();
            Turn {
                bit: first + bit,
                // Below 2N.
                shift: usize::try_from(shift).unwrap_or(0),
            }
        }));
    }
    turns.sort_by_key(|turn| turn.bit);
    turns
}

/// The table, `−least` coefficients down, so that the turns of all weights take it down by the value of the sum.
fn turned(table: Plain, sum: &Sum, size: usize) -> Plain {
    let down = usize::try_from(sum.least.unsigned_abs()).unwrap_or(0);
    shift_plain(&table, down, size)
}
