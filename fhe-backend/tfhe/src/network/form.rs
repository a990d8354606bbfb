//! A verified circuit as layers of neurons: tables of affine sums of codes, whose results are codes of the next layer, or digits of
//! the outputs.

mod affine;
mod share;

use std::collections::HashMap;

use tenebra_circuit::{Interval, Op, Table, Verified};

use affine::Affine;
use share::groups;
pub(crate) use share::{Group, Member};

use crate::branching::form::{BranchingForm, InputTable};
use crate::error::PlanError;

/// `outputs = bias + Σ tables(sums)`, where sums are of codes of inputs and of hidden neurons.
#[derive(Debug)]
pub(crate) struct NetworkForm {
    /// Bits of each input's code; inputs that nothing reads included.
    pub(crate) input_bits: Vec<u32>,
    /// Neurons whose codes others read, those that read no others first.
    pub(crate) hidden: Vec<Hidden>,
    /// Sums whose tables add up to the outputs, table by table of `outputs`.
    pub(crate) readouts: Vec<Readout>,
    /// The outputs as a form of one table a readout.
    pub(crate) outputs: BranchingForm,
    /// Readouts that are turned together.
    pub(crate) groups: Vec<Group>,
}

impl NetworkForm {
    /// Bits of a code.
    fn bits(&self, code: Code) -> u32 {
        match code {
            Code::Input(input) => self.input_bits[input],
            Code::Neuron(neuron) => self.hidden[neuron].bits,
        }
    }
}

/// A neuron whose code other neurons read.
#[derive(Debug)]
pub(crate) struct Hidden {
    pub(crate) sum: Sum,
    pub(crate) place: Place,
    /// Its code for each value of the sum, from 0.
    pub(crate) codes: Vec<u32>,
    /// Bits of its code.
    pub(crate) bits: u32,
}

/// A neuron that enters the outputs.
#[derive(Debug)]
pub(crate) struct Readout {
    pub(crate) sum: Sum,
    pub(crate) place: Place,
}

/// Where a neuron stands in the circuit, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// 1 for neurons that read inputs alone, one more than the deepest that it reads for others.
    pub(crate) layer: usize,
    /// Which element of its lookup it is.
    pub(crate) neuron: usize,
}

/// What a neuron reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Code {
    /// The code of an input, counted from 0.
    Input(usize),
    /// That of a neuron: of all that were found, and in the end of [`NetworkForm::hidden`].
    Neuron(usize),
}

/// `Σ weight·code − least`, from 0 to `span`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sum {
    /// Not zero, without a common factor; the first is positive.
    pub(crate) terms: Vec<(Code, i64)>,
    /// The least of `Σ weight·code`.
    pub(crate) least: i64,
    pub(crate) span: u64,
}

/// Most values of a sum: no ring has more coefficients.
pub(crate) const MAX_SUM: u64 = 1 << 12;

/// A neuron as it is found.
struct Neuron {
    sum: Sum,
    place: Place,
    /// Its code for each value of the sum.
    codes: Vec<u32>,
}

/// The form of `circuit`: affine maps and lookups.
pub(crate) fn network_form(circuit: &Verified) -> Result<NetworkForm, PlanError> {
    let mut builder = Builder::new(circuit);
    let mut values: Vec<Vec<Affine>> = Vec::new();
    for (index, op) in circuit.circuit().ops.iter().enumerate() {
        let value = builder.value(op, &values)?;
        debug_assert_eq!(values.len(), index, "one value an operation");
        values.push(value);
    }
    let outputs = circuit.circuit().outputs.iter();
    let outputs: Vec<&Affine> = outputs
        .flat_map(|output| &values[output.value.index()])
        .collect();
    builder.finish(&outputs)
}

struct Builder {
    ranges: Vec<Interval>,
    next_input: usize,
    neurons: Vec<Neuron>,
    /// Neurons by what they sum up and their codes.
    known: HashMap<(Sum, Vec<u32>), usize>,
}

impl Builder {
    fn new(circuit: &Verified) -> Self {
        Self {
            ranges: circuit.input_ranges(),
            next_input: 0,
            neurons: Vec::new(),
            known: HashMap::new(),
        }
    }

