#![allow(missing_docs, clippy::all)]
use std::collections::HashMap;
use tenebra_models::data::{CsvSpec, read_csv};
use tenebra_models::*;
fn main() {
    let args: Vec<(String, String)> = std::env::args()
        .skip(1)
        .filter_map(|s| {
            s.split_once('=')
                .map(|(a, b)| (a.to_string(), b.to_string()))
        })
        .collect();
    let a: HashMap<String, String> = args.iter().cloned().collect();
    let g = |k: &str, d: &str| a.get(k).cloned().unwrap_or(d.to_string());
    let target = g("target", "y");
    let read = |p: String| {
        let b = std::fs::read(&p).unwrap();
        read_csv(&b[..], &CsvSpec::with_target(&target)).unwrap()
    };
    let (tr, te) = (read(g("train", "")), read(g("test", "")));
    for seed in 0..g("seeds", "1").parse::<u64>().unwrap() {
        let mut e = Estimator::new(&g("model", "MLPClassifier")).unwrap();
        e.set("random_state", &seed.to_string()).unwrap();
        for (k, v) in &args {
            if !["train", "test", "target", "seeds", "model"].contains(&k.as_str()) {
                e.set(k, v).unwrap();
            }
        }
        let t = std::time::Instant::now();
        let m = e.fit(&tr).unwrap().model;
        let secs = t.elapsed().as_secs_f64();
        let Model::Network(n) = &m else { panic!() };
        let q = quantize(&m, None, &QuantizeOptions::default()).unwrap();
        let c = q.verified().unwrap();
        let score = |d: &data::DataSet, sim: bool| -> f64 {
            let p: Vec<Prediction> = d
                .table
                .rows()
                .map(|r| {
                    if sim {
                        q.decode(&tenebra_sim::run(&c, &q.encode(r).unwrap().codes).unwrap())
                            .unwrap()
                    } else {
                        m.predict(r).unwrap()
                    }
                })
                .collect();
            let mut o = scores::Outcomes::new(m.classes(), Some(m.inverse_link()), &[]);
            o.extend(&p, &d.targets, None).unwrap();
            o.score(m.metric()).unwrap()
        };
        let l: Vec<String> = n
            .loads()
            .iter()
            .map(|l| {
                format!(
                    "nnz {} (max {}) prod {} R {}",
                    l.weights, l.most_weights, l.products, l.widest.0
                )
            })
            .collect();
        println!(
            "seed {seed}: train {:.4} TEST quantized {:.4} (unrounded {:.4})  {secs:.1}s | {}",
            score(&tr, true),
            score(&te, true),
            score(&te, false),
            l.join(" | ")
        );
    }
}
