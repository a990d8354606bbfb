use proptest::prelude::*;

use super::*;
use crate::model::Model;
use crate::quantize::quantize;
use crate::quantized::QuantizeOptions;

/// Two features of 2 bits in steps of 0.5, two neurons, one score.
fn small() -> NetworkParts {
    let input = |column| Input {
        column,
        codec: Codec::Affine(Affine::from_parts(0.5, 0, 0, 3).unwrap()),
        missing: None,
    };
    NetworkParts {
        estimator: "MLPRegressor".into(),
        feature_names: None,
        n_features: 3,
        inputs: vec![input(0), input(2)],
        layers: vec![
            Layer {
                weights: vec![vec![(0, 1.0), (1, -2.0)], vec![(1, 3.0)]],
                scale: vec![0.5, 0.25],
                bias: vec![1.0, -1.0],
                activation: Activation::Relu,
                activations: Vec::new(),
                codes: Some(ActivationCodes::new(0.0, 0.5, 2)),
                own_codes: Vec::new(),
            },
            Layer {
                weights: vec![vec![(0, 5.0), (1, -7.0)]],
                scale: vec![0.125],
                bias: vec![-0.5],
                activation: Activation::Identity,
                activations: Vec::new(),
                codes: None,
                own_codes: Vec::new(),
            },
        ],
        inverse_link: InverseLink::Identity,
        decision: Decision::None,
        classes: Vec::new(),
        target_names: None,
        params: BTreeMap::new(),
    }
}

#[test]
fn a_network_by_hand() {
    let model = NetworkModel::new(small()).unwrap();
    // Codes 3 and 1: sums 3 - 2 = 1 and 3; z = 1.5 and -0.25; a = 1.5 and 0.
    let row = [1.5, 99.0, 0.5];
    let quantized = quantize_network(&model).unwrap();
    let codes = quantized.encode(&row).unwrap();
    assert_eq!(codes.codes, [3, 1]);
    let circuit = quantized.circuit();
    // Codes of activations 3 and 0: score 15.
    assert_eq!(tenebra_sim::run(circuit, &codes.codes).unwrap(), [15]);
    assert_eq!(
        quantized.decode(&[15]).unwrap().values,
        [15.0 * 0.125 - 0.5]
    );
    assert_eq!(model.predict(&row).unwrap().values, [15.0 * 0.125 - 0.5]);
    // Between codes: 2.5 and 0.5, sums 1.5 and 1.5, a = 1.75 and 0, clamped to 1.5.
    assert_eq!(
        model.predict(&[1.25, 0.0, 0.25]).unwrap().values,
        [15.0 * 0.125 - 0.5]
    );
    let text = circuit.circuit().to_string();
    // Sums of the first neuron are -6 to 3: z = -2 to 2.5 in steps of 0.5.
    assert!(text.contains("-6"), "{text}");
}

#[test]
fn loads_by_hand() {
    let loads = NetworkModel::new(small()).unwrap().loads();
    let hidden = LayerLoad {
        neurons: 2,
        weights: 3,
        products: 6,
        // 3 inputs' weights of magnitude 3 times codes to 3.
        widest: (10, 0),
        most_weights: 2,
        activation_bits: 2,
    };
    assert_eq!(loads[0], hidden);
    let last = LayerLoad {
        neurons: 1,
        weights: 2,
        products: 0,
        // 12 times codes to 3.
        widest: (37, 0),
        most_weights: 2,
        activation_bits: 0,
    };
    assert_eq!(loads[1], last);
}

#[test]
fn inputs_that_nobody_reads_are_not_sent() {
    let mut parts = small();
    parts.layers[0].weights = vec![vec![(1, -2.0)], Vec::new()];
    let quantized = quantize_network(&NetworkModel::new(parts.clone()).unwrap()).unwrap();
    assert_eq!(quantized.inputs.len(), 1);
    assert_eq!(quantized.inputs[0].column, 2);
    let _ = quantized.circuit();
    parts.layers[0].weights = vec![Vec::new(), Vec::new()];
    let quantized = quantize_network(&NetworkModel::new(parts).unwrap()).unwrap();
    // Constant: z = 1 and -1, codes 2 and 0.
    let circuit = quantized.circuit();
    assert_eq!(tenebra_sim::run(circuit, &[3]).unwrap(), [10]);
}

#[test]
fn parts_that_do_not_fit_are_named() {
    type Change = fn(&mut NetworkParts);
    let cases: [(Change, &str); 18] = [
        (|p| p.n_features = 0, "0 features and 2 layers"),
        (|p| p.n_features = 2, "input 2 is column 2 of 2 features"),
        (|p| p.layers.clear(), "3 features and 0 layers"),
        (|p| p.inputs[1].column = 0, "columns ascend"),
        (|p| p.inputs[0].missing = Some(4), "missing values"),
        (
            |p| p.inputs.clear(),
            "layer 1: codes of the inputs and of all hidden layers come together",
        ),
        (|p| p.layers[0].codes = None, "come together"),
        (
            |p| p.layers[0].bias.clear(),
            "layer 1 has 0 biases for 2 neurons",
        ),
        (
            |p| p.layers[0].bias[1] = f64::NAN,
            "layer 1, neuron 2: the bias is NaN",
        ),
        (|p| p.layers[0].bias[1] = 1e200, "at most 1e100"),
        (
            |p| p.layers[0].scale[0] = -0.5,
            "the scale is -0.5, it must be positive",
        ),
        (
            |p| p.layers[0].weights[1][0].0 = 2,
            "ascend in inputs, of which there are 2",
        ),
        (
            |p| p.layers[0].weights[0][1].0 = 0,
            "layer 1, neuron 1: the weight of input 1",
        ),
        (
            |p| p.layers[0].weights[0][1].1 = 0.5,
            "is 0.5; a quantized network has integers",
        ),
        (
            |p| p.layers[0].weights[0][1].1 = 30_000.0,
            "its sums reach over 90003, a table over at most 65536 values",
        ),
        (
            |p| p.layers[0].codes.as_mut().unwrap().bits = 9,
            "9 bits; 1 to 8",
        ),
        (
            |p| p.layers[0].codes.as_mut().unwrap().step = 0.0,
            "layer 1: the scale 0",
        ),
        (
            |p| p.layers[1].activation = Activation::Relu,
            "layer 2 is the last",
        ),
    ];
    for (change, message) in cases {
        let mut parts = small();
        change(&mut parts);
        let found = NetworkModel::new(parts).unwrap_err().to_string();
        assert!(found.contains(message), "{found}");
    }
    let mut classifier = small();
    classifier.classes = vec!["a".into(), "b".into()];
    assert!(NetworkModel::new(classifier.clone()).is_err());
    classifier.decision = Decision::Threshold;
    assert!(NetworkModel::new(classifier).is_ok());
}

