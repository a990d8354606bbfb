//! Networks that are trained here, from the table to the circuit.
#![cfg(feature = "networks")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::cell::{Cell, RefCell};
use core::ops::ControlFlow;

use tenebra_models::data::{CsvSpec, DataSet, read_csv};
use tenebra_models::network::{Layer, LayerLoad};
use tenebra_models::{
    CostModel, Epoch, Estimator, Model, NetworkModel, QuantizeOptions, Trained, Watch, quantize,
};

/// Points of a plane, inside of a ring or not, and their distance from the centre.
fn rings(rows: usize) -> DataSet {
    let mut text = String::from("u,v,flat,inside\n");
    for row in 0..rows {
        let angle = row as f64 * 2.399_963;
        let radius = (row as f64 + 0.5) / rows as f64;
        let inside = if radius < 0.6 { "yes" } else { "no" };
        let (u, v) = (radius * angle.cos(), radius * angle.sin());
        text.push_str(&format!("{u},{v},7,{inside}\n"));
    }
    read_csv(text.as_bytes(), &CsvSpec::with_target("inside")).unwrap()
}

/// `y = |u|` and `z = u + v`.
fn sums(rows: usize) -> DataSet {
    let mut text = String::from("u,v,y,z\n");
    for row in 0..rows {
        let (u, v) = ((row * 37 % 101) as f64 / 50.0 - 1.0, (row * 53 % 97) as f64);
        text.push_str(&format!("{u},{v},{},{}\n", 100.0 + u.abs(), u * 48.0 + v));
    }
    let spec = CsvSpec {
        targets: vec!["y".into(), "z".into()],
        ..CsvSpec::with_target("y")
    };
    read_csv(text.as_bytes(), &spec).unwrap()
}

fn estimator(name: &str, settings: &[(&str, &str)]) -> Estimator {
    let mut estimator = Estimator::new(name).unwrap();
    for (name, value) in settings {
        estimator.set(name, value).unwrap();
    }
    estimator
}

fn network(trained: Trained) -> NetworkModel {
    match trained.model {
        Model::Network(model) => model,
        other => panic!("a network is trained, not {}", other.estimator()),
    }
}

/// Scores of the quantized model on clear integers, the usual metric's value.
fn simulated(model: &NetworkModel, data: &DataSet) -> f64 {
    let quantized = quantize(
        &Model::Network(model.clone()),
        None,
        &QuantizeOptions::default(),
    )
    .unwrap();
    let circuit = quantized.circuit();
    let predict = |row: &[f64]| {
        let codes = quantized.encode(row).unwrap().codes;
        quantized
            .decode(&tenebra_sim::run(circuit, &codes).unwrap())
            .unwrap()
    };
    let predictions: Vec<_> = data.table.rows().map(predict).collect();
    let link = Some(model.inverse_link);
    let mut outcomes = tenebra_models::scores::Outcomes::new(&model.classes, link, &[]);
    outcomes.extend(&predictions, &data.targets, None).unwrap();
    outcomes.score(model.metric()).unwrap()
}

const QUICK: &[(&str, &str)] = &[
    ("hidden_layer_sizes", "12"),
    ("max_iter", "60"),
    ("n_bits", "4"),
];

#[test]
fn what_no_line_divides_is_learned() {
    let data = rings(400);
    let model = network(estimator("MLPClassifier", QUICK).fit(&data).unwrap());
    let accuracy = simulated(&model, &data);
    assert!(accuracy > 0.93, "{accuracy}");
    assert_eq!(model.inputs.len(), 2, "a constant column is not sent");
    // Codes and weights are what the parameters say.
    let loads = model.loads();
    assert!(loads[0].widest.0 <= 2048 && loads[0].activation_bits == 3);
    assert!(loads[1].widest.0 <= 1 << 10);
    let weights = model.layers[0].weights.iter().flatten();
    assert!(weights.map(|&(_, w)| w.abs()).fold(0.0, f64::max) <= 3.0);
}

#[test]
fn several_numbers_are_learned_in_their_units() {
    let data = sums(500);
    let settings = [
        ("hidden_layer_sizes", "16"),
        ("max_iter", "80"),
        ("n_bits", "5"),
        ("output_bits", "14"),
    ];
    let model = network(estimator("MLPRegressor", &settings).fit(&data).unwrap());
    assert_eq!(
        model.target_names.as_deref(),
        Some(&["y".to_owned(), "z".to_owned()][..])
    );
    let r2 = simulated(&model, &data);
    assert!(r2 > 0.9, "{r2}");
}

