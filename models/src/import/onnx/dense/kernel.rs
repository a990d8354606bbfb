//! Kernel machines: `SVMClassifier` and `SVMRegressor`, in double precision, with the votes and the order of scores of onnxruntime
//! (`svmclassifier.cc`).

use super::ml::{label_outputs, rows};
use super::tensors::tensor;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kernel {
    Linear,
    Polynomial,
    Rbf,
    Sigmoid,
}

/// Kernels of a row with support vectors, and their sums.
#[derive(Debug, PartialEq)]
pub(super) struct Machine {
    kernel: Kernel,
    gamma: f64,
    coef0: f64,
    degree: f64,
    /// One behind the other.
    vectors: Vec<f64>,
    count: usize,
    coefficients: Vec<f64>,
    rho: Vec<f64>,
}

impl Machine {
    fn new(call: &Call<'_>, count: usize) -> Result<Self, OnnxError> {
        let node = call.node;
        let kernel = match node.string("kernel_type").unwrap_or_default().as_str() {
            "" | "LINEAR" => Kernel::Linear,
            "POLY" => Kernel::Polynomial,
            "RBF" => Kernel::Rbf,
            "SIGMOID" => Kernel::Sigmoid,
            other => return Err(call.refuse(format!("the kernel {other} is not known"))),
        };
        let post = node.string("post_transform").unwrap_or_default();
        if !matches!(post.as_str(), "" | "NONE") {
            return Err(call.refuse(format!("post_transform {post}; NONE is supported")));
        }
        let parameters = node.floats("kernel_params");
        let parameter = |at: usize| parameters.get(at).copied().unwrap_or(0.0);
        let vectors = node.floats("support_vectors");
        if count == 0 || vectors.is_empty() || !vectors.len().is_multiple_of(count) {
            let numbers = vectors.len();
            return Err(call.refuse(format!("{numbers} numbers are no {count} support vectors")));
        }
        Ok(Self {
            kernel,
            gamma: parameter(0),
            coef0: parameter(1),
            degree: parameter(2),
            vectors,
            count,
            coefficients: node.floats("coefficients"),
            rho: node.floats("rho"),
        })
    }

    fn regressor(call: &Call<'_>) -> Result<Self, OnnxError> {
        let count = call.node.int("n_supports").unwrap_or(0);
        let count = usize::try_from(count).map_err(|_| call.refuse("n_supports is negative"))?;
        let machine = if count > 0 {
            Self::new(call, count)?
        } else {
            // Without support vectors the coefficients are weights.
            Self {
                kernel: Kernel::Linear,
                gamma: 0.0,
                coef0: 0.0,
                degree: 0.0,
                vectors: call.node.floats("coefficients"),
                count: 1,
                coefficients: vec![1.0],
                rho: call.node.floats("rho"),
            }
        };
        let fits = machine.coefficients.len() == machine.count && machine.rho.len() == 1;
        if !fits || machine.vectors.is_empty() {
            return Err(
                call.refuse("its coefficients are not those of its support vectors and a constant")
            );
        }
        Ok(machine)
    }

    /// Of each support vector.
    fn kernels(&self, row: &[f64]) -> Vec<f64> {
        let vectors = self.vectors.chunks_exact(row.len());
        let kernels = vectors.map(|vector| {
            let pairs = || row.iter().zip(vector);
            let dot = || pairs().map(|(x, v)| x * v).sum::<f64>();
            match self.kernel {
                Kernel::Linear => dot(),
                Kernel::Polynomial => (self.gamma * dot() + self.coef0).powf(self.degree),
                Kernel::Sigmoid => (self.gamma * dot() + self.coef0).tanh(),
                Kernel::Rbf => {
                    let square: f64 = pairs().map(|(x, v)| (x - v).powi(2)).sum();
                    (-self.gamma * square).exp()
                }
            }
        });
        kernels.collect()
    }

    /// The rows of the input, which have as many columns as the support vectors.
    fn rows(&self, call: &Call<'_>) -> Result<Vec<Vec<f64>>, OnnxError> {
        let columns = self.vectors.len() / self.count;
        let rows = rows(call)?;
        if let Some(row) = rows.iter().find(|row| row.len() != columns) {
            let width = row.len();
            return Err(call.refuse(format!(
                "rows of {width} columns, support vectors of {columns}"
            )));
        }
        call.work(
            rows.len(),
            self.vectors.len().saturating_add(self.coefficients.len()),
        )?;
        Ok(rows)
    }
}

pub(super) fn regressor(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let machine = Machine::regressor(call)?;
    let one_class = call.node.int("one_class").unwrap_or(0) != 0;
    let score = |row: Vec<f64>| {
        let kernels = machine.kernels(&row);
        let products = kernels
            .iter()
            .zip(&machine.coefficients)
            .map(|(k, c)| k * c);
        match (one_class, products.sum::<f64>() + machine.rho[0]) {
            (false, sum) => Element::Float32.round(sum),
            (true, sum) if sum > 0.0 => 1.0,
            (true, _) => -1.0,
        }
    };
    let scores: Vec<f64> = machine.rows(call)?.into_iter().map(score).collect();
    one(tensor(Element::Float32, vec![scores.len(), 1], scores))
}

/// A machine for each two classes.
#[derive(Debug, PartialEq)]
pub(super) struct Classifier {
    machine: Machine,
    /// Support vectors of each class.
    of_class: Vec<usize>,
    /// Slopes and shifts of Platt's probabilities of each two classes.
    platt: Option<(Vec<f64>, Vec<f64>)>,
}

