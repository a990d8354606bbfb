//! What neural networks cost, whose neurons have random weights of ±1 to ±3: on one thread, from query bytes to response bytes.
//!
//! `cargo run --release -p tenebra-benches --example networks [rows]` prints a table; every output is compared with the simulator's.
//! Times are the least and the median of all rows: other work on the machine only adds to them.

#![expect(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a measurement prints, of numbers that are small and positive"
)]

use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_benches::{machine, spec};
use tenebra_circuit::{
    CircuitBuilder, Interval, Matrix, Options, QueryMode, Table, ValueId, Verified, verify,
};
use tenebra_client::{ClientKey, ClientSpec};
use tenebra_tfhe::Program;

/// A network of layers of so many neurons, each of which reads so many others.
struct Shape {
    name: &'static str,
    widths: &'static [usize],
    weights: usize,
    input_bits: u32,
    activation_bits: u32,
    output_weight: i64,
    modes: &'static [QueryMode],
}

const BOTH: &[QueryMode] = &[QueryMode::Direct, QueryMode::Packed];

const SHAPES: [Shape; 6] = [
    Shape {
        name: "64-32-10, 30 weights",
        widths: &[64, 32, 10],
        weights: 30,
        input_bits: 2,
        activation_bits: 2,
        output_weight: 7,
        modes: BOTH,
    },
    Shape {
        name: "64-32-10, 30 weights, 1-bit inputs",
        widths: &[64, 32, 10],
        weights: 30,
        input_bits: 1,
        activation_bits: 2,
        output_weight: 7,
        modes: BOTH,
    },
    Shape {
        name: "30-16-1, 20 weights",
        widths: &[30, 16, 1],
        weights: 20,
        input_bits: 3,
        activation_bits: 3,
        output_weight: 15,
        modes: BOTH,
    },
    Shape {
        name: "30-32-16-2, 24 weights",
        widths: &[30, 32, 16, 2],
        weights: 24,
        input_bits: 2,
        activation_bits: 2,
        output_weight: 7,
        modes: BOTH,
    },
    Shape {
        name: "64-32-16-10, 30 weights",
        widths: &[64, 32, 16, 10],
        weights: 30,
        input_bits: 2,
        activation_bits: 2,
        output_weight: 7,
        modes: BOTH,
    },
    Shape {
        name: "64-32-16-16-10, 16 weights, 1-bit results",
        widths: &[64, 32, 16, 16, 10],
        weights: 16,
        input_bits: 2,
        activation_bits: 1,
        output_weight: 3,
        modes: &[QueryMode::Direct],
    },
];

/// Values that the sum of a neuron has at most.
const VALUES: i64 = 200;

fn below(rng: &mut ChaCha20Rng, n: usize) -> usize {
    ((u64::from(rng.next_u32()) * n as u64) >> 32) as usize
}

fn neuron(shape: &Shape, inputs: usize, most: i64, rng: &mut ChaCha20Rng) -> (Vec<i64>, Table) {
    let mut weights = vec![0i64; inputs];
    let mut norm = 0;
    for _ in 0..shape.weights.min(inputs) {
        let (at, weight) = (below(rng, inputs), 1 + below(rng, 3) as i64);
        if weights[at] == 0 && (norm + weight) * most < VALUES {
            weights[at] = if below(rng, 2) == 0 { weight } else { -weight };
            norm += weight;
        }
    }
    let end = |sign: i64| {
        let terms = weights.iter().map(|w| (w * sign).max(0) * most * sign);
        terms.sum::<i64>()
    };
    let (least, largest) = (end(-1), end(1));
    let levels = 1i64 << shape.activation_bits;
    let (middle, step) = (i64::midpoint(least, largest), (largest - least) / 12 + 1);
    let value = |z: i64| ((z - middle).div_euclid(step) + levels / 2).clamp(0, levels - 1);
    let values = (least..=largest).map(value).collect();
    (weights, Table { min: least, values })
}