#[test]
fn every_activation_and_depth_keeps_its_budget() {
    let data = rings(120);
    for activation in ["relu", "tanh", "logistic", "identity"] {
        for (sizes, bits) in [("6", "1"), ("6,5", "2,1"), ("6,5,4", "1")] {
            let settings = [
                ("hidden_layer_sizes", sizes),
                ("activation", activation),
                ("activation_bits", bits),
                ("max_iter", "3"),
                ("max_weights", "2"),
                ("max_range", "40"),
                ("output_bits", "6"),
            ];
            let model = network(estimator("MLPClassifier", &settings).fit(&data).unwrap());
            let loads = model.loads();
            let (last, hidden) = loads.split_last().unwrap();
            assert!(
                hidden
                    .iter()
                    .all(|load| load.most_weights <= 2 && load.widest.0 <= 40)
            );
            assert!(last.widest.0 <= 64);
            simulated(&model, &data);
        }
    }
}

/// A product takes a millisecond.
#[derive(Debug)]
struct Slow;

impl CostModel for Slow {
    fn milliseconds(&self, layers: &[LayerLoad]) -> f64 {
        layers.iter().map(|layer| layer.products as f64).sum()
    }
}

#[derive(Debug, Default)]
struct Watched {
    ends_after: Option<usize>,
    epochs: Cell<usize>,
    checkpoint: RefCell<Option<String>>,
    resumed: Option<String>,
}