    fn value(&mut self, op: &Op, values: &[Vec<Affine>]) -> Result<Vec<Affine>, PlanError> {
        let of = |value: &tenebra_circuit::ValueId| &values[value.index()];
        let pairs = |left, right| of(left).iter().zip(of(right));
        Ok(match op {
            Op::Input(port) => {
                let first = self.next_input;
                self.next_input += port.ranges.len();
                let codes = (first..).zip(&port.ranges);
                codes
                    .map(|(input, range)| self.input(input, *range))
                    .collect()
            }
            Op::Linear {
                input,
                weights,
                bias,
            } => {
                let row = |(row, bias): (usize, &i64)| {
                    Affine::combination(*bias, weights.row(row).map(|(at, w)| (&of(input)[at], w)))
                };
                bias.iter().enumerate().map(row).collect::<Result<_, _>>()?
            }
            Op::Add { left, right } => pairs(left, right)
                .map(|(a, b)| Affine::combination(0, [(a, 1), (b, 1)]))
                .collect::<Result<_, _>>()?,
            Op::Sub { left, right } => pairs(left, right)
                .map(|(a, b)| Affine::combination(0, [(a, 1), (b, -1)]))
                .collect::<Result<_, _>>()?,
            Op::Neg { input } => of(input)
                .iter()
                .map(|a| Affine::combination(0, [(a, -1)]))
                .collect::<Result<_, _>>()?,
            Op::Concat { inputs } => inputs.iter().flat_map(of).cloned().collect(),
            Op::Slice { input, start, len } => of(input)[*start..*start + *len].to_vec(),
            Op::Lookup { input, tables } => {
                let looked_up = of(input).iter().zip(tables).enumerate();
                looked_up
                    .map(|(element, (sum, table))| self.lookup(element, sum, table))
                    .collect::<Result<_, _>>()?
            }
            Op::Forest { .. } => {
                return Err(PlanError::Unsupported {
                    op: "a forest beside neurons",
                });
            }
        })
    }

    fn input(&self, input: usize, range: Interval) -> Affine {
        if range.is_constant() {
            return Affine::constant(range.min);
        }
        Affine::code(Code::Input(input), range.min, 1)
    }

    /// The largest value of a code.
    fn largest(&self, code: Code) -> i64 {
        match code {
            Code::Input(input) => {
                let range = self.ranges[input];
                range.max.wrapping_sub(range.min)
            }
            Code::Neuron(neuron) => {
                let codes = self.neurons[neuron].codes.iter();
                i64::from(codes.copied().max().unwrap_or(0))
            }
        }
    }

    fn layer(&self, sum: &Sum) -> usize {
        let below = sum.terms.iter().map(|(code, _)| match code {
            Code::Input(_) => 0,
            Code::Neuron(neuron) => self.neurons[*neuron].place.layer,
        });
        1 + below.max().unwrap_or(0)
    }

    /// `affine = constant + unit·(sum + sum.least)` without the common factor of its weights, `unit` of any sign.
    fn sum(&self, affine: &Affine) -> Result<(Sum, i64), PlanError> {
        let unit = affine.common_factor();
        let terms: Vec<(Code, i64)> = affine
            .terms()
            .map(|(code, weight)| Some((code, weight.checked_div(unit)?)))
            .collect::<Option<_>>()
            .ok_or(TOO_LARGE)?;
        let (mut least, mut most) = (0i64, 0i64);
        for (code, weight) in &terms {
            let end = weight.checked_mul(self.largest(*code)).ok_or(TOO_LARGE)?;
            let side = if end < 0 { &mut least } else { &mut most };
            *side = side.checked_add(end).ok_or(TOO_LARGE)?;
        }
        let span = most.abs_diff(least);
        Ok((Sum { terms, least, span }, unit))
    }

