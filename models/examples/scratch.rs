#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]
use std::fs;
use tenebra_models::data::{CsvSpec, read_csv};
use tenebra_models::{Model, QuantizeOptions, import, quantize_with_report};
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let dir = &args[0];
    let read = |f: &str| fs::read(format!("{dir}/{f}")).unwrap();
    let bytes = read("model.onnx");
    let model = import::read(&bytes, None).unwrap();
    let train = read_csv(read("train.csv").as_slice(), &CsvSpec::with_target("y")).unwrap();
    let test = read_csv(read("test.csv").as_slice(), &CsvSpec::with_target("y")).unwrap();
    let Model::Network(net) = &model else {
        println!("{dir}: not a network");
        return;
    };
    let shape: Vec<usize> = net.layers.iter().map(|l| l.weights.len()).collect();
    let start = std::time::Instant::now();
    match quantize_with_report(&model, Some(&train.table), &QuantizeOptions::default()) {
        Err(e) => println!("{dir}: {shape:?}: {e}"),
        Ok((q, report)) => {
            let secs = start.elapsed().as_secs_f64();
            let mut score = |float: bool| {
                let predictions: Vec<_> = test
                    .table
                    .rows()
                    .map(|row| {
                        if float {
                            return model.predict(row).unwrap();
                        }
                        let codes = q.encode(row).unwrap().codes;
                        q.decode(&tenebra_sim::run(q.circuit(), &codes).unwrap())
                            .unwrap()
                    })
                    .collect();
                let link = Some(net.inverse_link);
                let mut outcomes = tenebra_models::scores::Outcomes::new(&net.classes, link, &[]);
                outcomes.extend(&predictions, &test.targets, None).unwrap();
                outcomes.score(net.metric()).unwrap()
            };
            let (a, b) = (score(true), score(false));
            let r = report.network.unwrap();
            println!(
                "{dir}: {shape:?} float {a:.4} quantized {b:.4} ({:+.4}) in {} act {:?} weights {:?} of {:?} err {:.3} {secs:.1}s",
                b - a,
                r.input_bits,
                r.activation_bits,
                r.weights,
                r.float_weights,
                r.mean_score_error
            );
        }
    }
}
