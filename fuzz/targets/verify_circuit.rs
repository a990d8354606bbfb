//! The verifier takes any circuit; what it lets through runs without a panic, within the ranges it computed, and means the
//! same after every pass.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use tenebra_circuit::{
    Circuit, Interval, ValueId, Verified, generate, linear_form, passes, verify,
};
use tenebra_fuzz::tally;
use tenebra_sim::Trace;

fn check_run(circuit: &Verified, codes: &[i64]) {
    let mut trace = Trace::new();
    let outputs =
        tenebra_sim::run_traced(circuit, codes, &mut trace).expect("codes are within their ranges");
    for (value, range) in outputs.iter().zip(circuit.output_ranges()) {
        assert!(range.contains(*value), "output {value} outside of {range}");
    }
    for index in 0..circuit.circuit().ops.len() {
        let value =
            ValueId::new(u32::try_from(index).expect("a verified circuit is not that long"));
        let reach = |range: &Interval| range.min.unsigned_abs().max(range.max.unsigned_abs());
        let reach = circuit.ranges(value).iter().map(reach).max().unwrap_or(0);
        assert!(
            trace.largest(value) <= reach,
            "{value} reached {}, not {reach}",
            trace.largest(value)
        );
    }

    let simplified = passes::simplify(circuit);
    let kept: Vec<i64> = simplified
        .kept_inputs
        .iter()
        .map(|index| codes[*index])
        .collect();
    assert_eq!(
        tenebra_sim::run(&simplified.circuit, &kept).as_ref(),
        Ok(&outputs),
        "a pass changed the meaning"
    );

    if let Some(form) = linear_form(circuit) {
        for (row, output) in outputs.iter().enumerate() {
            let terms = form
                .weights
                .row(row)
                .map(|(column, weight)| weight.wrapping_mul(codes[column]));
            assert_eq!(
                terms.fold(form.bias[row], i64::wrapping_add),
                *output,
                "output {row} of the linear form"
            );
        }
    }
}

/// A circuit, if the verifier lets it through.
fn circuit(choices: &mut Unstructured<'_>) -> arbitrary::Result<Option<Verified>> {
    if choices.arbitrary()? {
        return Verified::arbitrary(choices).map(Some);
    }
    Ok(match verify(&Circuit::arbitrary(choices)?) {
        Ok(verified) => Some(verified),
        Err(errors) => {
            assert!(!errors.to_string().is_empty());
            None
        }
    })
}

fn check(choices: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let circuit = circuit(choices);
    tally::count("verifier", |tally| {
        tally.tried += 1;
        tally.valid += u64::from(matches!(circuit, Ok(Some(_))));
    });
    let Some(circuit) = circuit? else {
        return Ok(());
    };
    let ranges = circuit.input_ranges();
    check_run(
        &circuit,
        &ranges.iter().map(|range| range.min).collect::<Vec<_>>(),
    );
    check_run(
        &circuit,
        &ranges.iter().map(|range| range.max).collect::<Vec<_>>(),
    );
    let codes = generate::codes(choices, &circuit)?;
    check_run(&circuit, &codes);
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no circuit; that is no finding.
    let _ = check(&mut Unstructured::new(bytes));
});
