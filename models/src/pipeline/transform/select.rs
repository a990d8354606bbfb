//! Selections of columns.

use super::scale::moments;
use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame, Target};
use crate::pipeline::params::{ScoreFunction, SelectKBest, VarianceThreshold};
use crate::train::Params;

pub(crate) fn variance(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    let threshold = VarianceThreshold::read(params).threshold;
    let above = |column: &&Column| {
        let values = frame.values(column).map(|x| (x, 1.0)).collect::<Vec<_>>();
        let (_, variance, _) = moments(values.iter().copied());
        let there = || values.iter().map(|(x, _)| *x).filter(|x| !x.is_nan());
        let range = there().fold(f64::MIN, f64::max) - there().fold(f64::MAX, f64::min);
        // Of a constant, rounding may leave a variance.
        let variance = if threshold == 0.0 {
            variance.min(range)
        } else {
            variance
        };
        variance > threshold
    };
    let left: Vec<Column> = columns.iter().filter(above).cloned().collect();
    if left.is_empty() {
        return Err(PipelineError::NothingLeft {
            step: "VarianceThreshold",
            message: format!("no variance is above {threshold}; choose a lower `threshold`"),
        });
    }
    Ok(left)
}

pub(crate) fn k_best(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    const STEP: &str = "SelectKBest";
    let refuse = |message: String| {
        Err(PipelineError::Parameter {
            step: STEP,
            message,
        })
    };
    let params = SelectKBest::read(params);
    let scores: Vec<f64> = match (&frame.target, params.score_func) {
        (Target::Classes(classes), ScoreFunction::FClassif) => {
            let groups = classes.labels.len();
            let of = |c: &Column| f_classif(&column_of(frame, c), &classes.codes, groups);
            columns.iter().map(of).collect()
        }
        (Target::Classes(classes), ScoreFunction::Chi2) => {
            let groups = classes.labels.len();
            if let Some(column) = columns.iter().find(|c| frame.values(c).any(|x| x < 0.0)) {
                return refuse(format!(
                    "chi2 counts, and column `{}` has negative values",
                    column.name
                ));
            }
            let of = |c: &Column| chi2(&column_of(frame, c), &classes.codes, groups);
            columns.iter().map(of).collect()
        }
        (Target::Numbers(target), ScoreFunction::FRegression) => {
            let of = |c: &Column| f_regression(&column_of(frame, c), target);
            columns.iter().map(of).collect()
        }
        (Target::Several, _) => return refuse("it scores columns for one target".into()),
        (Target::Numbers(_), _) => {
            return refuse(
                "f_classif and chi2 are for classes; set `score_func=f_regression`".into(),
            );
        }
        (Target::Classes(_), _) => {
            return refuse("f_regression is for numbers; set `score_func=f_classif`".into());
        }
    };
    let k = params.k.unwrap_or(columns.len());
    // The highest, of equal ones the later; a column without score comes last.
    let rank = |at: &usize| {
        if scores[*at].is_nan() {
            f64::MIN
        } else {
            scores[*at]
        }
    };
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
    let mut best = order.split_off(order.len().saturating_sub(k));
    best.sort_unstable();
    Ok(best.into_iter().map(|at| columns[at].clone()).collect())
}

fn column_of(frame: &Frame<'_>, column: &Column) -> Vec<f64> {
    frame.values(column).collect()
}

/// Variance between classes over variance within them.
fn f_classif(values: &[f64], codes: &[usize], groups: usize) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let (mut sums, mut counts) = (vec![0.0; groups], vec![0.0; groups]);
    for (value, &code) in values.iter().zip(codes) {
        sums[code] += value - mean;
        counts[code] += 1.0;
    }
    let between: f64 = sums.iter().zip(&counts).map(|(s, n)| s * s / n).sum();
    let within: f64 = values
        .iter()
        .zip(codes)
        .map(|(x, &code)| (x - mean - sums[code] / counts[code]).powi(2))
        .sum();
    let groups = groups as f64;
    (between / (groups - 1.0)) / (within / (n - groups))
}

/// The F statistic of the correlation with the target.
fn f_regression(values: &[f64], target: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = |list: &[f64]| list.iter().sum::<f64>() / n;
    let (mx, my) = (mean(values), mean(target));
    let pairs = values.iter().zip(target).map(|(x, y)| (x - mx, y - my));
    let products: f64 = pairs.clone().map(|(x, y)| x * y).sum();
    let (xx, yy): (f64, f64) = (
        pairs.clone().map(|(x, _)| x * x).sum(),
        pairs.map(|(_, y)| y * y).sum(),
    );
    let r = products / (xx.sqrt() * yy.sqrt());
    r * r / (1.0 - r * r) * (n - 2.0)
}

/// How far the sums of the classes are from their share.
fn chi2(values: &[f64], codes: &[usize], groups: usize) -> f64 {
    let n = values.len() as f64;
    let total: f64 = values.iter().sum();
    let (mut sums, mut counts) = (vec![0.0; groups], vec![0.0; groups]);
    for (value, &code) in values.iter().zip(codes) {
        sums[code] += value;
        counts[code] += 1.0;
    }
    let parts = sums.iter().zip(&counts).map(|(observed, count)| {
        let expected: f64 = count / n * total;
        (observed - expected).powi(2) / expected
    });
    parts.sum()
}
