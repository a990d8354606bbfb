//! Trees and tables by external products that we did not write, on the bits that the deployed client encrypts: `tfhe`'s own.
#![no_main]

#[path = "../../fhe-backend/tfhe/tests/common/ciphertexts.rs"]
mod ciphertexts;
#[path = "../../fhe-backend/tfhe/tests/common/foreign.rs"]
mod foreign;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use tenebra_fuzz::agree;

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no circuit; that is no finding.
    let _ = agree::check(&foreign::Foreign, 1, &mut Unstructured::new(bytes));
});
