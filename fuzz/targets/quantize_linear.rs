//! Linear models of arbitrary shapes and sizes of coefficients: what is quantized verifies, runs, and decodes to finite scores
//! that leave the float model's by no more than the rounding of codes and weights explains.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use tenebra_fuzz::choose;
use tenebra_models::data::Table;
use tenebra_models::{
    LinearModel, LinearParts, Model, QuantizeError, QuantizeOptions, quantize,
};

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let (n_features, outputs) = (u.int_in_range(1..=5)?, u.int_in_range(1..=3)?);
    let small = |u: &mut Unstructured<'_>| Ok(f64::from(u.arbitrary::<i16>()?) / 256.0);
    let wild: bool = u.arbitrary()?;
    let value = |u: &mut Unstructured<'_>| if wild { choose::number(u) } else { small(u) };
    let line = |u: &mut Unstructured<'_>, len: usize| {
        (0..len).map(|_| value(u)).collect::<Result<Vec<f64>>>()
    };
    let model = LinearModel::new(LinearParts {
        n_features,
        coef: (0..outputs)
            .map(|_| line(u, n_features))
            .collect::<Result<_>>()?,
        intercept: line(u, outputs)?,
        ..LinearParts::regression("fuzzed")
    });
    let Ok(model) = model.map(Model::Linear) else {
        return Ok(());
    };
    let rows = u.int_in_range(1..=6)?;
    let values = line(u, rows * n_features)?;
    let columns = (0..n_features).map(|column| format!("x{column}")).collect();
    let Ok(table) = Table::new(columns, values) else {
        return Ok(());
    };
    let Ok(options) = QuantizeOptions::with_bits(u.int_in_range(2..=16)?) else {
        return Ok(());
    };
    let quantized = match quantize(&model, Some(&table), &options) {
        Ok(quantized) => quantized,
        Err(error @ QuantizeError::Circuit { .. }) => panic!("a quantized model verifies: {error}"),
        Err(_) => return Ok(()),
    };
    for row in table.rows() {
        let (Ok(want), Ok(codes)) = (model.predict(row), quantized.encode(row)) else {
            continue;
        };
        assert_eq!(
            codes.clipped, 0,
            "calibration rows are within their own range"
        );
        let integers =
            tenebra_sim::run(quantized.circuit(), &codes.codes).expect("codes are within their ranges");
        let got = quantized
            .decode(&integers)
            .expect("as many outputs as scores");
        assert!(
            wild || got.scores.iter().all(|score| score.is_finite()),
            "{:?} for {:?}",
            got.scores,
            want.scores
        );
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no model; that is no finding.
    let _ = check(&mut Unstructured::new(bytes));
});
