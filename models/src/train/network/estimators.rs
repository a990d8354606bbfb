//! The registry of networks: scikit-learn's names, and ours for codes and budgets.

use super::fit;
use crate::model::Task;
use crate::train::params::{List, choice, hyper_parameters, param};
use crate::train::{EstimatorInfo, Kind};

const COUNT: Kind = Kind::Int {
    min: 1,
    max: 1_000_000_000,
};

choice! {
    /// The function of a hidden neuron's sum.
    ActivationName {
        Relu = "relu",
        Tanh = "tanh",
        Logistic = "logistic",
        Identity = "identity",
    }
}

hyper_parameters! {
    /// Those of both estimators.
    Network {
        hidden_layer_sizes: List = param(
        "hidden_layer_sizes",
        Kind::List { min: 1, max: 4_096 },
        "32",
        "neurons of each hidden layer",
    ),
        activation: ActivationName = param(
        "activation",
        Kind::Choice(ActivationName::WORDS),
        "relu",
        "function of a neuron's sum",
    ),
        alpha: f64 = param(
        "alpha",
        Kind::Float {
            min: 0.0,
            max: f64::INFINITY,
        },
        "0.03",
        "strength of the penalty on squared weights",
    ),
        batch_size: usize = param(
        "batch_size", COUNT, "32", "rows of a step"),
        learning_rate_init: f64 = param(
        "learning_rate_init",
        Kind::Above { min: 0.0 },
        "0.01",
        "size of the first steps of Adam; it falls to a hundredth as half a cosine",
    ),
        max_iter: usize = param(
        "max_iter",
        Kind::Int {
            min: 1,
            max: 1_000_000,
        },
        "200",
        "epochs: weights are pruned until 0.6 of them, the best network of the rest is taken",
    ),
        early_stopping: bool = param(
        "early_stopping",
        Kind::Bool,
        "false",
        "whether rows are held out, by whose score the best network is taken and training ends",
    ),
        validation_fraction: f64 = param(
        "validation_fraction",
        Kind::Float {
            min: 0.001,
            max: 0.9,
        },
        "0.1",
        "share of rows held out",
    ),
        n_iter_no_change: usize = param(
        "n_iter_no_change",
        COUNT,
        "10",
        "epochs without a better score on the rows held out that end training",
    ),
        tol: f64 = param(
        "tol",
        Kind::Float {
            min: 0.0,
            max: f64::INFINITY,
        },
        "0.0001",
        "what a better score is better by",
    ),
        random_state: u64 = param(
        "random_state",
        Kind::Int {
            min: 0,
            max: i64::MAX,
        },
        "0",
        "seed of the first weights and of the order of rows",
    ),
        n_bits: Option<usize> = param(
        "n_bits",
        Kind::Optional(&Kind::Int { min: 1, max: 8 }),
        "none",
        "bits of an input's code, each of which costs a product per weight; none: 4 of up to 16 features, 3 of more",
    ),
        weight_bits: List = param(
        "weight_bits",
        Kind::List { min: 2, max: 8 },
        "3",
        "bits of a weight of the hidden layers, with its sign: all, or layer by layer",
    ),
        activation_bits: List = param(
        "activation_bits",
        Kind::List { min: 1, max: 8 },
        "3",
        "bits of an activation's code: of all hidden layers, or layer by layer; the last one's are free",
    ),
        output_bits: usize = param(
        "output_bits",
        Kind::Int { min: 2, max: 20 },
        "10",
        "bits that the range of each score takes; fewer allow faster parameters",
    ),
        max_weights: Option<usize> = param(
        "max_weights",
        Kind::Optional(&COUNT),
        "none",
        "most weights of a hidden neuron that are not 0",
    ),
        max_products: Option<usize> = param(
        "max_products",
        Kind::Optional(&COUNT),
        "none",
        "most products of a query: a weight that is not 0 takes one per bit of what it reads",
    ),
        max_milliseconds: Option<f64> = param(
        "max_milliseconds",
        Kind::Optional(&Kind::Above { min: 0.0 }),
        "none",
        "most milliseconds of a query on one thread, by the cost model",
    ),
        max_range: Option<List> = param(
        "max_range",
        Kind::Optional(&Kind::List {
            min: 2,
            max: 65_536,
        }),
        "none",
        "most values that a hidden neuron's sum may take: all, or layer by layer; none: what has slots in a ring of 2048, from three hidden layers on of 4096",
    ),
    }
}

impl Network {
    /// Bits of the codes of so many features: few features have room for finer ones, and need them.
    pub(super) fn input_bits(&self, features: usize) -> usize {
        const FEW: usize = 16;
        self.n_bits.unwrap_or(if features <= FEW { 4 } else { 3 })
    }
}

pub(in crate::train) const ESTIMATORS: &[EstimatorInfo] = &[
    EstimatorInfo {
        name: "MLPClassifier",
        task: Task::Classification,
        doc: "layers of neurons, quantized and pruned while they learn",
        params: Network::PARAMS,
        missing: false,
        fit: |params, data| fit("MLPClassifier", params, data),
    },
    EstimatorInfo {
        name: "MLPRegressor",
        task: Task::Regression,
        doc: "layers of neurons, quantized and pruned while they learn; several target columns give several outputs",
        params: Network::PARAMS,
        missing: false,
        fit: |params, data| fit("MLPRegressor", params, data),
    },
];
