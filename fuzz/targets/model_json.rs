//! Our own model files: no panic, whatever the text; what is read predicts, and scores on codes as on reals.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenebra_fuzz::hold;
use tenebra_models::Model;

fuzz_target!(|text: &str| {
    if let Ok(model) = Model::from_json(text) {
        hold::any_model(&model);
    }
});
