use tenebra_circuit::{CircuitBuilder, Matrix, ValueId, verify};

use super::*;

/// Evaluates a form on codes that are counted from 0.
pub(crate) fn evaluate(form: &NetworkForm, codes: &[u64]) -> Vec<i64> {
    let mut hidden: Vec<i64> = Vec::new();
    let at = |sum: &Sum, hidden: &[i64]| -> usize {
        let terms = sum.terms.iter().map(|(code, weight)| match code {
            Code::Input(input) => weight * codes[*input].cast_signed(),
            Code::Neuron(neuron) => weight * hidden[*neuron],
        });
        usize::try_from(terms.sum::<i64>() - sum.least).unwrap()
    };
    for neuron in &form.hidden {
        hidden.push(neuron.codes[at(&neuron.sum, &hidden)].into());
    }
    let mut outputs = form.outputs.bias.clone();
    for (readout, table) in form.readouts.iter().zip(&form.outputs.tables) {
        let row = &table.rows[at(&readout.sum, &hidden)];
        outputs.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
    }
    outputs
}

/// `table(z) = f(z)` over these sums.
fn lookup(
    b: &mut CircuitBuilder,
    input: ValueId,
    spans: &[(i64, i64)],
    f: impl Fn(i64) -> i64,
) -> ValueId {
    let tables = spans.iter().map(|(min, max)| Table {
        min: *min,
        values: (*min..=*max).map(&f).collect(),
    });
    b.lookup(input, tables.collect())
}

#[test]
fn layers_by_hand() {
    let mut b = CircuitBuilder::new();
    let x = b.input(
        "x",
        vec![
            Interval::new(-1, 2),
            Interval::new(0, 1),
            Interval::new(5, 5),
        ],
    );
    // 2·x0 − 2·x1 + x2 = 5 + 2·(x0 − x1); its negative; a neuron that does not depend on anything; 3·(x0 + x1).
    let weights = vec![2, -2, 1, -2, 2, -1, 0, 0, 3, 3, 3, 0];
    let z = b.linear(x, Matrix::dense(4, 3, weights), vec![0, 0, 1, 0]);
    let spans = [(1, 9), (-9, -1), (16, 16), (-3, 9)];
    let a = lookup(&mut b, z, &spans, |z| (z.abs() - 4).max(0) * 3);
    let weights = vec![1, -1, 0, 0, 1, 1, 1, 1];
    let z = b.linear(a, Matrix::dense(2, 4, weights), vec![0, -7]);
    let h = lookup(&mut b, z, &[(-15, 15), (-7, 90)], |z| z / 4);
    let y = b.linear(h, Matrix::dense(1, 2, vec![3, 1]), vec![-2]);
    b.output("y", y);
    let circuit = verify(&b.finish()).unwrap();
    let form = network_form(&circuit).unwrap();
    // Both neurons are |5 + 2·(x0 − x1)|, with the sum u = (x0 + 1) − x1 + 1 from 0 to 4: one neuron. Their difference is 0.
    assert_eq!(form.hidden.len(), 2);
    let neuron = &form.hidden[0];
    assert_eq!(
        neuron.sum.terms,
        [(Code::Input(0), 1), (Code::Input(1), -1)]
    );
    assert_eq!(
        (neuron.sum.least, neuron.sum.span, neuron.place.layer),
        (-1, 4, 1)
    );
    // z = 1, 3, …, 9, so (|z| − 4)₊ = 0, 0, 1, 3, 5.
    assert_eq!(
        (neuron.codes.as_slice(), neuron.bits),
        ([0, 0, 1, 3, 5].as_slice(), 3)
    );
    assert_eq!(form.readouts.len(), 1);
    assert_eq!(form.readouts[0].place.layer, 2);
    for (x0, x1) in [(0u64, 0u64), (3, 0), (3, 1), (0, 1), (2, 0)] {
        let z = 5 + 2 * (x0.cast_signed() - 1 - x1.cast_signed());
        let f = |z: i64| (z.abs() - 4).max(0) * 3;
        // The table of a constant: (16 − 4)·3 = 36.
        let sum = 2 * f(z) + 36 + f(3 * (x0.cast_signed() - 1 + x1.cast_signed()));
        assert_eq!(evaluate(&form, &[x0, x1, 0]), [(sum - 7) / 4 - 2]);
    }
}

#[test]
fn a_table_of_a_table_is_a_table() {
    let mut b = CircuitBuilder::new();
    let x = b.input("x", vec![Interval::new(0, 3); 2]);
    let z = b.linear(x, Matrix::dense(1, 2, vec![1, 1]), vec![0]);
    let a = lookup(&mut b, z, &[(0, 6)], |z| (z - 3).abs());
    let z = b.linear(a, Matrix::dense(1, 1, vec![-2]), vec![6]);
    let h = lookup(&mut b, z, &[(0, 6)], |z| z * z);
    b.output("y", h);
    let form = network_form(&verify(&b.finish()).unwrap()).unwrap();
    assert_eq!((form.hidden.len(), form.readouts.len()), (0, 1));
    assert_eq!(form.readouts[0].place.layer, 1);
    for codes in [[0, 0], [3, 3], [1, 2], [2, 0]] {
        let a = (codes[0] + codes[1] - 3i64).abs();
        let codes = codes.map(i64::cast_unsigned);
        assert_eq!(evaluate(&form, &codes), [(6 - 2 * a).pow(2)]);
    }
}

#[test]
fn what_fits_no_ring_is_refused_by_name() {
    let mut b = CircuitBuilder::new();
    let x = b.input("x", vec![Interval::new(0, 15); 300]);
    let z = b.linear(x, Matrix::dense(1, 300, vec![1; 300]), vec![0]);
    let a = lookup(&mut b, z, &[(0, 4500)], |z| z & 1);
    b.output("y", a);
    let error = network_form(&verify(&b.finish()).unwrap()).unwrap_err();
    assert_eq!(
        error,
        PlanError::SumTooWide {
            layer: 1,
            neuron: 0,
            weights: 300,
            largest_code: 15,
            values: 4501,
            fitting: 4096
        }
    );
}
