use proptest::prelude::*;
use tenebra_quant::{Decision, InverseLink};

use super::moments::{Moments, Rows, product};
use super::pursuit::{Limits, pursue};
use super::*;
use crate::network::{Activation, Layer, quantize_network};

fn layer(weights: &[&[f64]], bias: &[f64], activation: Activation) -> Layer {
    let row = |row: &&[f64]| {
        let entries = (0_u32..).zip(row.iter().copied());
        entries.filter(|(_, w)| *w != 0.0).collect()
    };
    Layer {
        weights: weights.iter().map(row).collect(),
        scale: vec![1.0; weights.len()],
        bias: bias.to_vec(),
        activation,
        activations: Vec::new(),
        codes: None,
        own_codes: Vec::new(),
    }
}

fn model(n_features: usize, layers: Vec<Layer>) -> NetworkModel {
    let parts = NetworkParts {
        estimator: "Network".into(),
        feature_names: None,
        n_features,
        inputs: Vec::new(),
        layers,
        inverse_link: InverseLink::Identity,
        decision: Decision::None,
        classes: Vec::new(),
        target_names: None,
        params: alloc::collections::BTreeMap::new(),
    };
    NetworkModel::new(parts).unwrap()
}

/// `|x0 - x1|` and `x0 + x1`.
fn folded() -> NetworkModel {
    let hidden = layer(
        &[&[1.0, -1.0], &[-1.0, 1.0], &[0.5, 0.5]],
        &[0.0, 0.0, 1.0],
        Activation::Relu,
    );
    let last = layer(
        &[&[1.0, 1.0, 0.0], &[0.0, 0.0, 2.0]],
        &[0.0, -2.0],
        Activation::Identity,
    );
    model(2, vec![hidden, last])
}

/// Points all over a square.
fn square(rows: usize) -> Table {
    let point = |i: usize| {
        [
            (i * 37 % 101) as f64 / 50.5 - 1.0,
            (i * 53 % 97) as f64 / 48.5 - 1.0,
        ]
    };
    Table::from_rows(2, (0..rows).flat_map(point).collect()).unwrap()
}

/// Share of the variance of the scores that integers lose.
fn lost(float: &NetworkModel, quantized: &NetworkModel, table: &Table) -> f64 {
    let circuit = quantize_network(quantized).unwrap();
    let (mut error, mut total, mut square) = (0.0, 0.0, 0.0);
    let mut count = 0.0;
    for row in table.rows() {
        let codes = circuit.encode(row).unwrap().codes;
        let found = circuit
            .decode(&tenebra_sim::run(circuit.circuit(), &codes).unwrap())
            .unwrap();
        for (x, y) in float
            .decision_function(row)
            .unwrap()
            .iter()
            .zip(found.scores)
        {
            error += (x - y).powi(2);
            total += x;
            square += x * x;
            count += 1.0;
        }
    }
    error / (square - total * total / count)
}

#[test]
fn integers_that_fit_are_found() {
    // Independent values of variance 1: y = 0.3 (3 x0 - x1 + 2 x2).
    let values = [
        1.0, 1.0, 1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0,
        -1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0,
    ];
    let rows = Rows {
        values: &values,
        width: 3,
    };
    let shares = [0.125; 8];
    let y: Vec<f64> = values
        .chunks(3)
        .map(|x| 0.3 * (3.0 * x[0] - x[1] + 2.0 * x[2]))
        .collect();
    let read = [0, 1, 2];
    let moments = Moments::new(rows, &read, &shares, 0.0);
    let product = product(rows, &read, &shares, &moments, &y);
    let limits = Limits {
        max_weight: 3,
        max_reach: 12,
    };
    let found = pursue(&moments, &product, &[0.9, -0.3, 0.6], &[2, 2, 2], &limits);
    assert_eq!(found.weights, [3, -1, 2]);
    assert!((found.scale - 0.3).abs() < 1e-3, "{}", found.scale);
    // Where two steps fit, the largest weight gets them.
    let limits = Limits {
        max_weight: 3,
        max_reach: 4,
    };
    let found = pursue(&moments, &product, &[0.9, -0.3, 0.6], &[2, 2, 2], &limits);
    assert!(
        matches!(found.weights[..], [1, 0, 1] | [2, 0, 0]),
        "{found:?}"
    );
}

#[test]
fn a_network_keeps_its_scores() {
    let (float, table) = (folded(), square(400));
    let (quantized, report) =
        quantize_float_network(&float, &table, &NetworkOptions::default()).unwrap();
    assert!(quantized.is_quantized());
    let lost = lost(&float, &quantized, &table);
    assert!(lost < 0.02, "{lost}, {report:?}");
    assert_eq!(report.rows, 400);
    assert!(report.constant_features.is_empty());
    // 2 outputs: half of the slots each.
    assert!(quantized.loads()[0].widest.0 <= 4096 / 2);
}

#[test]
fn bits_are_what_was_asked_for() {
    let options = NetworkOptions {
        input_bits: Some(3),
        weight_bits: Some(2),
        activation_bits: Some(2),
    };
    let (quantized, report) = quantize_float_network(&folded(), &square(200), &options).unwrap();
    assert_eq!((report.input_bits, report.activation_bits), (3, vec![2]));
    assert!(
        quantized
            .inputs
            .iter()
            .all(|input| input.code_range() == (0, 7))
    );
    let weights = quantized.layers[0].weights.iter().flatten();
    assert!(weights.map(|&(_, w)| w.abs()).fold(0.0, f64::max) <= 1.0);
    assert_eq!(quantized.loads()[0].activation_bits, 2);
}

