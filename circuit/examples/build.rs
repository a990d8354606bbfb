//! An integer program in its text form, through the verifier, and made smaller by the passes; a program that is wrong.

use tenebra_circuit::{Circuit, Interval, passes, verify};

/// A tree over three codes, whose second root is never reached and whose third code nothing depends on.
const TEXT: &str = "circuit v1
%0 = input x: [0, 7]^2, [0, 3]
%1 = forest %0, outputs 1, bias [1], [
  [
    0: if x[0] < 4 then 1 else 2,
    1: [5],
    2: if x[0] < 2 then 3 else 4,
    3: [-5],
    4: if x[1] < 6 then 5 else 6,
    5: [2],
    6: [3],
  ],
]
output score: %1
";

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let circuit: Circuit = TEXT.parse()?;
    let verified = verify(&circuit)?;
    // Bit widths are facts: the leaf of -5 cannot be reached.
    assert_eq!(verified.output_ranges(), [Interval::new(3, 6)]);

    let simplified = passes::simplify(&verified);
    assert_eq!(simplified.kept_inputs, [0, 1]);
    assert_eq!(simplified.circuit.output_ranges(), [Interval::new(3, 6)]);
    assert!(!simplified.circuit.circuit().to_string().contains("[-5]"));

    let wrong: Circuit = TEXT.replace("x[1]", "x[7]").parse()?;
    let errors = verify(&wrong).expect_err("there is no code 7");
    assert!(errors.to_string().contains('7'), "{errors}");
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn core::error::Error>> {
    main()
}
