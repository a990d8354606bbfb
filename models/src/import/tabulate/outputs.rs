//! What the outputs of a graph say of a row: scores, and the class that they decide on.

use tenebra_quant::Decision;

use super::error::TabulateError;

/// What the graph gave at every point.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    pub(super) points: usize,
    /// The label of each point, by the output's name.
    pub(super) labels: Option<(String, Vec<String>)>,
    /// The numbers of each point, by the output's name: so many, one point behind the other.
    pub(super) numbers: Vec<(String, usize, Vec<f64>)>,
    /// Outputs that were not evaluated, and why.
    pub(super) failed: Vec<(String, String)>,
}

/// The scores of every point.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scores {
    /// Of a point.
    pub(super) width: usize,
    values: Vec<f64>,
    pub(super) decision: Decision,
    pub(super) classes: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Scores {
    /// The scores of a point.
    pub(super) fn of(&self, point: usize) -> &[f64] {
        &self.values[point * self.width..][..self.width]
    }

    /// Of a regression, all numbers; of a classification, the numbers of the first output that decide as the labels do, or else the
    /// labels themselves. `known` are lists of classes that the file has.
    pub(super) fn new(values: Values, known: &[Vec<String>]) -> Result<Self, TabulateError> {
        let Values {
            points,
            labels,
            numbers,
            failed,
        } = values;
        let left_out =
            |(name, why): &(String, String)| format!("the output `{name}` is left out: {why}");
        let mut notes: Vec<String> = failed.iter().map(left_out).collect();
        let Some((label, labels)) = labels else {
            let scores = regression(points, &numbers)?;
            return Ok(Self { notes, ..scores });
        };
        let mut seen = labels.clone();
        seen.sort();
        seen.dedup();
        let mut found: Option<Self> = None;
        for (name, width, numbers) in &numbers {
            let lists = known.iter().chain([&seen]);
            let lists = lists.filter(|list| list.len() == (*width).max(2));
            let deciding = lists.into_iter().find_map(|classes| {
                if found.is_some() {
                    return None;
                }
                decided(*width, numbers, classes, &labels)
            });
            match deciding {
                Some(scores) => found = Some(scores),
                None if found.is_some() => {
                    notes.push(format!("the output `{name}` is left out: a model has one"));
                }
                None => notes.push(format!(
                    "the output `{name}` is left out: `{label}` does not follow it everywhere"
                )),
            }
        }
        let scores = found.unwrap_or_else(|| indicators(&labels, seen));
        Ok(Self { notes, ..scores })
    }
}

fn regression(
    points: usize,
    numbers: &[(String, usize, Vec<f64>)],
) -> Result<Scores, TabulateError> {
    let width: usize = numbers.iter().map(|(_, width, _)| width).sum();
    if width == 0 {
        let message = "the graph gives no numbers and no labels".to_owned();
        return Err(TabulateError::Output { message });
    }
    let mut values = Vec::with_capacity(points * width);
    for point in 0..points {
        for (_, width, numbers) in numbers {
            values.extend(&numbers[point * width..][..*width]);
        }
    }
    Ok(Scores {
        width,
        values,
        decision: Decision::None,
        classes: Vec::new(),
        notes: Vec::new(),
    })
}

/// Scores of these classes, if they decide as the labels do at every point: two that are opposite are one.
fn decided(width: usize, numbers: &[f64], classes: &[String], labels: &[String]) -> Option<Scores> {
    let follow = |decision: Decision, width: usize, values: &[f64]| {
        let mut points = values.chunks_exact(width).zip(labels);
        points.all(|(scores, label)| {
            let class = decision.decide(scores).and_then(|class| classes.get(class));
            class == Some(label)
        })
    };
    let scores = |decision: Decision, width: usize, values: Vec<f64>| {
        follow(decision, width, &values).then(|| Scores {
            width,
            values,
            decision,
            classes: classes.to_vec(),
            notes: Vec::new(),
        })
    };
    if width == 1 {
        return scores(Decision::Threshold, 1, numbers.to_vec());
    }
    let opposite = width == 2 && numbers.chunks_exact(2).all(|pair| pair[0] == -pair[1]);
    if opposite {
        // onnxruntime gives the score of the second class first.
        for column in [1, 0] {
            let one = numbers.iter().skip(column).step_by(2).copied().collect();
            if let Some(one) = scores(Decision::Threshold, 1, one) {
                return Some(one);
            }
        }
    }
    scores(Decision::ArgMax, width, numbers.to_vec())
}

/// 1 for the class of the label, 0 for all others.
fn indicators(labels: &[String], mut classes: Vec<String>) -> Scores {
    // A model of one class has no decision to make, but a classifier has two.
    if classes.len() == 1 {
        classes.push(format!("not {}", classes[0]));
    }
    let mut values = Vec::with_capacity(labels.len() * classes.len());
    for label in labels {
        values.extend(
            classes
                .iter()
                .map(|class| f64::from(u8::from(class == label))),
        );
    }
    Scores {
        width: classes.len(),
        values,
        decision: Decision::ArgMax,
        classes,
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|&label| label.to_owned()).collect()
    }

    fn of(labels: &[&str], width: usize, numbers: &[f64], known: &[&str]) -> Scores {
        let values = Values {
            points: labels.len(),
            labels: Some(("label".to_owned(), text(labels))),
            numbers: vec![("scores".to_owned(), width, numbers.to_vec())],
            failed: Vec::new(),
        };
        Scores::new(values, &[text(known)]).unwrap()
    }

    #[test]
    fn scores_decide_as_labels_do_or_labels_are_scores() {
        // The class `c` is nowhere.
        let three = of(
            &["b", "a"],
            3,
            &[0.1, 0.9, 0.0, 0.7, 0.3, 0.0],
            &["a", "b", "c"],
        );
        assert_eq!((three.width, three.decision), (3, Decision::ArgMax));
        assert_eq!(three.classes, ["a", "b", "c"]);
        assert_eq!(three.of(1), [0.7, 0.3, 0.0]);
        // Opposite scores are one.
        let one = of(&["1", "0"], 2, &[-2.0, 2.0, 1.0, -1.0], &["0", "1"]);
        assert_eq!((one.width, one.decision), (1, Decision::Threshold));
        assert_eq!(
            (one.of(0), one.of(1)),
            ([2.0].as_slice(), [-1.0].as_slice())
        );
        // Labels that do not follow the scores.
        let labels = of(&["1", "0"], 2, &[0.9, 0.1, 0.8, 0.2], &["0", "1"]);
        assert_eq!(
            (labels.of(0), labels.of(1)),
            ([0.0, 1.0].as_slice(), [1.0, 0.0].as_slice())
        );
        assert_eq!(labels.notes.len(), 1);
    }
}
