//! Making a spec: the model owner's side.

use alloc::string::String;
use alloc::vec::Vec;

use tenebra_quant::Interface;

use super::{ClientSpec, DECISIONS, LINKS, READOUT_VERSION, SpecError, preprocessing, spec_id};
use crate::frame::{KeyTag, Kind, to_frame};
use crate::ports::codec;
use crate::scheme::OwnedScheme;

/// Most bytes of the name of a column, a class or an estimator.
pub const MAX_NAME_BYTES: usize = u8::MAX as usize;

/// A client spec in the making.
#[derive(Clone, Debug)]
pub struct OwnedSpec {
    /// log2 of the failure probability of one inference.
    pub p_fail_log2: f64,
    /// Parameters and layouts; what the planner gives.
    pub scheme: OwnedScheme,
    /// What the client must know of the model; names and words of at most [`MAX_NAME_BYTES`] each.
    pub interface: Interface,
}

impl OwnedSpec {
    /// The framed bytes of the spec, checked by reading them back.
    ///
    /// # Errors
    ///
    /// [`SpecError::Name`], or whatever [`ClientSpec::parse`] would say of it.
    pub fn encode(&self) -> Result<Vec<u8>, SpecError> {
        self.check_names()?;
        let payload = self.payload()?;
        ClientSpec::parse_payload(&payload)?;
        Ok(to_frame(
            Kind::ClientSpec,
            spec_id(&payload),
            KeyTag::NONE,
            &payload,
        ))
    }

    /// Strings stand behind a byte that holds their length. A name that was cut would match no column of a file.
    fn check_names(&self) -> Result<(), SpecError> {
        let estimator = core::slice::from_ref(&self.interface.estimator);
        for (what, names) in [
            ("column", self.interface.column_names.as_slice()),
            ("class", &self.interface.readout.classes),
            ("estimator", estimator),
        ] {
            for (number, name) in (1..).zip(names) {
                if name.len() > MAX_NAME_BYTES {
                    let len = name.len();
                    return Err(SpecError::Name { what, number, len });
                }
            }
        }
        Ok(())
    }

    fn payload(&self) -> Result<Vec<u8>, SpecError> {
        let interface = &self.interface;
        let mut out = Vec::new();
        out.extend(self.p_fail_log2.to_le_bytes());
        push_count(&mut out, interface.inputs.len());
        push_count(&mut out, interface.readout.outputs.len());
        let mut parameters = Vec::new();
        out.push(self.scheme.write(&mut parameters));
        push_count(&mut out, parameters.len());
        out.extend(parameters);
        push_count(&mut out, interface.columns);
        preprocessing::block(&mut out, &interface.steps);
        interface
            .inputs
            .iter()
            .for_each(|input| codec::write_input(&mut out, input));
        for output in &interface.readout.outputs {
            out.extend(output.min.to_le_bytes());
            out.extend(output.max.to_le_bytes());
            out.extend(output.scale.to_le_bytes());
            out.extend(output.offset.to_le_bytes());
        }
        out.push(READOUT_VERSION);
        out.push(code_of(&LINKS, &interface.readout.inverse_link));
        out.push(code_of(&DECISIONS, &interface.readout.decision));
        push_strings(&mut out, &interface.readout.classes);
        push_strings(&mut out, &interface.column_names);
        push_str(&mut out, &interface.estimator);
        if !interface.words.is_empty() {
            push_count(&mut out, interface.words.len());
        }
        for column in &interface.words {
            let bytes = column.words.iter().map(String::len).max().unwrap_or(0);
            if bytes > usize::from(MAX_STRING) {
                return Err(SpecError::Count {
                    what: "number of bytes of a category's word",
                    value: u32::try_from(bytes).unwrap_or(u32::MAX),
                    min: 0,
                    max: MAX_STRING.into(),
                });
            }
            push_count(&mut out, column.column);
            out.push(u8::from(column.others_are_missing));
            push_strings(&mut out, &column.words);
        }
        Ok(out)
    }
}

/// Most bytes of a string on the wire.
const MAX_STRING: u8 = u8::MAX;

fn push_count(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn push_strings(out: &mut Vec<u8>, strings: &[String]) {
    push_count(out, strings.len());
    strings.iter().for_each(|string| push_str(out, string));
}

/// No longer than [`MAX_NAME_BYTES`], which was checked.
fn push_str(out: &mut Vec<u8>, string: &str) {
    out.push(u8::try_from(string.len()).unwrap_or(u8::MAX));
    out.extend(string.as_bytes());
}

fn code_of<T: PartialEq>(table: &[T], value: &T) -> u8 {
    let code = table.iter().position(|entry| entry == value);
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenebra_quant::Readout;

    use crate::scheme::linear::OwnedLinear;
    use alloc::string::ToString;

    fn spec(columns: &[&str], classes: &[&str], estimator: &str) -> OwnedSpec {
        let bare = Interface::of_codes(&[], &[]).expect("there are no ranges");
        let strings = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        OwnedSpec {
            p_fail_log2: -128.0,
            scheme: OwnedScheme::Linear(OwnedLinear {
                plans: Vec::new(),
                hiding: None,
            }),
            interface: Interface {
                readout: Readout {
                    classes: strings(classes),
                    ..bare.readout
                },
                column_names: strings(columns),
                estimator: estimator.into(),
                ..bare
            },
        }
    }

    #[test]
    fn names_are_whole_or_refused() {
        let (long, longest) = ("é".repeat(128), "x".repeat(MAX_NAME_BYTES));
        let too_long = |what, number| {
            let len = 256;
            Err(SpecError::Name { what, number, len })
        };
        for (spec, expected) in [
            (spec(&["a", &longest], &[&longest], &longest), Ok(())),
            (spec(&["a", &long], &[], "e"), too_long("column", 2)),
            (spec(&[], &[&long], "e"), too_long("class", 1)),
            (spec(&["a"], &["b"], &long), too_long("estimator", 1)),
        ] {
            assert_eq!(spec.check_names(), expected);
            if let Err(error) = expected {
                assert_eq!(spec.encode(), Err(error));
            }
        }
    }
}
