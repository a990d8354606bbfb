//! Evaluating a graph at points, so many at a time.

use super::error::TabulateError;
use super::outputs::Values;
use crate::import::onnx::dense::{Column, Evaluated, Output, Program};

/// Points at a time; fewer, if these take too much memory.
const BATCHES: [usize; 4] = [512, 64, 8, 1];

/// Most elements that all points together read, write or multiply: some minutes.
const MAX_WORK: u64 = 1 << 37;

/// Points by their place.
pub(super) trait Points {
    fn count(&self) -> usize;
    fn point(&self, at: usize) -> Vec<f64>;
}

/// What the graph gives at every point; `progress` is told how many of them are done.
pub(super) fn evaluate(
    program: &Program,
    points: &impl Points,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Values, TabulateError> {
    let count = points.count();
    let batch = batch(program, points)?;
    let mut values = Values {
        points: count,
        ..Values::default()
    };
    for first in (0..count).step_by(batch) {
        let places = first..count.min(first + batch);
        let rows: Vec<Vec<f64>> = places.map(|at| points.point(at)).collect();
        let evaluated = program.run(&rows)?;
        let batches = count.div_ceil(batch) as u64;
        if first == 0 && evaluated.work.saturating_mul(batches) > MAX_WORK {
            let operations = evaluated.work / rows.len() as u64;
            return Err(TabulateError::TooMuchWork { operations, count });
        }
        values.take(evaluated, &rows)?;
        progress(first + rows.len(), count);
    }
    values.complete()
}

/// How many points are evaluated at a time: one, where what rows give depends on those beside them, as in graphs that were exported for
/// one.
fn batch(program: &Program, points: &impl Points) -> Result<usize, TabulateError> {
    for batch in BATCHES {
        let rows: Vec<Vec<f64>> = (0..points.count().min(batch))
            .map(|at| points.point(at))
            .collect();
        let together = match program.run(&rows) {
            Ok(evaluated) => evaluated,
            Err(error) if batch == 1 => return Err(error.into()),
            Err(_) => continue,
        };
        let apart = [0, rows.len() / 2, rows.len() - 1];
        let same = apart.into_iter().all(|at| {
            let alone = program.run(&rows[at..=at]);
            alone.is_ok_and(|alone| same(&together, at, &alone))
        });
        if same || batch == 1 {
            return Ok(batch);
        }
    }
    Ok(1)
}

/// Whether row `at` has the same outputs alone.
fn same(together: &Evaluated, at: usize, alone: &Evaluated) -> bool {
    let close =
        |a: &f64, b: &f64| (a - b).abs() <= 1e-5 * a.abs().max(1.0) || a.to_bits() == b.to_bits();
    let outputs = together.outputs.iter().zip(&alone.outputs);
    together.outputs.len() == alone.outputs.len()
        && outputs
            .into_iter()
            .all(|(all, alone)| match (&all.values, &alone.values) {
                (Column::Labels(all_), Column::Labels(one)) => {
                    all_.get(at * all.width..(at + 1) * all.width) == Some(one.as_slice())
                }
                (Column::Numbers(all_), Column::Numbers(one)) => {
                    let all = all_.get(at * all.width..(at + 1) * all.width);
                    all.is_some_and(|all| {
                        all.len() == one.len() && all.iter().zip(one).all(|(a, b)| close(a, b))
                    })
                }
                _ => false,
            })
}

impl Values {
    /// Adds the rows of all outputs.
    fn take(&mut self, evaluated: Evaluated, rows: &[Vec<f64>]) -> Result<(), TabulateError> {
        for (name, error) in evaluated.failed {
            if !self.failed.iter().any(|(known, _)| *known == name) {
                self.failed
                    .push((name, TabulateError::from(error).to_string()));
            }
        }
        for output in evaluated.outputs {
            self.take_output(output, rows)?;
        }
        Ok(())
    }

    /// Without the outputs that some points have not, once all points are evaluated: `failed` says why.
    fn complete(mut self) -> Result<Self, TabulateError> {
        let points = self.points;
        self.labels.take_if(|(_, labels)| labels.len() != points);
        self.numbers
            .retain(|(_, width, numbers)| numbers.len() == points * width);
        match self.failed.first() {
            Some((name, why)) if self.labels.is_none() && self.numbers.is_empty() => {
                let message = format!("the output `{name}` is not there at every point: {why}");
                Err(TabulateError::Output { message })
            }
            _ => Ok(self),
        }
    }

    fn take_output(&mut self, output: Output, rows: &[Vec<f64>]) -> Result<(), TabulateError> {
        let Output {
            name,
            width,
            values,
        } = output;
        let refuse = |what: &str| TabulateError::Output {
            message: format!("the output `{name}` {what}"),
        };
        let numbers = match values {
            Column::Labels(labels) if width == 1 => {
                let all = self
                    .labels
                    .get_or_insert_with(|| (name.clone(), Vec::new()));
                if all.0 != name {
                    let message = format!("and `{}` are labels, and a model predicts one", all.0);
                    return Err(refuse(&message));
                }
                all.1.extend(labels);
                return Ok(());
            }
            Column::Labels(labels) => {
                let numbers = labels.iter().map(|label| label.parse());
                let numbers: Result<Vec<f64>, _> = numbers.collect();
                numbers.map_err(|_| refuse("has several words for a row"))?
            }
            Column::Numbers(numbers) => numbers,
        };
        if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
            return Err(TabulateError::NotFinite {
                score: at % width + 1,
                value: numbers[at],
                point: rows[at / width].clone(),
            });
        }
        match self.numbers.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, known, all)) if *known == width => all.extend(numbers),
            Some(_) => return Err(refuse("has not the same width for all rows")),
            None => self.numbers.push((name, width, numbers)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::onnx::OnnxError;

    fn output(name: &str, width: usize, values: Column) -> Output {
        Output {
            name: name.to_owned(),
            width,
            values,
        }
    }

    fn numbers(name: &str, values: &[f64]) -> Output {
        output(name, values.len(), Column::Numbers(values.to_vec()))
    }

    fn failed(name: &str) -> (String, OnnxError) {
        let message = "divided by zero".to_owned();
        (name.to_owned(), OnnxError::Graph { message })
    }

    /// What points give, one after the other.
    fn all(points: Vec<Evaluated>) -> Result<Values, TabulateError> {
        let mut values = Values {
            points: points.len(),
            ..Values::default()
        };
        for evaluated in points {
            values.take(evaluated, &[vec![0.0]])?;
        }
        values.complete()
    }

    fn point(outputs: Vec<Output>, failed: Vec<(String, OnnxError)>) -> Evaluated {
        Evaluated {
            outputs,
            failed,
            work: 1,
        }
    }

    #[test]
    fn outputs_that_fail_at_a_point_are_left_out() {
        let label = |label: &str| output("label", 1, Column::Labels(vec![label.to_owned()]));
        let values = all(vec![
            point(
                vec![numbers("a", &[1.0, 2.0]), label("x")],
                vec![failed("b")],
            ),
            point(
                vec![numbers("a", &[3.0, 4.0]), numbers("b", &[5.0])],
                vec![failed("label")],
            ),
            point(
                vec![numbers("a", &[6.0, 7.0]), label("y")],
                vec![failed("b")],
            ),
        ]);
        let values = values.unwrap();
        let a = ("a".to_owned(), 2, vec![1.0, 2.0, 3.0, 4.0, 6.0, 7.0]);
        assert_eq!((values.labels, values.numbers), (None, vec![a]));
        let names: Vec<&str> = values
            .failed
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["b", "label"]);
    }

    #[test]
    fn without_an_output_at_all_points_the_graph_is_refused() {
        let values = all(vec![
            point(vec![numbers("a", &[1.0])], vec![failed("b")]),
            point(vec![numbers("b", &[1.0])], vec![failed("a")]),
        ]);
        let message = values.unwrap_err().to_string();
        assert!(
            message.contains("`b` is not there at every point")
                && message.contains("divided by zero"),
            "{message}"
        );
    }

    /// Of two outputs of one name it is not known which is meant.
    #[test]
    fn outputs_that_share_a_name_are_left_out() {
        let twice = || {
            vec![
                numbers("a", &[1.0]),
                numbers("a", &[2.0]),
                numbers("b", &[3.0]),
            ]
        };
        let values = all(vec![point(twice(), vec![]), point(twice(), vec![])]).unwrap();
        assert_eq!(values.numbers, [("b".to_owned(), 1, vec![3.0, 3.0])]);
    }
}
