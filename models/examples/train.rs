//! A table becomes a model, the model integers, and the integers predictions: train, quantize, simulate.

use tenebra_models::data::{CsvSpec, read_csv};
use tenebra_models::{Estimator, QuantizeOptions, quantize};

/// Hours of study and of sleep, and whether the exam was passed.
const TABLE: &str = "hours,slept,passed\n1,5,no\n2,8,no\n3,6,no\n4,7,yes\n5,4,yes\n6,8,yes\n";

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let data = read_csv(TABLE.as_bytes(), &CsvSpec::with_target("passed"))?;
    let mut estimator = Estimator::new("LogisticRegression")?;
    estimator.set("C", "10")?;
    let model = estimator.fit(&data)?.model;

    // Integers of 8 bits, and the circuit that a server evaluates on encrypted codes.
    let quantized = quantize(&model, None, &QuantizeOptions::with_bits(8)?)?;

    for (row, class) in [([1.5, 6.0], "no"), ([5.5, 7.0], "yes")] {
        let codes = quantized.encode(&row)?.codes;
        // On clear integers here; `tenebra-tfhe` gets the same ones from ciphertexts.
        let prediction = quantized.decode(&tenebra_sim::run(quantized.circuit(), &codes)?)?;
        let of_floats = model.predict(&row)?;
        assert_eq!(prediction.class, of_floats.class);
        assert_eq!(quantized.readout.label(&prediction), Some(class));
    }
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn core::error::Error>> {
    main()
}
