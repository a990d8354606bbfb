//! Lloyd's algorithm in one dimension, as scikit-learn's `KMeans` runs it from given centres: where values lie midway between two centres,
//! rounding decides, so that the order of operations is part of what is computed.

/// The most rounds, and the shift of the centres at which to stop, in variances.
const ROUNDS: usize = 300;
const TOLERANCE: f64 = 1e-4;

struct Clusters<'a> {
    /// Less their mean.
    values: Vec<f64>,
    weights: &'a [f64],
    centers: Vec<f64>,
}

/// The centres of values, of which each has a weight; in the order of `centers`, where the search starts.
pub(super) fn centers(values: &[f64], weights: &[f64], centers: Vec<f64>) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = pairwise_sum(values) / n;
    let less = |x: &f64| x - mean;
    let mut clusters = Clusters {
        values: values.iter().map(less).collect(),
        weights,
        centers: centers.iter().map(less).collect(),
    };
    let squares: Vec<f64> = clusters.values.iter().map(|x| x * x).collect();
    let tolerance = pairwise_sum(&squares) / n * TOLERANCE;
    let mut before: Vec<usize> = Vec::new();
    for _ in 0..ROUNDS {
        let labels: Vec<usize> = clusters
            .values
            .iter()
            .map(|x| clusters.nearest(*x))
            .collect();
        let moved = clusters.averages(&labels);
        let shifts = moved
            .iter()
            .zip(&clusters.centers)
            .map(|(a, b)| (a - b) * (a - b));
        let shift: f64 = shifts.sum();
        clusters.centers = moved;
        if labels == before || shift <= tolerance {
            break;
        }
        before = labels;
    }
    clusters
        .centers
        .iter()
        .map(|center| center + mean)
        .collect()
}

impl Clusters<'_> {
    /// The first of the nearest centres, by the part of the squared distance that depends on the centre.
    fn nearest(&self, x: f64) -> usize {
        let mut best = (0, f64::INFINITY);
        for (at, center) in self.centers.iter().enumerate() {
            let distance = center * center - 2.0 * (x * center);
            if distance < best.1 {
                best = (at, distance);
            }
        }
        best.0
    }

    fn averages(&self, labels: &[usize]) -> Vec<f64> {
        let mut sums = vec![0.0; self.centers.len()];
        let mut totals = vec![0.0; self.centers.len()];
        for ((x, weight), &label) in self.values.iter().zip(self.weights).zip(labels) {
            sums[label] += x * weight;
            totals[label] += weight;
        }
        self.relocate(labels, &mut sums, &mut totals);
        let first_largest =
            |best: usize, at: usize| if totals[at] > totals[best] { at } else { best };
        let largest = (0..totals.len()).fold(0, first_largest);
        // One after the other: a cluster that is still empty takes the largest one's sum if that comes behind it.
        for at in 0..sums.len() {
            if totals[at] > 0.0 {
                sums[at] *= 1.0 / totals[at];
            } else {
                sums[at] = sums[largest];
            }
        }
        sums
    }

    /// Clusters without values get those that are farthest from their centres, of equally far ones the last.
    fn relocate(&self, labels: &[usize], sums: &mut [f64], totals: &mut [f64]) {
        let empty: Vec<usize> = (0..totals.len()).filter(|at| totals[*at] == 0.0).collect();
        let distance = |row: usize| {
            let far = self.values[row] - self.centers[labels[row]];
            far * far
        };
        let mut rows: Vec<usize> = (0..labels.len()).collect();
        rows.sort_by(|a, b| distance(*b).total_cmp(&distance(*a)).then(b.cmp(a)));
        if rows.first().is_none_or(|row| distance(*row) == 0.0) {
            return;
        }
        for (at, row) in empty.into_iter().zip(rows) {
            let (old, weight) = (labels[row], self.weights[row]);
            sums[old] -= self.values[row] * weight;
            sums[at] = self.values[row] * weight;
            totals[at] = weight;
            totals[old] -= weight;
        }
    }
}

/// The sum as NumPy rounds it: eight sums side by side in blocks of 128, blocks in halves.
fn pairwise_sum(values: &[f64]) -> f64 {
    const LANES: usize = 8;
    const BLOCK: usize = 128;
    let n = values.len();
    if n < LANES {
        return values.iter().fold(-0.0, |sum, x| sum + x);
    }
    if n > BLOCK {
        let half = n / 2 - n / 2 % LANES;
        let (low, high) = values.split_at(half);
        return pairwise_sum(low) + pairwise_sum(high);
    }
    let (lanes, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in lanes {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x;
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(sum, |sum, x| sum + x)
}
