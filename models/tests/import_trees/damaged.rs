//! Recorded files with bytes changed, removed or cut off: read or refused, never a panic, and what is read also predicts.

use super::expected::folder;
use tenebra_models::Model;
use tenebra_models::import;

/// Damages per file; with about a hundred files this takes seconds.
const DAMAGES: u64 = 60;

/// A step of the generator of Steele, Lea and Flood (`SplitMix64`).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn damage(bytes: &mut Vec<u8>, state: &mut u64) {
    for _ in 0..1 + next(state) % 3 {
        let at = usize::try_from(next(state) % bytes.len() as u64).unwrap();
        let byte = u8::try_from(next(state) % 256).unwrap();
        match next(state) % 8 {
            0 => bytes.truncate(at.max(1)),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, byte),
            3 => bytes[at] ^= 1 << (byte % 8),
            // A digit for a digit, so that text stays text.
            4..=6 if bytes[at].is_ascii_digit() => bytes[at] = b'0' + byte % 10,
            _ => bytes[at] = byte,
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let mut state = 1;
    let (mut read, mut files) = (0, 0);
    for library in ["xgboost", "lightgbm", "onnx"] {
        for entry in std::fs::read_dir(folder(library)).unwrap() {
            let path = entry.unwrap().path();
            if path.to_str().unwrap().ends_with(".expected.json") {
                continue;
            }
            files += 1;
            let whole = std::fs::read(&path).unwrap();
            for _ in 0..DAMAGES {
                let mut bytes = whole.clone();
                damage(&mut bytes, &mut state);
                if let Ok(Model::Forest(forest)) = import::read(&bytes, None) {
                    read += 1;
                    let row = vec![1.0; forest.n_features.min(1000)];
                    assert_eq!(
                        forest.predict(&row).is_ok(),
                        forest.n_features <= 1000,
                        "{}",
                        path.display()
                    );
                }
            }
        }
    }
    // Many damages hit statistics that prediction does not need: else the test would test refusals alone.
    assert!(
        files > 80 && read > files,
        "{read} of {} damaged files were read",
        files * DAMAGES
    );
}
