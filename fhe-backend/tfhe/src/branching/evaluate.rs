//! Evaluation of branching circuits, from the payload of a query to the payload of a response.

use rayon::prelude::*;
use tenebra_client::bits::BitReader;
use tenebra_client::branching::ValidBranching;
use tenebra_client::random::{MaskSeed, MaskStream};

use super::diagram::{Diagram, Group, Operand, Plain, Rotation, Sign, Step};
use super::kernel::{FourierGgsw, Kernel};
use super::plan::Gadget;
use crate::error::EvaluateError;
use crate::modulus::switch_modulus;

/// A GLWE: `k` masks, then the body, `N` words each.
type Glwe = Vec<u64>;

/// Evaluates the payload of a query. Independent parts run on the rayon pool that the caller is in.
pub(crate) fn evaluate(layout: &ValidBranching, diagram: &Diagram, payload: &[u8]) -> Result<Vec<u8>, EvaluateError> {
    let (seed, bodies) = layout.read_query(payload).ok_or(EvaluateError::Query)?;
    let gadget = Gadget::of(layout);
    let bits = expand(layout, gadget, seed, bodies);
    let run = Run { gadget, scale: 64 - u32::from(layout.layout().plaintext_bits), bits: &bits };
    let kernel = || Kernel::new(gadget);
    let slots: Vec<Glwe> =
        diagram.rotations.par_iter().map_init(kernel, |kernel, rotation| run.rotation(kernel, rotation)).collect();
    let mut sum = vec![0u64; gadget.glwe_len()];
    run.add_plain(&mut sum, &diagram.constant, Sign::Plus);
    let results: Vec<Glwe> =
        diagram.groups.par_iter().map_init(kernel, |kernel, group| run.group(kernel, group, &slots)).collect();
    for result in results {
        sum.iter_mut().zip(result).for_each(|(sum, value)| *sum = sum.wrapping_add(value));
    }
    Ok(respond(layout, &sum))
}

/// Expands every input bit into a Fourier GGSW.
fn expand(layout: &ValidBranching, gadget: Gadget, seed: MaskSeed, bodies: &[u8]) -> Vec<FourierGgsw> {
    let size = gadget.polynomial_size;
    let kept = u32::from(layout.layout().body_bits);
    let rows = layout.ggsw_rows();
    let mask_words = rows * gadget.glwe_dimension * size;
    // N is at least 64, so the bodies of a row fill whole bytes.
    let body_bytes = rows * size * kept as usize / 8;
    let expand_bit = |kernel: &mut Kernel, bit: usize| {
        let mut masks = MaskStream::at_word(seed, bit as u64 * mask_words as u64);
        let mut reader = BitReader::new(&bodies[bit * body_bytes..][..body_bytes]);
        let mut ggsw = kernel.empty_ggsw();
        let mut polynomial = vec![0u64; size];
        for row in 0..rows {
            let place = row * (gadget.glwe_dimension + 1);
            for column in 0..gadget.glwe_dimension {
                masks.fill(&mut polynomial);
                kernel.transform(&mut ggsw, place + column, &polynomial);
            }
            polynomial.fill_with(|| reader.read(kept) << (64 - kept));
            kernel.transform(&mut ggsw, place + gadget.glwe_dimension, &polynomial);
        }
        ggsw
    };
    let bits = (0..layout.layout().input_bits as usize).into_par_iter();
    bits.map_init(|| Kernel::new(gadget), expand_bit).collect()
}

/// Rounds a GLWE to the response's width and packs its masks and first coefficients.
fn respond(layout: &ValidBranching, glwe: &[u64]) -> Vec<u8> {
    let width = u32::from(layout.layout().response_bits);
    let mut response = vec![0; layout.response_len()];
    let mut writer = layout.start_response(&mut response);
    let kept = layout.glwe().dimension() + layout.layout().coefficients as usize;
    glwe[..kept].iter().for_each(|word| writer.write(switch_modulus(*word, width), width));
    writer.finish();
    response
}

/// What all steps of one evaluation read.
struct Run<'a> {
    gadget: Gadget,
    /// Clear values are multiples of `2^scale`.
    scale: u32,
    bits: &'a [FourierGgsw],
}

