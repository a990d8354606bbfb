//! What a spec says of the circuit's inputs and outputs, read again on demand from its bytes.

pub(crate) mod codec;

use tenebra_quant::Output;

use crate::cursor::Cursor;
use crate::spec::error::SpecError;

pub use codec::{Cuts, Input};

/// `count` records that were read once and are read again on demand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) count: u32,
    /// Bytes from its first to the end of the payload.
    from_end: usize,
    len: usize,
}

impl Section {
    /// Reads `count` records of a payload whose end is the cursor's.
    pub(crate) fn read<'a>(
        cursor: &mut Cursor<'a>,
        count: u32,
        what: &'static str,
        mut record: impl FnMut(&mut Cursor<'a>, u32) -> Result<(), SpecError>,
    ) -> Result<Self, SpecError> {
        let from_end = cursor.rest().len();
        for index in 0..count {
            record(cursor, index)?;
        }
        let len = from_end
            .checked_sub(cursor.rest().len())
            .ok_or(SpecError::Malformed(what))?;
        Ok(Self {
            count,
            from_end,
            len,
        })
    }

    pub(crate) fn bytes<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        let rest = payload.len().checked_sub(self.from_end);
        let rest = rest.and_then(|start| payload.get(start..));
        rest.and_then(|rest| rest.get(..self.len)).unwrap_or(&[])
    }

    pub(crate) fn strings<'a>(&self, payload: &'a [u8]) -> impl Iterator<Item = &'a str> + use<'a> {
        let (count, mut cursor) = (self.count, Cursor::new(self.bytes(payload)));
        (0..count).map_while(move |_| cursor.str())
    }
}

/// Where inputs and outputs stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PortSections {
    pub(crate) columns: u32,
    pub(crate) steps: Section,
    pub(crate) inputs: Section,
    pub(crate) outputs: Section,
}

/// Inputs and outputs of the circuit.
#[derive(Clone, Copy, Debug)]
pub struct Ports<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) sections: PortSections,
}

impl<'a> Ports<'a> {
    /// Codecs in the order of the circuit's inputs.
    pub fn inputs(self) -> impl Iterator<Item = Input<'a>> + Clone + use<'a> {
        let sections = self.sections;
        let count = sections.inputs.count;
        let values = sections.columns.saturating_add(sections.steps.count);
        let mut cursor = Cursor::new(self.sections.inputs.bytes(self.payload));
        // The section was read once by the door, so none of its records fails now.
        (0..count).map_while(move |index| codec::read_input(&mut cursor, index, values).ok())
    }

    /// The bits of all codes of whole rows, each code counted from the least of its input, lowest bit first.
    pub(crate) fn code_bits<'c>(
        self,
        codes: &'c [i64],
    ) -> impl Iterator<Item = bool> + Clone + use<'a, 'c> {
        self.inputs().cycle().zip(codes).flat_map(|(input, code)| {
            let offset = code.abs_diff(input.code_range().0);
            (0..input.bits()).map(move |bit| offset >> bit & 1 == 1)
        })
    }

    /// Scales and ranges of the outputs.
    pub fn outputs(self) -> impl Iterator<Item = Output> + use<'a> {
        let mut cursor = Cursor::new(self.sections.outputs.bytes(self.payload));
        let count = self.sections.outputs.count;
        (0..count).map_while(move |_| read_output(&mut cursor))
    }

    /// Output `index`, in constant time.
    #[must_use]
    pub fn output(self, index: usize) -> Option<Output> {
        let records = self.sections.outputs.bytes(self.payload);
        read_output(&mut Cursor::new(
            records.get(index.checked_mul(OUTPUT_LEN)?..)?,
        ))
    }

    /// Outputs of one row.
    #[must_use]
    pub fn output_count(self) -> usize {
        self.sections.outputs.count as usize
    }
}

/// Bytes of an output record.
const OUTPUT_LEN: usize = 32;

pub(crate) fn read_output(cursor: &mut Cursor<'_>) -> Option<Output> {
    Some(Output {
        min: cursor.i64()?,
        max: cursor.i64()?,
        scale: cursor.f64()?,
        offset: cursor.f64()?,
    })
}