#[test]
fn what_cannot_be_quantized_is_named() {
    let (float, options) = (folded(), NetworkOptions::default());
    let error = |model: &NetworkModel, table: &Table, options: &NetworkOptions| {
        let error = quantize_float_network(model, table, options).unwrap_err();
        error.to_string()
    };
    let constant = Table::from_rows(2, vec![1.0; 200]).unwrap();
    assert!(error(&float, &constant, &options).contains("constant in the calibration rows"));
    let empty = Table::from_rows(2, Vec::new()).unwrap();
    assert!(error(&float, &empty, &options).contains("calibration data"));
    let missing = Table::from_rows(2, vec![1.0, f64::NAN, 2.0, 3.0]).unwrap();
    assert!(error(&float, &missing, &options).contains("f1"));
    let narrow = Table::from_rows(1, vec![1.0, 2.0]).unwrap();
    assert!(error(&float, &narrow, &options).contains('2'));
    // Sums beyond every number.
    let large = layer(&[&[1e100, 1e100]], &[0.0], Activation::Relu);
    let larger = layer(&[&[1e100]], &[0.0], Activation::Identity);
    let overflowing = model(
        2,
        vec![
            large.clone(),
            layer(&[&[1e100]], &[0.0], Activation::Relu),
            larger,
        ],
    );
    let wide = Table::from_rows(2, vec![1e120, 0.0, 0.0, 1e120]).unwrap();
    assert!(error(&overflowing, &wide, &options).contains("layer 2, neuron 1: its sum overflows"));
    // Codes of 8 bits where 1024 outputs leave 4 slots.
    let rows: Vec<Vec<f64>> = (0..1024).map(|k| vec![1.0 + f64::from(k)]).collect();
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let outputs = layer(&rows, &vec![0.0; 1024], Activation::Identity);
    let crowded = model(
        2,
        vec![layer(&[&[1.0, 1.0]], &[0.0], Activation::Relu), outputs],
    );
    let eight = NetworkOptions {
        input_bits: Some(8),
        ..options
    };
    let text = error(&crowded, &square(100), &eight);
    assert!(
        text.contains("layer 1, neuron 1: it reads codes of 256 values"),
        "{text}"
    );
}

#[test]
fn too_large_networks_are_refused_at_once() {
    let start = std::time::Instant::now();
    let row: Vec<(u32, f64)> = (0..1000).map(|j| (j, 1.0)).collect();
    let wide = |neurons: usize| Layer {
        weights: vec![row.clone(); neurons],
        scale: vec![1.0; neurons],
        bias: vec![0.0; neurons],
        ..layer(&[], &[], Activation::Relu)
    };
    let last = Layer {
        activation: Activation::Identity,
        ..wide(3)
    };
    let table = Table::from_rows(1000, vec![0.5; 2000]).unwrap();
    for neurons in [1000, 10_000] {
        let deep = model(
            1000,
            vec![wide(neurons), wide(1000), wide(1000), last.clone()],
        );
        let found = quantize_float_network(&deep, &table, &NetworkOptions::default());
        assert!(
            matches!(
                found,
                Err(QuantizeError::NetworkTooLarge { .. } | QuantizeError::NothingVaries)
            ),
            "{neurons}"
        );
    }
    assert!(start.elapsed().as_secs() < 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Whatever the network and the rows: the integers fit the slots, and the circuit is one.
    #[test]
    fn limits_hold(
        weights in prop::collection::vec(-2.0..2.0_f64, 2 * 6 + 6 * 4 + 4 * 3),
        activation in prop_oneof![Just(Activation::Relu), Just(Activation::Tanh), Just(Activation::Gelu), Just(Activation::Abs)],
        scale in prop_oneof![Just(1e-30), Just(1.0), Just(1e20)],
        rows in 1_usize..60,
    ) {
        let (first, rest) = weights.split_at(12);
        let (second, last) = rest.split_at(24);
        let rows_of = |values: &[f64], width: usize| values.chunks(width).map(<[f64]>::to_vec).collect::<Vec<_>>();
        let build = |rows: Vec<Vec<f64>>, activation| {
            let slices: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            layer(&slices, &vec![0.1; rows.len()], activation)
        };
        let float = model(2, vec![
            build(rows_of(first, 2), activation),
            build(rows_of(second, 6), activation),
            build(rows_of(last, 4), Activation::Identity),
        ]);
        let values = square(rows).values().iter().map(|x| x * scale).collect();
        let table = Table::from_rows(2, values).unwrap();
        match quantize_float_network(&float, &table, &NetworkOptions::default()) {
            Ok((quantized, report)) => {
                let loads = quantized.loads();
                prop_assert!(loads[0].widest.0 <= 4096 / 4);
                prop_assert!(loads[1].widest.0 <= 4096 / 3);
                prop_assert!(loads[2].widest.0 <= 4096);
                prop_assert!(report.mean_score_error.is_finite());
                quantize_network(&quantized).unwrap();
            }
            Err(error) => prop_assert!(
                rows < 3 || scale != 1.0,
                "{error}"
            ),
        }
    }
}
