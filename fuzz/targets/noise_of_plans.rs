//! A search for plans that are noisier than predicted: of any circuit that is planned, the phases of a few queries are compared
//! with the prediction, and of those that look noisier the phases of many.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_circuit::{Options, QueryMode, Verified, generate};
use tenebra_fuzz::{decisions, tally};
use tenebra_tfhe::Program;
use tenebra_tfhe::measure::{Defect, Measure, Measurement};

/// Queries of every plan, and of those that look noisier.
const QUERIES: [usize; 2] = [4, 256];

fn defects(
    program: &Program,
    circuit: &Verified,
    queries: usize,
    rng: &mut ChaCha20Rng,
) -> Vec<(Defect, Measurement)> {
    let mut measure = Measure {
        queries: Some(queries),
        expected: &|codes| tenebra_sim::run(circuit, codes).ok(),
        rng,
        progress: &mut |_, _| {},
    };
    let measured = program.measure(&mut measure).expect("it has a client spec");
    let defect = |measurement: Measurement| Some((measurement.defect()?, measurement));
    measured.into_iter().filter_map(defect).collect()
}

fn check(choices: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let query = *choices.choose(&[QueryMode::Direct, QueryMode::Packed])?;
    let mut rng = ChaCha20Rng::from_seed(choices.arbitrary()?);
    let limits = decisions::limits(choices)?;
    let circuit = generate::circuit(choices, &limits);
    let options = Options {
        query,
        ..Options::default()
    };
    let name = match query {
        QueryMode::Packed => "packed",
        _ => "direct",
    };
    let planned = tally::count(name, |tally| {
        let Ok(circuit) = &circuit else {
            tally.invalid();
            return None;
        };
        let program = Program::prepare(circuit, &options).ok();
        // What is compared is the noise of queries.
        let rows = program.as_ref().map_or(0, |_| QUERIES[0] as u64);
        tally.tried += 1;
        tally.valid += 1;
        tally.declined += u64::from(program.is_none());
        tally.compared += rows;
        program
    });
    let circuit = circuit?;
    let Some(program) = planned else {
        return Ok(());
    };
    let looks_noisier = !defects(&program, &circuit, QUERIES[0], &mut rng).is_empty();
    if looks_noisier {
        let found = defects(&program, &circuit, QUERIES[1], &mut rng);
        assert!(found.is_empty(), "{found:?} of\n{}", circuit.circuit());
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no circuit; that is no finding.
    let _ = check(&mut Unstructured::new(bytes));
});