impl Watch for Watched {
    fn epoch(&self, epoch: &Epoch) -> ControlFlow<()> {
        assert!(epoch.loss.is_finite() && epoch.score <= 1.0 && epoch.score_name == "accuracy");
        self.epochs.set(self.epochs.get() + 1);
        if self.ends_after == Some(self.epochs.get()) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn resume(&self) -> Option<String> {
        self.resumed.clone()
    }

    fn checkpoint(&self, make: &dyn Fn() -> String) {
        self.checkpoint.replace(Some(make()));
    }

    fn cost_model(&self) -> &dyn CostModel {
        &Slow
    }
}

#[test]
fn budgets_of_time_go_by_the_cost_model_of_whoever_asks() {
    let data = rings(120);
    let mut estimator = estimator("MLPClassifier", QUICK);
    estimator.set("max_iter", "5").unwrap();
    for (milliseconds, products) in [("40", 40), ("7.5", 7)] {
        estimator.set("max_milliseconds", milliseconds).unwrap();
        let trained = estimator.fit_watched(&data, &Watched::default()).unwrap();
        let found = network(trained).loads()[0].products;
        assert!(found <= products, "{found}");
    }
    for (name, value, expected) in [
        (
            "max_milliseconds",
            "0.5",
            "max_milliseconds = 0.5, but one weight in each hidden layer takes ",
        ),
        (
            "max_products",
            "1",
            "max_products = 1, but one weight in each hidden layer takes ",
        ),
    ] {
        let mut estimator = estimator.clone();
        estimator.set(name, value).unwrap();
        let error = estimator
            .fit_watched(&data, &Watched::default())
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    estimator.set("hidden_layer_sizes", "12,12").unwrap();
    estimator.set("max_milliseconds", "1").unwrap();
    let error = estimator.fit(&data).unwrap_err().to_string();
    assert!(error.contains("37.4 ms without any weight"), "{error}");
}

#[test]
fn training_repeats_and_goes_on_where_it_was() {
    let data = rings(150);
    let mut estimator = estimator("MLPClassifier", QUICK);
    estimator.set("max_iter", "12").unwrap();
    estimator.set("max_weights", "1").unwrap();
    let layers = |trained: Trained| -> Vec<Layer> { network(trained).layers.clone() };
    let whole = layers(estimator.fit(&data).unwrap());
    assert_eq!(layers(estimator.fit(&data).unwrap()), whole);
    for ends_after in [1, 5, 9] {
        let first = Watched {
            ends_after: Some(ends_after),
            ..Watched::default()
        };
        // What it has until then is a network, within its budget.
        let part = network(estimator.fit_watched(&data, &first).unwrap());
        assert!(part.loads()[0].most_weights <= 1);
        let second = Watched {
            resumed: first.checkpoint.into_inner(),
            ..Watched::default()
        };
        assert_eq!(
            layers(estimator.fit_watched(&data, &second).unwrap()),
            whole
        );
        assert_eq!(second.epochs.get(), 12 - ends_after);
    }
    estimator.set("random_state", "1").unwrap();
    assert_ne!(layers(estimator.fit(&data).unwrap()), whole);
}

#[test]
fn checkpoints_of_something_else_are_refused() {
    let data = rings(60);
    let mut estimator = estimator("MLPClassifier", QUICK);
    estimator.set("max_iter", "2").unwrap();
    let watched = Watched::default();
    estimator.fit_watched(&data, &watched).unwrap();
    let checkpoint = watched.checkpoint.into_inner().unwrap();
    let refused = |estimator: &Estimator, data: &DataSet, text: &str| {
        let watch = Watched {
            resumed: Some(text.to_owned()),
            ..Watched::default()
        };
        estimator.fit_watched(data, &watch).unwrap_err().to_string()
    };
    let message = refused(&estimator, &data, "{}");
    assert!(message.contains("is not one of a training"), "{message}");
    let message = refused(&estimator, &rings(61), &checkpoint);
    assert!(message.contains("on other data"), "{message}");
    let short = checkpoint.replacen("\"values\":[", "\"values\":[0.5,", 1);
    let message = refused(&estimator, &data, &short);
    assert!(message.contains("contradicts itself"), "{message}");
    estimator.set("alpha", "0.5").unwrap();
    let message = refused(&estimator, &data, &checkpoint);
    assert!(message.contains("other parameters"), "{message}");
}

#[test]
fn early_stopping_holds_rows_out() {
    let data = rings(200);
    let mut estimator = estimator("MLPClassifier", QUICK);
    for (name, value) in [
        ("early_stopping", "true"),
        ("n_iter_no_change", "2"),
        ("max_iter", "400"),
    ] {
        estimator.set(name, value).unwrap();
    }
    let watched = Watched::default();
    let model = network(estimator.fit_watched(&data, &watched).unwrap());
    assert!(watched.epochs.get() < 400, "{}", watched.epochs.get());
    let accuracy = simulated(&model, &data);
    assert!(accuracy > 0.8, "{accuracy}");
}

#[test]
fn what_cannot_be_trained_says_why() {
    let data = rings(60);
    let cases: [(&[(&str, &str)], &str); 4] = [
        (
            &[("activation_bits", "2,2")],
            "activation_bits has 2 values for 1 hidden layers",
        ),
        (
            &[("hidden_layer_sizes", "4,4,4"), ("weight_bits", "3,3")],
            "weight_bits has 2 values for 3",
        ),
        (
            &[("n_bits", "8"), ("max_range", "100")],
            "layer 1 reads codes of 256 values and its sums may take 100",
        ),
        (
            &[("activation_bits", "8"), ("output_bits", "4")],
            "layer 2 reads codes of 256 values",
        ),
    ];
    for (settings, message) in cases {
        let found = estimator("MLPClassifier", settings).fit(&data);
        let found = found.unwrap_err().to_string();
        assert!(found.contains(message), "{found}");
    }
    let flat = read_csv(&b"a,y\n1,0\n1,1\n1,0\n"[..], &CsvSpec::with_target("y")).unwrap();
    let found = estimator("MLPClassifier", &[])
        .fit(&flat)
        .unwrap_err()
        .to_string();
    assert!(found.contains("all features are constant"), "{found}");
}

/// Units of the targets change nothing but the scale and the bias of the scores: by a power of 2, to the bit.
#[test]
fn targets_of_any_size_are_learned() {
    let mut data = sums(200);
    data.targets.truncate(1);
    let fit = |power: i32| {
        let mut scaled = data.clone();
        for cell in &mut scaled.targets[0].cells {
            let y = cell.parse::<f64>().unwrap() * 2f64.powi(power);
            *cell = format!("{y:e}");
        }
        network(estimator("MLPRegressor", QUICK).fit(&scaled).unwrap())
    };
    let (one, tiny, huge) = (fit(0), fit(-1000), fit(300));
    assert!(simulated(&one, &data) > 0.8);
    for (other, power) in [(&tiny, -1000), (&huge, 300)] {
        let [first, last] = &one.layers[..] else {
            panic!("one hidden layer");
        };
        assert_eq!(&other.layers[0], first);
        assert_eq!(other.layers[1].weights, last.weights);
        let units = [last.scale[0], last.bias[0]].map(|x| x * 2f64.powi(power));
        assert_eq!([other.layers[1].scale[0], other.layers[1].bias[0]], units);
    }
}