    fn lookup(
        &mut self,
        element: usize,
        affine: &Affine,
        table: &Table,
    ) -> Result<Affine, PlanError> {
        let outside = PlanError::Unsupported {
            op: "a lookup whose table does not cover its operand",
        };
        if affine.is_constant() {
            let value = table.value(affine.constant_term());
            return value.map(Affine::constant).ok_or(outside);
        }
        if let Some((neuron, weight)) = affine.only_neuron() {
            // A function of one neuron's code is one of its sum.
            let Neuron { sum, place, codes } = &self.neurons[neuron];
            let (sum, place) = (sum.clone(), *place);
            let values = codes.iter().map(|code| {
                let value = weight.checked_mul(i64::from(*code))?;
                table.value(value.checked_add(affine.constant_term())?)
            });
            let values = values.collect::<Option<_>>().ok_or(outside)?;
            return self.neuron(sum, place, values);
        }
        let (sum, unit) = self.sum(affine)?;
        let place = Place {
            layer: self.layer(&sum),
            neuron: element,
        };
        check_span(&sum, place, self.largest_of(&sum))?;
        let first = unit
            .checked_mul(sum.least)
            .and_then(|least| least.checked_add(affine.constant_term()))
            .ok_or(TOO_LARGE)?;
        let values = (0..=sum.span.cast_signed()).map(|at| {
            let value = unit.checked_mul(at).and_then(|at| at.checked_add(first));
            value.and_then(|value| table.value(value))
        });
        let values: Vec<i64> = values.collect::<Option<_>>().ok_or(outside)?;
        self.neuron(sum, place, values)
    }

    /// The largest code that a sum reads, for messages.
    fn largest_of(&self, sum: &Sum) -> u64 {
        let codes = sum.terms.iter().map(|(code, _)| self.largest(*code));
        codes.max().unwrap_or(0).unsigned_abs()
    }

    /// The neuron with these values, which is no neuron if they are all the same, or affine in one code.
    fn neuron(&mut self, sum: Sum, place: Place, values: Vec<i64>) -> Result<Affine, PlanError> {
        let base = values.iter().copied().min().unwrap_or(0);
        let unit = values
            .iter()
            .fold(0, |unit, value| gcd(unit, value.abs_diff(base)));
        let unit = i64::try_from(unit).map_err(|_| TOO_LARGE)?;
        if unit == 0 {
            return Ok(Affine::constant(base));
        }
        let step = values[1].wrapping_sub(values[0]);
        if let [(code, weight)] = sum.terms.as_slice()
            && values
                .windows(2)
                .all(|pair| pair[1].wrapping_sub(pair[0]) == step)
        {
            // weight is 1: a common factor was taken away.
            debug_assert_eq!(*weight, 1);
            return Ok(Affine::code(*code, values[0], step));
        }
        let codes = values
            .iter()
            .map(|value| value.abs_diff(base) / unit.unsigned_abs());
        let codes: Vec<u32> = codes
            .map(u32::try_from)
            .collect::<Result<_, _>>()
            .map_err(|_| TOO_LARGE)?;
        let next = self.neurons.len();
        let index = *self
            .known
            .entry((sum.clone(), codes.clone()))
            .or_insert(next);
        if index == next {
            self.neurons.push(Neuron { sum, place, codes });
        }
        Ok(Affine::code(Code::Neuron(index), base, unit))
    }

    /// Keeps what the outputs read: as hidden neurons what others read, as tables what enters the outputs.
    fn finish(self, outputs: &[&Affine]) -> Result<NetworkForm, PlanError> {
        let mut form = BranchingForm {
            input_bits: self.ranges.iter().map(|range| range.bits()).collect(),
            outputs: outputs.len(),
            bias: outputs
                .iter()
                .map(|output| output.constant_term())
                .collect(),
            trees: Vec::new(),
            tables: Vec::new(),
            joints: Vec::new(),
        };
        let readouts = self.readouts(outputs, &mut form)?;
        let mut read = vec![false; self.neurons.len()];
        let of_readouts = readouts.iter().flat_map(|readout| &readout.sum.terms);
        mark(&mut read, of_readouts);
        for index in (0..self.neurons.len()).rev() {
            if read[index] {
                mark(&mut read, &self.neurons[index].sum.terms);
            }
        }
        let order = Order::new(&self.neurons, &read);
        let hidden = order.old.iter().map(|index| {
            let neuron = &self.neurons[*index];
            let most = neuron.codes.iter().copied().max().unwrap_or(0);
            Hidden {
                sum: order.renamed(&neuron.sum),
                place: neuron.place,
                codes: neuron.codes.clone(),
                bits: u32::BITS - most.leading_zeros(),
            }
        });
        let readouts = readouts.iter().map(|readout| Readout {
            sum: order.renamed(&readout.sum),
            place: readout.place,
        });
        let mut form = NetworkForm {
            input_bits: form.input_bits.clone(),
            hidden: hidden.collect(),
            readouts: readouts.collect(),
            outputs: form,
            groups: Vec::new(),
        };
        form.groups = groups(&form);
        Ok(form)
    }

