//! A model, its server and its client, by way of the files that they exchange.

use rand_chacha::ChaCha20Rng;
use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Options, Verified, verify};
use tenebra_client::{ClientKey, ClientSpec};
use tenebra_client::{OwnedScheme, OwnedSpec};
use tenebra_quant::Interface;
use tenebra_tfhe::{EvaluationKey, Program};

/// `y = W·x + b` for codes from 0 to 255.
pub(crate) fn circuit(weights: &[Vec<i64>], bias: &[i64]) -> Verified {
    let (outputs, features) = (weights.len(), weights[0].len());
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, 255); features]);
    let matrix = Matrix::dense(outputs, features, weights.concat());
    let y = builder.linear(x, matrix, bias.to_vec());
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

/// The client spec of a circuit that is planned like this.
pub(crate) fn spec(circuit: &Verified, scheme: OwnedScheme, p_fail_log2: f64) -> Vec<u8> {
    let ends = |range: Interval| (range.min, range.max);
    let inputs: Vec<_> = circuit.input_ranges().into_iter().map(ends).collect();
    let outputs: Vec<_> = circuit.output_ranges().into_iter().map(ends).collect();
    let spec = OwnedSpec {
        p_fail_log2,
        scheme,
        interface: Interface::of_codes(&inputs, &outputs).unwrap(),
    };
    spec.encode().unwrap()
}

/// A planned circuit with its client spec.
pub(crate) fn plan(circuit: &Verified, options: &Options) -> (Program, Vec<u8>) {
    let program = Program::prepare(circuit, options).unwrap();
    let spec = spec(circuit, program.spec_scheme(), options.p_fail_log2);
    (program, spec)
}

/// A key, and what the server needs of it.
pub(crate) fn keys(
    program: &Program,
    spec: &ClientSpec<'_>,
    rng: &mut ChaCha20Rng,
) -> (ClientKey, Option<EvaluationKey>) {
    let key = ClientKey::generate(spec, rng);
    let file = spec.evaluation_key_file(&key, rng).unwrap();
    assert_eq!(
        file.as_ref().map(Vec::len),
        program.evaluation_key_bytes(),
        "bytes of the evaluation key"
    );
    let prepared = file.map(|file| program.prepare_key(spec.id(), &file).unwrap());
    (key, prepared)
}