#[expect(clippy::unwrap_used, reason = "small numbers overflow nothing")]
fn network(shape: &Shape) -> Verified {
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let mut builder = CircuitBuilder::new();
    let mut most = (1i64 << shape.input_bits) - 1;
    let inputs = shape.widths[0];
    let mut value: ValueId = builder.input("x", vec![Interval::new(0, most); inputs]);
    let last = shape.widths.len() - 1;
    for pair in shape.widths[..last].windows(2) {
        let neurons = (0..pair[1]).map(|_| neuron(shape, pair[0], most, &mut rng));
        let (rows, tables): (Vec<_>, Vec<_>) = neurons.unzip();
        let weights = Matrix::dense(pair[1], pair[0], rows.concat());
        let z = builder.linear(value, weights, vec![0; pair[1]]);
        value = builder.lookup(z, tables);
        most = (1 << shape.activation_bits) - 1;
    }
    let (outputs, width) = (shape.widths[last], shape.widths[last - 1]);
    let span = 2 * shape.output_weight as usize + 1;
    let weights = (0..outputs * width).map(|_| below(&mut rng, span) as i64 - shape.output_weight);
    let weights = Matrix::dense(outputs, width, weights.collect());
    let y = builder.linear(value, weights, vec![0; outputs]);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

#[expect(clippy::unwrap_used, reason = "a measurement that fails should stop")]
fn measure(shape: &Shape, query: QueryMode, rows: usize) {
    let circuit = network(shape);
    let options = Options {
        query,
        ..Options::default()
    };
    let start = Instant::now();
    let program = match Program::prepare(&circuit, &options) {
        Ok(program) => program,
        Err(error) => return println!("| {} | {query:?} | {error} |", shape.name),
    };
    let plan_ms = start.elapsed().as_secs_f64() * 1e3;
    let file = spec(&program).encode().unwrap();
    let client = ClientSpec::parse(&file).unwrap();
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let key = ClientKey::generate(&client, &mut rng);
    let evaluation_key = client.evaluation_key_file(&key, &mut rng).unwrap();
    let evaluation_key =
        evaluation_key.map(|file| program.prepare_key(client.id(), &file).unwrap());
    let mut times = Vec::new();
    for _ in 0..rows {
        let ranges = circuit.input_ranges();
        let codes = ranges
            .iter()
            .map(|range| below(&mut rng, range.max as usize + 1) as i64);
        let codes: Vec<i64> = codes.collect();
        let query = client.encrypt_codes(&key, &codes, &mut rng).unwrap();
        let start = Instant::now();
        let response = program.evaluate(client.id(), evaluation_key.as_ref(), &query);
        times.push(start.elapsed().as_secs_f64() * 1e3);
        let integers = client
            .decrypt_rows(&key, &response.unwrap())
            .unwrap()
            .concat();
        assert_eq!(
            integers,
            tenebra_sim::run(&circuit, &codes).unwrap(),
            "{codes:?}"
        );
    }
    times.sort_by(f64::total_cmp);
    let report = program.report().pop().unwrap();
    println!(
        "| {} | {query:?} | {rows}/{rows} | 2^{:.0} | {} | {} | {:.1} | {:.1} | {:.1} | {} | {} | {plan_ms:.0} |",
        shape.name,
        report.p_fail_log2,
        report.external_products,
        report.key_switches,
        times[0],
        times[rows / 2],
        report.predicted_evaluate_ms,
        report.query_bytes,
        program.evaluation_key_bytes().unwrap_or(0),
    );
    for (index, layer) in report.layers.iter().enumerate() {
        println!(
            "|   layer {}: {} neurons, {} CMUX, {} key switches, {:.1} ms predicted |",
            index + 1,
            layer.neurons,
            layer.external_products,
            layer.key_switches,
            layer.predicted_ms
        );
    }
}

fn main() {
    let rows = std::env::args().nth(1).and_then(|rows| rows.parse().ok());
    println!("{}\n", machine());
    println!(
        "| network | query | exact | p_fail | CMUX | key switches | least ms | median ms | predicted ms | query B | key B | planned in ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for shape in &SHAPES {
        for query in shape.modes {
            measure(shape, *query, rows.unwrap_or(10));
        }
    }
}
