//! Integer weights for a real weighted sum, by least error on data.

use super::moments::Moments;

/// The integers of a neuron and what one is worth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IntegerRow {
    pub(super) scale: f64,
    /// One per value that it may read.
    pub(super) weights: Vec<i32>,
    /// What is left of the squared error, less a constant: smaller is better, and 0 without weights.
    pub(super) error: f64,
}

/// What the integers keep to.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Largest magnitude of a weight.
    pub(super) max_weight: i32,
    /// Largest `sum |w_j| * widths_j`.
    pub(super) max_reach: i64,
}

/// Starting scales, in units of the one that spends all of the reach on the real weights as they are.
const STARTS: [f64; 6] = [0.5, 0.71, 1.0, 1.41, 2.0, 2.83];

/// The integers `q` and the scale `t` with a small `|t q - w|^2` in the norm of the second moments, `sum |q_j| widths_j` in reach.
///
/// A matching pursuit of unit steps: from 0, the step that takes most of the error for its reach, until nothing helps; the scale
/// with the least error for these integers; and again. Then steps are exchanged while that helps.
pub(super) fn pursue(
    moments: &Moments,
    product: &[f64],
    start: &[f64],
    widths: &[i64],
    limits: &Limits,
) -> IntegerRow {
    let n = start.len();
    let empty = IntegerRow {
        scale: 1.0,
        weights: vec![0; n],
        error: 0.0,
    };
    let reach: f64 = start
        .iter()
        .zip(widths)
        .map(|(w, &width)| w.abs() * width as f64)
        .sum();
    let largest = start.iter().fold(0.0, |most: f64, w| most.max(w.abs()));
    let spent = reach / limits.max_reach.max(1) as f64;
    let full = largest / f64::from(limits.max_weight);
    let mut best = empty;
    let mut tried = 0.0;
    for by in STARTS {
        // Where the reach is no limit, the largest weight gets the largest integer.
        let scale = (spent * by).max(full);
        if !scale.is_finite() || scale < 1e-200 || scale == tried {
            continue;
        }
        tried = scale;
        let mut search = Search {
            moments,
            product,
            widths,
            limits,
            scale,
            weights: vec![0; n],
            image: vec![0.0; n],
            left: limits.max_reach,
        };
        let error = search.run();
        if error < best.error {
            best = IntegerRow {
                scale: search.scale,
                weights: search.weights,
                error,
            };
        }
    }
    best
}

struct Search<'a> {
    moments: &'a Moments,
    product: &'a [f64],
    widths: &'a [i64],
    limits: &'a Limits,
    scale: f64,
    weights: Vec<i32>,
    /// The moments times the integers.
    image: Vec<f64>,
    /// Reach that is not spent.
    left: i64,
}

/// A step by one of a weight, what it costs and what it changes the error by.
#[derive(Clone, Copy)]
struct Move {
    at: usize,
    up: bool,
    cost: i64,
    change: f64,
}

impl Search<'_> {
    /// The error in the end.
    fn run(&mut self) -> f64 {
        const ROUNDS: usize = 4;
        for _ in 0..ROUNDS {
            self.fill();
            if !self.refit() {
                return 0.0;
            }
        }
        self.exchange();
        self.refit();
        self.error()
    }

    fn error(&self) -> f64 {
        let pairs = || self.weights.iter().map(|&w| f64::from(w));
        let square: f64 = pairs().zip(&self.image).map(|(q, x)| q * x).sum();
        let cross: f64 = pairs().zip(self.product).map(|(q, r)| q * r).sum();
        self.scale * (self.scale * square - 2.0 * cross)
    }

    /// The scale with the least error; false if there is none above 0.
    fn refit(&mut self) -> bool {
        let pairs = || self.weights.iter().map(|&w| f64::from(w));
        let square: f64 = pairs().zip(&self.image).map(|(q, x)| q * x).sum();
        let cross: f64 = pairs().zip(self.product).map(|(q, r)| q * r).sum();
        let scale = cross / square;
        let usable = scale.is_finite() && scale > 1e-200;
        if usable {
            self.scale = scale;
        }
        usable
    }

    fn change(&self, at: usize, up: bool) -> f64 {
        let sign = if up { 1.0 } else { -1.0 };
        let (t, h) = (self.scale, self.moments.at(at, at));
        t * (t * (2.0 * sign * self.image[at] + h) - 2.0 * sign * self.product[at])
    }

    fn step(&self, at: usize, up: bool) -> Option<Move> {
        let weight = self.weights[at];
        let next = if up { weight + 1 } else { weight - 1 };
        let grows = next.abs() > weight.abs();
        let cost = if grows {
            self.widths[at]
        } else {
            -self.widths[at]
        };
        (next.abs() <= self.limits.max_weight).then(|| Move {
            at,
            up,
            cost,
            change: self.change(at, up),
        })
    }

    fn apply(&mut self, step: Move) {
        let by = if step.up { 1 } else { -1 };
        self.weights[step.at] += by;
        self.left -= step.cost;
        let row = self.moments.row(step.at);
        for (image, h) in self.image.iter_mut().zip(row) {
            *image += f64::from(by) * h;
        }
    }

    fn steps(&self) -> impl Iterator<Item = Move> + '_ {
        let sides = (0..self.weights.len()).flat_map(|at| [(at, true), (at, false)]);
        sides.filter_map(|(at, up)| self.step(at, up))
    }

    /// Steps while one helps and fits.
    fn fill(&mut self) {
        let most = 4 * self.weights.len() + usize::try_from(self.limits.max_reach).unwrap_or(0);
        for _ in 0..most {
            // Steps back that help cost nothing.
            let gain = |step: &Move| step.change / step.cost.max(1) as f64;
            let least = self.least();
            let fitting = self
                .steps()
                .filter(|step| step.cost <= self.left && step.change < -least);
            let Some(step) = fitting.min_by(|a, b| gain(a).total_cmp(&gain(b))) else {
                break;
            };
            self.apply(step);
        }
    }

    /// A change that is worth a step.
    fn least(&self) -> f64 {
        1e-9 * self.error().abs()
    }

    /// Exchanges a step back for one elsewhere while that helps.
    fn exchange(&mut self) {
        const MOST: usize = 64;
        /// Steps back that are tried, those that harm least.
        const TRIED: usize = 12;
        for _ in 0..MOST {
            let mut back: Vec<Move> = self.steps().filter(|step| step.cost < 0).collect();
            back.sort_by(|a, b| a.change.total_cmp(&b.change));
            let least = self.least();
            let found = back.iter().take(TRIED).find_map(|&first| {
                self.apply(first);
                let fitting = self
                    .steps()
                    .filter(|step| step.cost <= self.left && step.at != first.at);
                let second = fitting.min_by(|a, b| a.change.total_cmp(&b.change));
                let undone = Move {
                    up: !first.up,
                    cost: -first.cost,
                    ..first
                };
                self.apply(undone);
                second
                    .filter(|second| first.change + second.change < -least)
                    .map(|second| (first, second))
            });
            let Some((first, second)) = found else { break };
            self.apply(first);
            self.apply(second);
        }
    }
}
