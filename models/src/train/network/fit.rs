//! From a table to a trained network.

use tenebra_quant::{BitWidth, Decision, Input, InverseLink};

use super::descent::{Progress, descend};
use super::estimators::Network;
use super::problem::{Problem, Targets};
use super::settings::Settings;
use crate::model::Model;
use crate::network::codec::{codes, inputs};
use crate::network::{CostModel, Layer, LayerLoad, NetworkModel, NetworkParts};
use crate::random::Random;
use crate::train::{Epoch, Params, TargetValues, TrainError, Trained, TrainingData};

/// Mean and deviation of the targets of a regression, which is trained on standardized ones.
struct Standard {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

pub(super) fn fit(
    estimator: &'static str,
    params: &Params,
    data: &TrainingData<'_>,
) -> Result<Trained, TrainError> {
    let solver = |message: String| TrainError::Solver { estimator, message };
    let mut typed = Network::read(params);
    let bits = typed.input_bits(data.table.n_columns());
    typed.n_bits = Some(bits);
    let bits = u8::try_from(bits).unwrap_or(u8::MAX);
    let bits = BitWidth::new(bits).map_err(|e| solver(e.to_string()))?;
    let inputs = inputs(data.table, bits).map_err(|e| solver(e.to_string()))?;
    if inputs.is_empty() {
        let message = "all features are constant; there is nothing to learn from".to_owned();
        return Err(TrainError::Combination { estimator, message });
    }
    let (targets, standard) = targets(data);
    let total: f64 = data.weights.iter().sum();
    let rows = data.table.n_rows();
    let problem = Problem {
        codes: codes(data.table, &inputs).map_err(|e| solver(e.to_string()))?,
        inputs: inputs.len(),
        targets,
        weights: data
            .weights
            .iter()
            .map(|w| w * rows as f64 / total)
            .collect(),
    };
    let outputs = problem.targets.outputs();
    let costs = data.watch.cost_model();
    let settings = Settings::new(estimator, &typed, inputs.len(), outputs, costs)?;
    let (train, held_out) = split(estimator, &typed, rows)?;
    let run = Run {
        params: format!("{estimator} {:?}", params.to_text()),
        data: fingerprint(&problem),
    };
    let resumed = match data.watch.resume() {
        Some(text) => {
            let progress = run.read(&text)?;
            if !progress.fits(&settings, &problem) {
                let message = "contradicts itself".to_owned();
                return Err(TrainError::Checkpoint { message });
            }
            Some(progress)
        }
        None => None,
    };
    let classes = matches!(data.target, TargetValues::Classes(_));
    let mut tell = |epoch: &Epoch, progress: &Progress| {
        let epoch = Epoch {
            score: if classes {
                epoch.score
            } else {
                1.0 + epoch.score
            },
            score_name: if classes { "accuracy" } else { "R²" },
            ..epoch.clone()
        };
        let next = data.watch.epoch(&epoch);
        data.watch.checkpoint(&|| run.write(progress));
        next
    };
    let layers = descend(&problem, &train, &held_out, &settings, resumed, &mut tell)
        .map_err(|e| solver(e.to_string()))?;
    let layers = standard.restore(layers);
    let model = NetworkModel::new(parts(estimator, params, data, inputs, layers))?;
    let warning = unkept(&model.loads(), &typed, costs);
    Ok(Trained {
        model: Model::Network(model),
        warning,
    })
}

/// What the budget has made of a network that nobody wants, or that it has not kept: it counts weights alike, wherever they are.
fn unkept(loads: &[LayerLoad], params: &Network, costs: &dyn CostModel) -> Option<String> {
    let (_, hidden) = loads.split_last()?;
    if hidden.iter().any(|load| load.weights == 0) {
        return Some("a hidden layer has no weight that is not 0, so that every row has the same scores; allow more products (max_products, max_milliseconds), or use fewer layers".to_owned());
    }
    let most = params.max_milliseconds?;
    let takes = costs.milliseconds(loads);
    (takes > most).then(|| {
        format!(
            "a query takes {takes:.2} ms by the cost model, more than max_milliseconds = {most}; set fewer products (max_products) or smaller layers"
        )
    })
}

fn parts(
    estimator: &'static str,
    params: &Params,
    data: &TrainingData<'_>,
    inputs: Vec<Input<Vec<f64>>>,
    layers: Vec<Layer>,
) -> NetworkParts {
    let classes = data
        .classes()
        .map(|classes| classes.labels.clone())
        .unwrap_or_default();
    let (inverse_link, decision) = match classes.len() {
        0 => (InverseLink::Identity, Decision::None),
        2 => (InverseLink::Sigmoid, Decision::Threshold),
        _ => (InverseLink::Softmax, Decision::ArgMax),
    };
    NetworkParts {
        estimator: estimator.to_owned(),
        feature_names: Some(data.table.columns().to_vec()),
        n_features: data.table.n_columns(),
        inputs,
        layers,
        inverse_link,
        decision,
        target_names: data.several_target_names().filter(|_| classes.is_empty()),
        classes,
        params: params.to_text(),
    }
}

fn targets(data: &TrainingData<'_>) -> (Targets, Standard) {
    let columns = match &data.target {
        TargetValues::Classes(classes) => {
            let codes = classes.codes.iter().copied();
            let targets = match classes.labels.len() {
                2 => Targets::Binary(codes.map(|code| f64::from(u8::from(code == 1))).collect()),
                classes => Targets::Classes {
                    codes: codes.collect(),
                    classes,
                },
            };
            let none = Standard {
                means: Vec::new(),
                deviations: Vec::new(),
            };
            return (targets, none);
        }
        TargetValues::Numbers(columns) => columns,
    };
    let total: f64 = data.weights.iter().sum();
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        values.zip(&data.weights).map(|(y, w)| y * w).sum::<f64>() / total
    };
    let mut standard = Standard {
        means: Vec::new(),
        deviations: Vec::new(),
    };
    for column in columns {
        let center = mean(&mut column.iter().copied());
        // Squares of parts of the largest neither overflow nor vanish, however small the targets are.
        let largest = column
            .iter()
            .fold(0.0, |m: f64, y| m.max((y - center).abs()));
        let part = |y: &f64| ((y - center) / largest.max(f64::MIN_POSITIVE)).powi(2);
        let deviation = largest * mean(&mut column.iter().map(part)).sqrt();
        standard.means.push(center);
        // A constant needs no scale.
        standard
            .deviations
            .push(if deviation > 0.0 { deviation } else { 1.0 });
    }
    let rows = data.table.n_rows();
    let value = |(row, at): (usize, usize)| {
        (columns[at][row] - standard.means[at]) / standard.deviations[at]
    };
    let places = (0..rows).flat_map(|row| (0..columns.len()).map(move |at| (row, at)));
    let targets = Targets::Numbers {
        values: places.map(value).collect(),
        outputs: columns.len(),
    };
    (targets, standard)
}