impl Run<'_> {
    fn rotation(&self, kernel: &mut Kernel, rotation: &Rotation) -> Glwe {
        let mut value = vec![0u64; self.gadget.glwe_len()];
        self.add_plain(&mut value, &rotation.table, Sign::Plus);
        for bit in 0..rotation.bits {
            let difference = kernel.difference();
            difference.fill(0);
            let shift = rotation.stride << bit;
            self.add_shifted(difference, &value, shift, Sign::Plus);
            difference.iter_mut().zip(&value).for_each(|(one, zero)| *one = one.wrapping_sub(*zero));
            kernel.add_product(&mut value, &self.bits[rotation.first_bit + bit], bit == 0);
        }
        value
    }

    fn group(&self, kernel: &mut Kernel, group: &Group, slots: &[Glwe]) -> Glwe {
        let mut registers = vec![vec![0u64; self.gadget.glwe_len()]; group.registers];
        for step in &group.steps {
            let (target, value) = match step {
                Step::Cmux { target, bit, zero, one } => {
                    let clear = matches!((zero, one), (Operand::Plain(_), Operand::Plain(_)));
                    let difference = kernel.difference();
                    difference.fill(0);
                    self.add(difference, one, Sign::Plus, &registers, slots);
                    self.add(difference, zero, Sign::Minus, &registers, slots);
                    // The target may be a register that an operand was in; operands are read by now but for `zero`.
                    let mut value = vec![0u64; self.gadget.glwe_len()];
                    self.add(&mut value, zero, Sign::Plus, &registers, slots);
                    kernel.add_product(&mut value, &self.bits[*bit], clear);
                    (*target, value)
                }
                Step::Sum { target, plain, terms } => {
                    let mut value = vec![0u64; self.gadget.glwe_len()];
                    self.add_plain(&mut value, plain, Sign::Plus);
                    for (sign, term) in terms {
                        self.add(&mut value, term, *sign, &registers, slots);
                    }
                    (*target, value)
                }
            };
            registers[target] = value;
        }
        let mut result = vec![0u64; self.gadget.glwe_len()];
        self.add(&mut result, &group.result, Sign::Plus, &registers, slots);
        result
    }

    fn add(&self, target: &mut [u64], operand: &Operand, sign: Sign, registers: &[Glwe], slots: &[Glwe]) {
        match operand {
            Operand::Plain(plain) => self.add_plain(target, plain, sign),
            Operand::Register { register, shift } => self.add_shifted(target, &registers[*register], *shift, sign),
            Operand::Slot { rotation, shift } => self.add_shifted(target, &slots[*rotation], *shift, sign),
        }
    }

    fn add_plain(&self, target: &mut [u64], plain: &Plain, sign: Sign) {
        let body = self.gadget.glwe_dimension * self.gadget.polynomial_size;
        for (coefficient, value) in plain {
            let word = value.cast_unsigned() << self.scale;
            let slot = &mut target[body + coefficient];
            *slot = if sign == Sign::Plus { slot.wrapping_add(word) } else { slot.wrapping_sub(word) };
        }
    }

    /// Adds `± X^(−shift)·glwe`: coefficient `shift` moves to 0, what falls below comes back negated at the top.
    fn add_shifted(&self, target: &mut [u64], glwe: &[u64], shift: usize, sign: Sign) {
        let size = self.gadget.polynomial_size;
        let polynomials = target.chunks_exact_mut(size).zip(glwe.chunks_exact(size));
        for (target, source) in polynomials {
            let (low, high) = source.split_at(shift);
            let (kept, wrapped) = target.split_at_mut(size - shift);
            if sign == Sign::Plus {
                kept.iter_mut().zip(high).for_each(|(t, s)| *t = t.wrapping_add(*s));
                wrapped.iter_mut().zip(low).for_each(|(t, s)| *t = t.wrapping_sub(*s));
            } else {
                kept.iter_mut().zip(high).for_each(|(t, s)| *t = t.wrapping_sub(*s));
                wrapped.iter_mut().zip(low).for_each(|(t, s)| *t = t.wrapping_add(*s));
            }
        }
    }
}
