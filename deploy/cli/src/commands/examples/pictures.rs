//! What is drawn of an example.

use tenebra_app::Error;
use tenebra_models::{Prediction, QuantizeOptions, quantize};

use super::Run;
use super::cases::Picture;
use crate::output::Failure;
use crate::plots::{self, Grid, Points};

/// File names and plots.
pub(super) fn draw(run: &Run) -> Result<Vec<(String, String)>, Failure> {
    let mut drawn = Vec::new();
    for picture in run.example.pictures {
        let (what, svg) = match picture {
            Picture::Boundary => ("boundary", boundary(run)?),
            Picture::Line => ("line", line(run)?),
            Picture::Residuals => ("residuals", residuals(run)?),
            Picture::Tenths => ("tenths", tenths(run)?),
            Picture::Reliability => ("reliability", reliability(run)?),
            Picture::Confusion => ("confusion", confusion(run)?),
        };
        drawn.push((format!("{}-{what}.svg", run.example.name), svg));
    }
    Ok(drawn)
}

fn title(run: &Run) -> &'static str {
    run.example.title
}

/// The true number of each row.
fn truth(run: &Run) -> Result<Vec<f64>, Failure> {
    let target = run.rows.targets.first();
    let numbers = target.map(|target| target.to_numbers().map_err(Error::from));
    Ok(numbers.transpose()?.unwrap_or_default())
}

/// The true class of each row.
fn classes(run: &Run) -> Result<Vec<usize>, Failure> {
    let target = run.rows.targets.first();
    let codes = target.map(|target| target.codes_in(run.model.classes()).map_err(Error::from));
    Ok(codes.transpose()?.unwrap_or_default())
}

fn values(predictions: &[Prediction]) -> Vec<f64> {
    predictions
        .iter()
        .filter_map(|p| p.values.first().copied())
        .collect()
}

fn boundary(run: &Run) -> Result<String, Failure> {
    let table = &run.rows.table;
    let rows = table.rows().zip(classes(run)?);
    let points: Points = rows.map(|(row, class)| ((row[0], row[1]), class)).collect();
    let options = QuantizeOptions::default();
    // As it was compiled.
    let (train, _) = (run.example.data)()?;
    let quantized = quantize(&run.model, Some(&train.table), &options)?;
    let grid = Grid::over(table);
    let float = grid.classes(|row| Ok(run.model.predict(row)?.class))?;
    // Decrypted integers are the simulated ones, at every row that was encrypted.
    let circuit = grid.classes(|row| Ok(quantized.simulate(row)?.class))?;
    let sides = [
        ("float", float, points.clone()),
        ("encrypted", circuit, points),
    ];
    plots::boundary(title(run), &grid, &sides)
}

fn line(run: &Run) -> Result<String, Failure> {
    let x: Vec<f64> = run.rows.table.column(0).collect();
    let float = values(&run.case.float);
    let found = values(&run.case.encrypted.predictions);
    let mut fitted: Vec<(f64, f64)> = x.iter().copied().zip(float).collect();
    fitted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let zip = |y: Vec<f64>| -> Vec<(f64, f64)> { x.iter().copied().zip(y).collect() };
    let target = run.rows.targets.first().map_or("", |target| &target.name);
    let feature = run.rows.table.columns().first().map_or("", String::as_str);
    let names = [feature, target];
    plots::line(title(run), names, &zip(truth(run)?), &fitted, &zip(found))
}

/// A name, and points.
type Series = (&'static str, Vec<(f64, f64)>);

/// Predictions with the truth, of the float model and decrypted.
fn pairs(run: &Run) -> Result<[Series; 2], Failure> {
    let truth = truth(run)?;
    let side = |predictions: &[Prediction]| -> Vec<(f64, f64)> {
        let found = values(predictions).into_iter();
        found.zip(truth.iter().copied()).collect()
    };
    Ok([
        ("float", side(&run.case.float)),
        ("encrypted", side(&run.case.encrypted.predictions)),
    ])
}

fn residuals(run: &Run) -> Result<String, Failure> {
    let sides = pairs(run)?.map(|(name, rows)| {
        let less = rows.into_iter();
        let less: Vec<(f64, f64)> = less.map(|(found, truth)| (found, truth - found)).collect();
        (name, less)
    });
    plots::residuals(title(run), &sides)
}

fn tenths(run: &Run) -> Result<String, Failure> {
    plots::tenths(title(run), &pairs(run)?)
}

fn reliability(run: &Run) -> Result<String, Failure> {
    let truth = classes(run)?;
    let link = run.model.inverse_link();
    let side = |predictions: &[Prediction]| -> Vec<(f64, bool)> {
        let rows = predictions.iter().zip(&truth);
        rows.filter_map(|(found, truth)| {
            let probabilities = found.probabilities(link)?;
            Some((probabilities.last().copied()?, *truth == 1))
        })
        .collect()
    };
    let sides = [
        ("float", side(&run.case.float)),
        ("encrypted", side(&run.case.encrypted.predictions)),
    ];
    plots::reliability(title(run), &sides)
}

fn confusion(run: &Run) -> Result<String, Failure> {
    let truth = classes(run)?;
    let side = |predictions: &[Prediction]| -> Vec<(usize, usize)> {
        let rows = truth.iter().copied().zip(predictions);
        rows.filter_map(|(truth, found)| Some((truth, found.class?)))
            .collect()
    };
    let sides = [
        ("float", side(&run.case.float)),
        ("encrypted", side(&run.case.encrypted.predictions)),
    ];
    plots::confusion(title(run), run.model.classes(), &sides)
}