impl Classifier {
    fn new(call: &Call<'_>) -> Result<Self, OnnxError> {
        let node = call.node;
        let of_class = node.ints("vectors_per_class").iter();
        let of_class = of_class.map(|&count| usize::try_from(count));
        let of_class: Vec<usize> = of_class
            .collect::<Result<_, _>>()
            .map_err(|_| call.refuse("vectors_per_class is negative"))?;
        let (classes, labels) = (of_class.len(), node.class_labels().len());
        if classes < 2 || labels != classes {
            return Err(call.refuse(format!(
                "{classes} classes with support vectors, {labels} labels"
            )));
        }
        let count = of_class
            .iter()
            .fold(0, |sum: usize, n| sum.saturating_add(*n));
        let machine = Machine::new(call, count)?;
        let pairs = classes * (classes - 1) / 2;
        if machine.rho.len() != pairs || machine.coefficients.len() != (classes - 1) * count {
            return Err(call.refuse(format!(
                "its coefficients are not those of {pairs} machines"
            )));
        }
        let (slopes, shifts) = (node.floats("prob_a"), node.floats("prob_b"));
        if slopes.len() != shifts.len() || !(slopes.is_empty() || slopes.len() == pairs) {
            return Err(call.refuse(format!(
                "its probabilities are not those of {pairs} machines"
            )));
        }
        Ok(Self {
            machine,
            of_class,
            platt: (!slopes.is_empty()).then_some((slopes, shifts)),
        })
    }

    /// The class of most votes, the first of them, and the scores of a row.
    fn classify(&self, row: &[f64]) -> (usize, Vec<f64>) {
        let kernels = self.machine.kernels(row);
        let (count, classes) = (self.machine.count, self.of_class.len());
        let starts: Vec<usize> = self
            .of_class
            .iter()
            .scan(0, |next, n| {
                *next += n;
                Some(*next - n)
            })
            .collect();
        let mut votes = vec![0usize; classes];
        let mut scores = Vec::with_capacity(self.machine.rho.len());
        for one in 0..classes {
            for other in one + 1..classes {
                let half = |class: usize, machine: usize| -> f64 {
                    let range = starts[class]..starts[class] + self.of_class[class];
                    let coefficients = &self.machine.coefficients[machine * count..][range.clone()];
                    let pairs = coefficients.iter().zip(&kernels[range]);
                    pairs
                        .map(|(coefficient, kernel)| coefficient * kernel)
                        .sum()
                };
                let sum = half(one, other - 1) + half(other, one) + self.machine.rho[scores.len()];
                votes[if sum > 0.0 { one } else { other }] += 1;
                scores.push(sum);
            }
        }
        let most = votes.iter().max().copied().unwrap_or(0);
        let class = votes.iter().position(|votes| *votes == most).unwrap_or(0);
        let scores = match &self.platt {
            Some((slopes, shifts)) => probabilities(&scores, slopes, shifts, classes),
            None if classes == 2 => vec![-scores[0], scores[0]],
            None => scores,
        };
        (class, scores)
    }
}

/// Labels, and scores: probabilities of the classes, the score of each of two classes, or one for each two of more.
pub(super) fn classifier(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let classifier = Classifier::new(call)?;
    let rows = classifier.machine.rows(call)?;
    let classes = classifier.of_class.len();
    call.work(
        rows.len(),
        classes.saturating_mul(classes).saturating_mul(100),
    )?;
    let found = rows.iter().map(|row| classifier.classify(row));
    label_outputs(call, found.collect())
}

/// Of Platt for each two classes, coupled as in Wu, Lin, Weng 2004 (method 2), with the constants of libsvm.
fn probabilities(scores: &[f64], slopes: &[f64], shifts: &[f64], classes: usize) -> Vec<f64> {
    const LEAST: f64 = 1e-7;
    let mut pairs = vec![vec![0.0; classes]; classes];
    let machines = (0..classes).flat_map(|one| (one + 1..classes).map(move |other| (one, other)));
    for (machine, (one, other)) in machines.enumerate() {
        let exponent = scores[machine] * slopes[machine] + shifts[machine];
        let first = 1.0 / (1.0 + exponent.exp());
        let first = first.clamp(LEAST, 1.0 - LEAST);
        pairs[one][other] = first;
        pairs[other][one] = 1.0 - first;
    }
    if classes == 2 {
        return vec![pairs[0][1], pairs[1][0]];
    }
    let quadratic: Vec<Vec<f64>> = (0..classes)
        .map(|t| {
            let of = |j: usize| {
                if j == t {
                    (0..classes)
                        .filter(|k| *k != t)
                        .map(|k| pairs[k][t].powi(2))
                        .sum()
                } else {
                    -pairs[j][t] * pairs[t][j]
                }
            };
            (0..classes).map(of).collect()
        })
        .collect();
    let mut p = vec![1.0 / classes as f64; classes];
    let tolerance = 0.005 / classes as f64;
    for _ in 0..classes.max(100) {
        let times = |row: &Vec<f64>, p: &[f64]| row.iter().zip(p).map(|(q, p)| q * p).sum::<f64>();
        let mut products: Vec<f64> = quadratic.iter().map(|row| times(row, &p)).collect();
        let mut whole: f64 = products.iter().zip(&p).map(|(q, p)| q * p).sum();
        if products
            .iter()
            .all(|product| (product - whole).abs() < tolerance)
        {
            break;
        }
        for t in 0..classes {
            let diff = (whole - products[t]) / quadratic[t][t];
            p[t] += diff;
            whole = (whole + diff * (diff * quadratic[t][t] + 2.0 * products[t]))
                / (1.0 + diff).powi(2);
            for (j, product) in products.iter_mut().enumerate() {
                *product = (*product + diff * quadratic[t][j]) / (1.0 + diff);
            }
            p.iter_mut().for_each(|p| *p /= 1.0 + diff);
        }
    }
    p
}
