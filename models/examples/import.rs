//! A model that scikit-learn trained and skl2onnx wrote: read, quantized on rows like those that will come, and simulated.

use tenebra_models::data::{CsvSpec, read_csv};
use tenebra_models::{QuantizeOptions, import, quantize};

/// `StandardScaler` and `LogisticRegression` for diabetes of Pima women, by seven measurements.
const MODEL: &[u8] = include_bytes!("../tests/data/onnx/scaled_logistic.onnx");

/// A few patients, whose ranges the codes have to cover.
const ROWS: &str = "npreg,glu,bp,skin,bmi,ped,age,type
5,86,68,28,30.2,0.364,24,0
7,195,70,33,25.1,0.163,55,1
5,77,82,41,35.8,0.156,35,0
0,165,76,43,47.9,0.259,26,0
0,107,60,25,26.4,0.133,23,0
";

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let model = import::read(MODEL, None)?; // the format is detected
    let calibration = read_csv(ROWS.as_bytes(), &CsvSpec::with_target("type"))?;
    let quantized = quantize(
        &model,
        Some(&calibration.table),
        &QuantizeOptions::with_bits(8)?,
    )?;

    let row = [7.0, 195.0, 70.0, 33.0, 25.1, 0.163, 55.0];
    let codes = quantized.encode(&row)?;
    let prediction = quantized.decode(&tenebra_sim::run(quantized.circuit(), &codes.codes)?)?;
    assert_eq!(codes.clipped, 0);
    assert_eq!(prediction.class, Some(1));
    // The probability that onnxruntime computes from the floats.
    let probability = prediction.values[prediction.values.len() - 1];
    assert!((probability - 0.8053).abs() < 0.02, "{probability}");
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn core::error::Error>> {
    main()
}
