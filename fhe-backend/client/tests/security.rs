//! Everything that `GlweParams::validate` accepts is in the table of the lattice estimator, or noisier.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate alloc;

use alloc::collections::BTreeMap;

use tenebra_client::GlweParams;

/// What `SECURITY.md` states.
const STATED_BITS: f64 = 133.6;

/// Least noise and bits of the best attack, by dimension.
fn table() -> BTreeMap<usize, (u8, f64)> {
    let rows = include_str!("data/security/table.csv").lines().skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        let bits = cells[2..].iter().map(|cell| cell.parse::<f64>().unwrap());
        let best = bits.fold(f64::INFINITY, f64::min);
        assert_eq!(cells.len(), 5);
        (cells[0].parse().unwrap(), (cells[1].parse().unwrap(), best))
    })
    .collect()
}

#[test]
fn all_that_is_accepted_is_in_the_table() {
    let table = table();
    let mut least = BTreeMap::new();
    for glwe_dimension in 0..=u8::MAX {
        for polynomial_size in (0..16).map(|log| 1u16 << log) {
            for noise_bound_log2 in 0..=u8::MAX {
                let params = GlweParams {
                    glwe_dimension,
                    polynomial_size,
                    noise_bound_log2,
                };
                let Ok(valid) = params.validate() else {
                    continue;
                };
                let (noise, bits) = table[&valid.dimension()];
                assert!(noise_bound_log2 >= noise, "{params:?}");
                assert!(bits >= STATED_BITS, "{params:?}: {bits}");
                let entry = least.entry(valid.dimension()).or_insert(noise_bound_log2);
                *entry = noise_bound_log2.min(*entry);
            }
        }
    }
    // Nothing in the table is of no use, and the statement is not too modest.
    let listed: BTreeMap<usize, u8> = table.iter().map(|(n, (noise, _))| (*n, *noise)).collect();
    assert_eq!(least, listed);
    assert!(
        table
            .values()
            .any(|(_, bits)| bits.to_bits() == STATED_BITS.to_bits())
    );
}
