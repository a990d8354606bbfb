use crate::train::network::estimators::Network;
use candle_core::DType;

use super::*;
use crate::network::{NetworkModel, NetworkParts};
use crate::random::Random;
use crate::train::network::problem::{Problem, Targets};
use crate::train::network::settings::Settings;
use crate::train::network::state::State;
use tenebra_quant::{Affine, Codec, Decision, Input, InverseLink};

const INPUTS: usize = 6;

fn problem(rows: usize) -> Problem {
    let mut random = Random::new(7);
    let codes: Vec<usize> = (0..rows * INPUTS).map(|_| random.below(8)).collect();
    Problem {
        codes: codes.into_iter().map(|code| code as f64).collect(),
        inputs: INPUTS,
        targets: Targets::Classes {
            codes: (0..rows).map(|_| random.below(3)).collect(),
            classes: 3,
        },
        weights: vec![1.0; rows],
    }
}

fn settings(activation: &str) -> Settings {
    let mut estimator = crate::Estimator::new("MLPClassifier").unwrap();
    for (name, value) in [
        ("hidden_layer_sizes", "5,4"),
        ("activation", activation),
        ("activation_bits", "2,3"),
        ("n_bits", "3"),
    ] {
        estimator.set(name, value).unwrap();
    }
    let costs = crate::network::DirectCosts;
    Settings::new(
        "MLPClassifier",
        &Network::read(estimator.params()),
        INPUTS,
        3,
        &costs,
    )
    .unwrap()
}

fn graph(state: &State, settings: &Settings) -> Graph {
    let integers = state.integers(&settings.limits).unwrap();
    Graph::new(state, &integers).unwrap()
}

/// Some steps from the start, so that nothing is as it was drawn.
fn trained(settings: &Settings, problem: &Problem) -> State {
    let mut state = settings.start(problem);
    let rows: Vec<usize> = (0..problem.rows()).collect();
    for number in 1..=20 {
        let graph = graph(&state, settings);
        let scores = graph.scores(&problem.batch(&rows).unwrap()).unwrap();
        let loss = problem.loss(&rows, &scores).unwrap();
        let gradients = graph.gradients(&loss).unwrap();
        for (layer, gradients) in state.layers.iter_mut().zip(gradients) {
            layer.step(
                gradients,
                crate::train::network::state::Step { rate: 0.05, number },
            );
        }
    }
    state
}

/// The model that training would hand over.
fn model(layers: Vec<Layer>) -> NetworkModel {
    let input = |column| Input {
        column,
        codec: Codec::Affine(Affine::from_parts(1.0, 0, 0, 7).unwrap()),
        missing: None,
    };
    NetworkModel::new(NetworkParts {
        estimator: "MLPClassifier".into(),
        feature_names: None,
        n_features: INPUTS,
        inputs: (0..INPUTS).map(input).collect(),
        layers,
        inverse_link: InverseLink::Softmax,
        decision: Decision::ArgMax,
        classes: ["a", "b", "c"].map(str::to_owned).to_vec(),
        target_names: None,
        params: alloc::collections::BTreeMap::new(),
    })
    .unwrap()
}

/// What gradients are taken of is what the circuit computes, to the bit.
#[test]
fn the_graph_computes_what_the_circuit_does() {
    for activation in ["relu", "tanh", "logistic", "identity"] {
        let (problem, settings) = (problem(200), settings(activation));
        let state = trained(&settings, &problem);
        let graph = graph(&state, &settings);
        let rows: Vec<usize> = (0..problem.rows()).collect();
        let scores = graph.scores(&problem.batch(&rows).unwrap()).unwrap();
        assert_eq!(scores.dtype(), DType::F64);
        let scores: Vec<Vec<f64>> = scores.to_vec2().unwrap();
        let model = model(graph.layers);
        let quantized = crate::network::quantize_network(&model).unwrap();
        let circuit = quantized.circuit();
        for (row, scores) in scores.iter().enumerate() {
            let codes = &problem.codes[row * INPUTS..(row + 1) * INPUTS];
            let sent = quantized.encode(codes).unwrap().codes;
            let outputs = tenebra_sim::run(circuit, &sent).unwrap();
            let decoded = quantized.decode(&outputs).unwrap().scores;
            assert_eq!(&decoded, scores, "{activation}, row {row}");
        }
        // From JSON, too.
        let text = crate::Model::Network(model.clone()).to_json().unwrap();
        assert_eq!(
            crate::Model::from_json(&text).unwrap(),
            crate::Model::Network(model)
        );
    }
}

/// Where rounding changes nothing, the gradient is that of the function: the bias of the last layer, by finite differences.
#[test]
fn gradients_of_the_last_bias_are_those_of_the_loss() {
    const STEP: f64 = 1e-6;
    let (problem, settings) = (problem(50), settings("relu"));
    let mut state = trained(&settings, &problem);
    let rows: Vec<usize> = (0..problem.rows()).collect();
    let loss = |state: &State| {
        let graph = graph(state, &settings);
        let scores = graph.scores(&problem.batch(&rows).unwrap()).unwrap();
        problem.loss(&rows, &scores).unwrap()
    };
    let with_graph = graph(&state, &settings);
    let scores = with_graph.scores(&problem.batch(&rows).unwrap()).unwrap();
    let gradients = with_graph
        .gradients(&problem.loss(&rows, &scores).unwrap())
        .unwrap();
    for output in 0..3 {
        let mut moved = |by: f64| {
            state.layers[2].bias.values[output] += by;
            let loss: f64 = loss(&state).to_scalar().unwrap();
            state.layers[2].bias.values[output] -= by;
            loss
        };
        let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        let gradient = gradients[2].bias[output];
        assert!(
            (difference - gradient).abs() < 1e-6,
            "{difference} {gradient}"
        );
    }
}
