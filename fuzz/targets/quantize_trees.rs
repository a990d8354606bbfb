//! Trees and additive models on codes: with their own cut points, decoys or not, every row at and around the thresholds reaches
//! the leaves that it reaches on reals.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use tenebra_fuzz::{choose, hold};
use tenebra_models::{AdditiveModel, ForestModel, Model};

fn check(u: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let pool = choose::pool(u)?;
    let model = if u.arbitrary()? {
        ForestModel::new(choose::forest(u, &pool)?)
            .map(Model::Forest)
            .ok()
    } else {
        AdditiveModel::new(choose::additive(u, &pool)?)
            .map(Model::Additive)
            .ok()
    };
    let Some(model) = model else {
        return Ok(());
    };
    let forest = match &model {
        Model::Forest(forest) => forest,
        Model::Additive(additive) => additive.as_forest(),
        _ => return Ok(()),
    };
    let options = choose::options(u)?;
    let rows = choose::rows(u, model.n_features(), &pool)?;
    hold::exact_bins(&model, forest, &rows, &options);
    hold::any_model(&model);
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // Bytes that run out make no model; that is no finding.
    let _ = check(&mut Unstructured::new(bytes));
});
