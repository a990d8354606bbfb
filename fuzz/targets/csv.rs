//! Tables: no panic, whatever the bytes; what is read is as long as it says, and its targets make classes or numbers, or not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenebra_models::data::{CsvSpec, Limits, read_csv};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        columns: 100,
        cells: 10_000,
        row_bytes: 10_000,
    };
    for targets in [vec![], vec!["y".to_owned()]] {
        for weight in [None, Some("w".to_owned())] {
            let spec = CsvSpec {
                targets: targets.clone(),
                weight,
                limits,
                ..CsvSpec::default()
            };
            let Ok(data) = read_csv(bytes, &spec) else {
                continue;
            };
            let rows = data.table.n_rows();
            assert_eq!(data.table.values().len(), rows * data.table.n_columns());
            assert!(data.table.values().iter().all(|x| !x.is_infinite()));
            for target in &data.targets {
                assert_eq!(target.cells.len(), rows);
                let _ = target.to_numbers();
                // Labels that make classes are found in them again.
                if let Ok(classes) = target.to_classes() {
                    assert_eq!(target.codes_in(&classes.labels), Ok(classes.codes));
                }
            }
            assert!(data.weights.is_none_or(|weights| weights.len() == rows));
        }
    }
});
