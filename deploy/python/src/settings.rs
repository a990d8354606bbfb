//! Keyword arguments of `compile`.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tenebra_app::Settings;
use tenebra_app::settings::Bins;
use tenebra_circuit::{Optimize, QueryMode};
use tenebra_models::quantized::Calibration;

/// Reads settings; `None` is the default.
pub(crate) fn read(options: Option<&Bound<'_, PyDict>>) -> PyResult<Settings> {
    let mut settings = Settings::default();
    for (name, value) in options.into_iter().flatten() {
        if value.is_none() {
            continue;
        }
        let name: String = name.extract()?;
        set(&mut settings, &name, &value).map_err(|error| {
            if error.is_instance_of::<PyTypeError>(value.py()) {
                PyTypeError::new_err(format!("`{name}`: {}", error.value(value.py())))
            } else {
                error
            }
        })?;
    }
    Ok(settings)
}

fn set(settings: &mut Settings, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match name {
        "n_bits" => settings.n_bits = Some(small(name, value)?),
        "weight_bits" => settings.weight_bits = Some(small(name, value)?),
        "activation_bits" => settings.activation_bits = Some(small(name, value)?),
        "decoy_bits" => settings.decoy_bits = Some(small(name, value)?),
        "leaf_bits" => settings.leaf_bits = Some(small(name, value)?),
        "hide_model" => settings.hide_responses = Some(value.extract()?),
        "hide_advantage" => settings.hide_advantage_log2 = Some(value.extract()?),
        "measure" => settings.measure = value.extract()?,
        "p_fail" => settings.p_fail_log2 = value.extract()?,
        "bins" => {
            settings.bins = Some(word(
                name,
                value,
                &[("thresholds", Bins::Thresholds), ("uniform", Bins::Uniform)],
            )?);
        }
        "query" => {
            settings.query = word(
                name,
                value,
                &[
                    ("auto", QueryMode::Auto),
                    ("direct", QueryMode::Direct),
                    ("packed", QueryMode::Packed),
                ],
            )?;
        }
        "optimize" => {
            settings.optimize = word(
                name,
                value,
                &[
                    ("balanced", Optimize::Balanced),
                    ("first-query", Optimize::FirstQuery),
                    ("latency", Optimize::Latency),
                    ("bandwidth", Optimize::Bandwidth),
                    ("throughput", Optimize::Throughput),
                ],
            )?;
        }
        "range" => settings.range = Some(range(value)?),
        _ => {
            return Err(PyTypeError::new_err(format!(
                "there is no option `{name}`; there are n_bits, weight_bits, activation_bits, bins, range, decoy_bits, leaf_bits, query, optimize, p_fail, hide_model, hide_advantage, measure"
            )));
        }
    }
    Ok(())
}

/// A number of bits; what is none of those is refused where settings are checked.
fn small(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u8> {
    let number: i64 = value.extract()?;
    u8::try_from(number).map_err(|_| {
        PyValueError::new_err(format!(
            "`{name}` is {number}; it is a number of bits, 24 at most"
        ))
    })
}

fn word<T: Copy>(name: &str, value: &Bound<'_, PyAny>, known: &[(&str, T)]) -> PyResult<T> {
    let given: String = value.extract()?;
    let found = known.iter().find(|(word, _)| *word == given);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        PyValueError::new_err(format!(
            "`{name}` is \"{given}\"; it must be one of {}",
            known.join(", ")
        ))
    })
}

/// A word, or a percentile.
fn range(value: &Bound<'_, PyAny>) -> PyResult<Calibration> {
    if let Ok(percent) = value.extract::<f64>() {
        if percent > 50.0 && percent <= 100.0 {
            return Ok(Calibration::Percentile { percent });
        }
        return Err(PyValueError::new_err(format!(
            "`range` is the percentile {percent}; it must be above 50, where both ends are the median, and up to 100"
        )));
    }
    word(
        "range",
        value,
        &[
            ("without-outliers", Calibration::WithoutOutliers),
            ("min-max", Calibration::MinMax),
            ("least-error", Calibration::LeastSquaredError),
        ],
    )
}