impl Standard {
    /// The layers with scores in units of the targets.
    fn restore(&self, mut layers: Vec<Layer>) -> Vec<Layer> {
        if let Some(last) = layers.last_mut() {
            let standard = self.means.iter().zip(&self.deviations);
            let scores = last.scale.iter_mut().zip(&mut last.bias);
            for ((scale, bias), (mean, deviation)) in scores.zip(standard) {
                *scale *= deviation;
                *bias = *bias * deviation + mean;
            }
        }
        layers
    }
}

/// Rows to train on and rows held out.
fn split(
    estimator: &'static str,
    params: &Network,
    rows: usize,
) -> Result<(Vec<usize>, Vec<usize>), TrainError> {
    let mut order: Vec<usize> = (0..rows).collect();
    if !params.early_stopping {
        return Ok((order, Vec::new()));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a count"
    )]
    let held_out = (rows as f64 * params.validation_fraction).ceil() as usize;
    if held_out == 0 || held_out >= rows {
        let message = format!(
            "early_stopping holds out {held_out} of {rows} rows; change validation_fraction"
        );
        return Err(TrainError::Combination { estimator, message });
    }
    let seed = params.random_state;
    Random::new(seed).branch(u64::MAX).choose(&mut order, rows);
    let train = order.split_off(held_out);
    Ok((train, order))
}

/// What a checkpoint belongs to.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Run {
    /// Estimator and hyper-parameters.
    params: String,
    /// Of the data.
    data: u64,
}

#[derive(serde::Serialize)]
struct Written<'a> {
    run: &'a Run,
    progress: &'a Progress,
}

#[derive(serde::Deserialize)]
struct Read {
    run: Run,
    progress: Progress,
}

impl Run {
    fn write(&self, progress: &Progress) -> String {
        let run = self;
        // Finite numbers and strings have a JSON form.
        serde_json::to_string(&Written { run, progress }).unwrap_or_default()
    }

    fn read(&self, text: &str) -> Result<Progress, TrainError> {
        let refuse = |message: String| TrainError::Checkpoint { message };
        let read: Read = serde_json::from_str(text)
            .map_err(|e| refuse(format!("is not one of a training of networks: {e}")))?;
        if read.run.params != self.params {
            return Err(refuse("is of a training with other parameters".to_owned()));
        }
        if read.run.data != self.data {
            return Err(refuse("is of a training on other data".to_owned()));
        }
        Ok(read.progress)
    }
}

/// FNV-1a over all codes, targets and weights: tells data apart, and keeps nothing of them.
fn fingerprint(problem: &Problem) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |word: u64| hash = (hash ^ word).wrapping_mul(0x0100_0000_01b3);
    problem.codes.iter().for_each(|x| add(x.to_bits()));
    problem.weights.iter().for_each(|x| add(x.to_bits()));
    match &problem.targets {
        Targets::Numbers { values, .. } | Targets::Binary(values) => {
            values.iter().for_each(|x| add(x.to_bits()));
        }
        Targets::Classes { codes, .. } => codes.iter().for_each(|&code| add(code as u64)),
    }
    hash
}
