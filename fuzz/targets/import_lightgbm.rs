//! LightGBM's text form: no panic, whatever the bytes; what is read predicts, and scores on codes as on reals.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenebra_fuzz::hold;
use tenebra_models::import::{Format, read};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = read(bytes, Some(Format::Lightgbm)) {
        hold::any_model(&model);
    }
});
