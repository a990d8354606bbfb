//! The door of `server.tnb`.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::LazyLock;

use proptest::prelude::*;
use tenebra_app::rows::{Columns, Rows};
use tenebra_app::{Codes, CompileOptions, Compiled, Error, ServerProgram, compile};
use tenebra_client::{ClientSpec, Frame, KeyTag, Kind, to_frame};
use tenebra_models::data::{CsvSpec, read_csv};
use tenebra_models::{Estimator, Model, QuantizeOptions, quantize};
use tenebra_tfhe::server_program::ProgramError;

const TRAIN: &str = include_str!("../../cli/data/breast_cancer_train.csv");

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let data = read_csv(TRAIN.as_bytes(), &CsvSpec::with_target("diagnosis")).unwrap();
    Estimator::new("LogisticRegression")
        .unwrap()
        .fit(&data)
        .unwrap()
        .model
});

static COMPILED: LazyLock<Compiled> =
    LazyLock::new(|| compile(&MODEL, None, &CompileOptions::default(), &mut |_, _| {}).unwrap());

/// The sections of the compiled model, unframed.
fn sections() -> Vec<Vec<u8>> {
    let mut rest = Frame::parse(&COMPILED.server, Kind::ServerProgram)
        .unwrap()
        .payload;
    let mut sections = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (section, after) = after.split_at(u64::from_le_bytes(*length).try_into().unwrap());
        sections.push(section.to_vec());
        rest = after;
    }
    sections
}

fn payload(sections: &[Vec<u8>]) -> Vec<u8> {
    let mut payload = Vec::new();
    for section in sections {
        payload.extend((section.len() as u64).to_le_bytes());
        payload.extend(section);
    }
    payload
}

/// Reads a payload framed as the compiled model's server program.
fn parse(payload: &[u8]) -> Result<ServerProgram, Error> {
    let spec_id = ClientSpec::parse(&COMPILED.client).unwrap().id();
    ServerProgram::parse(&to_frame(
        Kind::ServerProgram,
        spec_id,
        KeyTag::NONE,
        payload,
    ))
}

#[test]
fn reads_back() {
    let server = ServerProgram::parse(&COMPILED.server).unwrap();
    assert_eq!(server.client(), COMPILED.client);
    assert_eq!(server.model().unwrap(), None);
    assert_eq!(*server.report(), COMPILED.report);
    assert_eq!(sections().len(), 4);
    assert!(parse(&payload(&sections())).is_ok());
}

#[test]
fn every_section_is_checked() {
    let with = |at: usize, section: &[u8]| {
        let mut sections = sections();
        sections[at] = section.to_vec();
        parse(&payload(&sections)).unwrap_err()
    };
    let circuit = String::from_utf8(sections()[1].clone()).unwrap();
    let edit = |from: &str, to: &str| with(1, circuit.replacen(from, to, 1).as_bytes());
    assert!(matches!(
        with(0, b"TNBR"),
        Error::Program(ProgramError::Spec(_))
    ));
    assert!(matches!(
        with(1, b"\xff"),
        Error::Program(ProgramError::Malformed("circuit"))
    ));
    assert!(matches!(
        with(1, b"circuit v1"),
        Error::Program(ProgramError::Circuit(_))
    ));
    assert!(matches!(
        edit("linear", "lunar"),
        Error::Program(ProgramError::CircuitText(_))
    ));
    // Codes that the client may send and the circuit does not take.
    assert!(matches!(
        edit("[0, 255]", "[0, 254]"),
        Error::Program(ProgramError::Malformed("input ranges"))
    ));
    // Another bias: the client would decode another integer.
    let (before, bias) = circuit.split_once("bias [").unwrap();
    let (_, after) = bias.split_once(']').unwrap();
    let other_bias = with(1, format!("{before}bias [0]{after}").as_bytes());
    assert!(
        matches!(
            other_bias,
            Error::Program(ProgramError::Malformed("output ranges"))
        ),
        "{other_bias}"
    );
    assert!(matches!(
        with(3, b"{}"),
        Error::Program(ProgramError::Malformed("report"))
    ));
    let after = [payload(&sections()), vec![0]].concat();
    assert!(matches!(
        parse(&after),
        Err(Error::Program(ProgramError::Malformed("end")))
    ));
    let huge = [u64::MAX.to_le_bytes().as_slice(), b"x"].concat();
    assert!(matches!(
        parse(&huge),
        Err(Error::Program(ProgramError::Malformed("client spec")))
    ));
}

#[test]
fn the_client_codes_rows_as_the_model_was_verified_for() {
    let quantized = quantize(&MODEL, None, &QuantizeOptions::default()).unwrap();
    let spec = ClientSpec::parse(&COMPILED.client).unwrap();
    let data = read_csv(TRAIN.as_bytes(), &CsvSpec::with_target("diagnosis")).unwrap();
    let rows = Rows::new(data, &Columns::of_spec(&spec)).unwrap();
    let codes = Codes::of(&spec, &rows).unwrap();
    for (codes, row) in codes.rows().zip(rows.table.rows()) {
        assert_eq!(codes, quantized.encode(row).unwrap().codes);
    }
}

proptest! {
    #[test]
    fn truncated_payloads_are_refused(cut in 0usize..4000) {
        let whole = payload(&sections());
        prop_assert!(parse(&whole[..cut.min(whole.len() - 1)]).is_err());
    }

    /// Damage that the checksum does not show is refused, or harmless.
    #[test]
    fn changed_bytes_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = payload(&sections());
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(server) = parse(&bytes) {
            prop_assert!(server.evaluate(None, b"", 1).is_err());
        }
    }
}