    /// A table for each sum that enters the outputs: those of equal sums are added up.
    fn readouts(
        &self,
        outputs: &[&Affine],
        form: &mut BranchingForm,
    ) -> Result<Vec<Readout>, PlanError> {
        let mut readouts: Vec<Readout> = Vec::new();
        let mut tables: HashMap<Sum, usize> = HashMap::new();
        for (output, affine) in outputs.iter().enumerate() {
            for (code, weight) in affine.terms() {
                let (sum, place, values) = self.enters(code)?;
                let next = readouts.len();
                let index = *tables.entry(sum.clone()).or_insert(next);
                if index == next {
                    let rows = (0..=sum.span).map(|_| vec![0; outputs.len()]).collect();
                    readouts.push(Readout { sum, place });
                    form.tables.push(InputTable { input: index, rows });
                }
                for (value, row) in values.iter().zip(&mut form.tables[index].rows) {
                    let entry = weight.checked_mul(*value).ok_or(TOO_LARGE)?;
                    row[output] = row[output].checked_add(entry).ok_or(TOO_LARGE)?;
                }
            }
        }
        Ok(readouts)
    }

    /// The sum behind a code that enters outputs, and the code for each of its values.
    fn enters(&self, code: Code) -> Result<(Sum, Place, Vec<i64>), PlanError> {
        Ok(match code {
            Code::Input(_) => {
                let sum = Sum {
                    terms: vec![(code, 1)],
                    least: 0,
                    span: self.largest(code).unsigned_abs(),
                };
                let (layer, neuron) = (1, 0);
                let place = Place { layer, neuron };
                check_span(&sum, place, sum.span)?;
                let values = (0..=self.largest(code)).collect();
                (sum, place, values)
            }
            Code::Neuron(index) => {
                let neuron = &self.neurons[index];
                let values = neuron.codes.iter().map(|code| i64::from(*code));
                (neuron.sum.clone(), neuron.place, values.collect())
            }
        })
    }
}

/// Neurons that are kept, layer by layer.
struct Order {
    old: Vec<usize>,
    new: Vec<usize>,
}

impl Order {
    fn new(neurons: &[Neuron], kept: &[bool]) -> Self {
        let mut old: Vec<usize> = (0..neurons.len()).filter(|index| kept[*index]).collect();
        old.sort_by_key(|index| neurons[*index].place.layer);
        let mut new = vec![0; neurons.len()];
        for (to, from) in old.iter().enumerate() {
            new[*from] = to;
        }
        Self { old, new }
    }

    fn renamed(&self, sum: &Sum) -> Sum {
        let mut terms = sum.terms.clone();
        for (code, _) in &mut terms {
            if let Code::Neuron(index) = code {
                *index = self.new[*index];
            }
        }
        terms.sort_unstable();
        Sum { terms, ..*sum }
    }
}

fn mark<'a>(read: &mut [bool], terms: impl IntoIterator<Item = &'a (Code, i64)>) {
    for (code, _) in terms {
        if let Code::Neuron(index) = code {
            read[*index] = true;
        }
    }
}

/// Refuses sums that no ring could hold, before a table of their values is made.
fn check_span(sum: &Sum, place: Place, largest_code: u64) -> Result<(), PlanError> {
    if sum.span < MAX_SUM {
        return Ok(());
    }
    Err(PlanError::SumTooWide {
        layer: place.layer,
        neuron: place.neuron,
        weights: sum.terms.len(),
        largest_code,
        values: sum.span.saturating_add(1),
        fitting: MAX_SUM,
    })
}

const TOO_LARGE: PlanError = PlanError::Unsupported {
    op: "sums or tables that do not fit 64 bits",
};

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