#[test]
fn a_float_network_is_not_compiled() {
    let mut parts = small();
    parts.inputs.clear();
    parts.n_features = 2;
    parts.layers[0].codes = None;
    let model = NetworkModel::new(parts).unwrap();
    // z = 0.5 * (3 - 2) + 1 and 0.25 * 3 - 1.
    assert_eq!(
        model.predict(&[3.0, 1.0]).unwrap().values,
        [1.5 * 5.0 * 0.125 - 0.5]
    );
    assert_eq!(
        quantize_network(&model).unwrap_err(),
        crate::QuantizeError::FloatNetwork
    );
}

/// Rows of integer weights for `inputs` values.
fn weights(inputs: usize, neurons: usize) -> impl Strategy<Value = Vec<Vec<(u32, f64)>>> {
    let row = prop::collection::vec(-3_i8..=3, inputs).prop_map(|row| {
        let entries = row.into_iter().zip(0_u32..).filter(|(w, _)| *w != 0);
        entries.map(|(w, j)| (j, f64::from(w))).collect()
    });
    prop::collection::vec(row, neurons)
}

fn hidden(inputs: usize) -> impl Strategy<Value = Layer> {
    const NEURONS: usize = 4;
    let reals = || prop::collection::vec(-2.0..2.0, NEURONS);
    let activations = prop::sample::select(vec![
        Activation::Relu,
        Activation::Tanh,
        Activation::Logistic,
        Activation::Identity,
        Activation::Sign,
        Activation::Elu { alpha: 1.0 },
    ]);
    let scales = prop::collection::vec(0.01..2.0, NEURONS);
    let codes = (-1.0..0.5, 0.05..1.0, 1_u8..=4);
    (
        weights(inputs, NEURONS),
        scales,
        reals(),
        activations,
        codes,
    )
        .prop_map(
            |(weights, scale, bias, activation, (low, step, bits))| Layer {
                weights,
                scale,
                bias,
                activation,
                activations: Vec::new(),
                codes: Some(ActivationCodes::new(low, step, bits)),
                own_codes: Vec::new(),
            },
        )
}

fn networks() -> impl Strategy<Value = NetworkParts> {
    let last = weights(4, 3).prop_map(|weights| Layer {
        weights,
        scale: vec![0.1, 0.2, 0.3],
        bias: vec![1.0, 0.0, -1.0],
        activation: Activation::Identity,
        activations: Vec::new(),
        codes: None,
        own_codes: Vec::new(),
    });
    (hidden(2), hidden(4), last).prop_map(|(first, second, last)| NetworkParts {
        layers: vec![first, second, last],
        ..small()
    })
}

/// What the parts say, one code after the other.
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
fn codes_by_definition(parts: &NetworkParts, codes: &[i64]) -> Vec<i64> {
    let mut x = codes.to_vec();
    for layer in &parts.layers {
        let neuron = |(h, row): (usize, &Vec<(u32, f64)>)| {
            let sum: i64 = row.iter().map(|&(j, w)| w as i64 * x[j as usize]).sum();
            let Some(codes) = layer.codes_of(h) else {
                return sum;
            };
            let z = layer.scale[h] * sum as f64 + layer.bias[h];
            let a = layer.activation.apply(z);
            let code = ((a - codes.low) / codes.step).round_ties_even();
            code.clamp(0.0, f64::from(codes.max_code())) as i64
        };
        x = layer.weights.iter().enumerate().map(neuron).collect();
    }
    x
}

proptest! {
    #[test]
    fn circuits_compute_the_parts(parts in networks(), rows in prop::collection::vec([-0.5..2.0, 0.0..1.0, -0.5..2.0], 5)) {
        let model = NetworkModel::new(parts).unwrap();
        let quantized = quantize(&Model::Network(model.clone()), None, &QuantizeOptions::default()).unwrap();
        let circuit = quantized.circuit();
        for row in &rows {
            let sent = quantized.encode(row).unwrap().codes;
            let all: Vec<i64> = model.inputs.iter().map(|input| input.quantize(row[input.column]).unwrap().code.into()).collect();
            prop_assert_eq!(tenebra_sim::run(circuit, &sent).unwrap(), codes_by_definition(&model, &all));
        }
    }

    #[test]
    fn json_reads_back(parts in networks()) {
        let model = Model::Network(NetworkModel::new(parts).unwrap());
        prop_assert_eq!(Model::from_json(&model.to_json().unwrap()).unwrap(), model);
    }
}
