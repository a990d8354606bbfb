//! `tenebra-circuit` and `tenebra-sim`: what a model answers on encrypted data, before there is a key or a server.

use tenebra_circuit::{CircuitBuilder, Interval, Matrix, verify};
use tenebra_sim::{SimError, Trace, run, run_traced};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    // y = 3·a - 2·b + 10 for two 4-bit codes.
    let mut builder = CircuitBuilder::new();
    let codes = builder.input("x", vec![Interval::new(0, 15); 2]);
    let y = builder.linear(codes, Matrix::dense(1, 2, vec![3, -2]), vec![10]);
    builder.output("y", y);
    let circuit = verify(&builder.finish())?;

    // The simulator's integers are those that any backend decrypts.
    let mut trace = Trace::new();
    for (row, want) in [([4, 5], 12), ([0, 15], -20), ([15, 0], 55)] {
        assert_eq!(run_traced(&circuit, &row, &mut trace)?, [want]);
    }
    // The range that the verifier computed is reached and not left.
    assert_eq!(circuit.output_ranges(), [Interval::new(-20, 55)]);
    assert_eq!(trace.largest(y), 55);

    // Codes that no client may send are refused here as they are there.
    assert!(matches!(
        run(&circuit, &[4, 16]),
        Err(SimError::CodeOutOfRange { .. })
    ));
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn core::error::Error>> {
    main()
}
