//! Training of pipelines.

use alloc::collections::BTreeMap;
use core::fmt;

use super::error::PipelineError;
use super::frame::{Column, Frame, Target};
use super::model::{Before, PipelineModel, PipelineParts};
use super::stage::{Branch, Selector, Stage, write_stages};
use crate::data::{DataSet, Table, TargetColumn, Words};
use crate::model::Model;
use crate::train::{Estimator, EstimatorName, TrainError, Trained, Unwatched, Watch};

/// Steps, and the model behind them, with their parameters. Its text form is that of [`str::parse`]:
/// `"standard-scaler | pca(8) | logistic-regression(C=0.5)"`.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub(super) stages: Vec<Stage>,
    pub(super) model: EstimatorName,
    /// Parameters of the model, by name, as text.
    pub(super) set: Vec<(String, String)>,
}

impl Pipeline {
    /// A pipeline that ends in this model.
    #[must_use]
    pub fn new(stages: Vec<Stage>, model: EstimatorName) -> Self {
        Self {
            stages,
            model,
            set: Vec::new(),
        }
    }

    /// The steps before the model.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The model behind them.
    #[must_use]
    pub fn model(&self) -> EstimatorName {
        self.model
    }

    /// Sets a parameter: of the model by its name, of a step as `step__name`, as scikit-learn writes it.
    ///
    /// # Errors
    /// [`TrainError`] for a parameter or step that is not there, and for a value out of its range.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TrainError> {
        if let Some((step, parameter)) = name.split_once("__") {
            return match find(&mut self.stages, &super::stage::plain(step)) {
                Some(transformer) => transformer.set(parameter, value),
                None => Err(PipelineError::Syntax {
                    at: 1,
                    message: format!("there is no step `{step}`, whose `{parameter}` is to be set"),
                }
                .into()),
            };
        }
        let mut trial = self.clone();
        trial.set.retain(|(other, _)| other != name);
        trial.set.push((name.to_owned(), value.to_owned()));
        trial.check()?;
        *self = trial;
        Ok(())
    }

    /// Whether the model has the parameters that are set; of a family, one of its two estimators.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        let configured = |info| self.configured(Estimator::of(info)).map(|_| ());
        match self.model {
            EstimatorName::One(info) => configured(info),
            EstimatorName::Family(family) => {
                let [classifier, regressor] = family.estimators();
                configured(classifier).or_else(|error| configured(regressor).map_err(|_| error))
            }
        }
    }

    /// Whether it learns classes from these targets.
    #[must_use]
    pub fn is_classifier(&self, targets: &[TargetColumn]) -> bool {
        Estimator::of(self.model.estimator_for(targets)).is_classifier()
    }

    fn configured(&self, mut estimator: Estimator) -> Result<Estimator, TrainError> {
        for (name, value) in &self.set {
            estimator.set(name, value)?;
        }
        Ok(estimator)
    }

    /// Trains the steps and the model. `words` are those of the columns whose numbers stand for words, by name.
    ///
    /// # Errors
    /// [`TrainError`]: what [`Estimator::fit`] says, and [`TrainError::Pipeline`] for a step that does not suit its columns.
    pub fn fit(
        &self,
        data: &DataSet,
        words: &BTreeMap<String, Words>,
    ) -> Result<Trained, TrainError> {
        self.fit_watched(data, words, &Unwatched)
    }

    /// As [`fit`](Self::fit), and tells `watch` how the training of the model goes: networks do, epoch by epoch.
    ///
    /// # Errors
    /// As [`fit`](Self::fit) and [`Estimator::fit_watched`].
    pub fn fit_watched(
        &self,
        data: &DataSet,
        words: &BTreeMap<String, Words>,
        watch: &dyn Watch,
    ) -> Result<Trained, TrainError> {
        let estimator = self.configured(Estimator::of(self.model.estimator_for(&data.targets)))?;
        if self.stages.is_empty() && words.is_empty() {
            return estimator.fit_watched(data, watch);
        }
        let table = &data.table;
        estimator.check_rows(data)?;
        let target = target(&data.targets, estimator.is_classifier())?;
        let column = |(value, name): (usize, &String)| Column {
            value,
            name: name.clone(),
            words: words.get(name).map(|words| words.words.len()),
        };
        let columns: Vec<Column> = table.columns().iter().enumerate().map(column).collect();
        let mut frame = Frame::new(table, data.weights.as_deref(), target);
        let columns = fit_stages(&self.stages, &mut frame, columns)?;
        if let Some(column) = columns.iter().find(|column| column.words.is_some()) {
            return Err(PipelineError::Words {
                step: estimator.info().name.to_owned(),
                column: column.name.clone(),
            }
            .into());
        }
        let features = table_of(&frame, &columns)?;
        let data = DataSet {
            table: features,
            targets: data.targets.clone(),
            weights: data.weights.clone(),
        };
        let trained = estimator.fit_watched(&data, watch)?;
        let place = |name: &String| table.columns().iter().position(|other| other == name);
        let before = Before {
            n_features: table.n_columns(),
            feature_names: Some(table.columns().to_vec()),
            words: words
                .iter()
                .filter_map(|(name, words)| Some((place(name)?, words.clone())))
                .collect(),
            features: columns.iter().map(|column| column.value).collect(),
            written: self.to_string(),
            steps: frame.steps,
        };
        let model = PipelineModel::new(PipelineParts {
            before,
            model: Box::new(trained.model),
        })?;
        Ok(Trained {
            model: Model::Pipeline(model),
            warning: trained.warning,
        })
    }
}

fn find<'a>(stages: &'a mut [Stage], name: &str) -> Option<&'a mut super::stage::Transformer> {
    stages.iter_mut().find_map(|stage| match stage {
        Stage::All(transformer) => {
            let info = transformer.info;
            let is = super::stage::plain(info.name) == name
                || info
                    .short
                    .is_some_and(|short| super::stage::plain(short) == name);
            is.then_some(transformer)
        }
        Stage::Columns(branches) => branches
            .iter_mut()
            .find_map(|branch| find(&mut branch.stages, name)),
    })
}

fn target(targets: &[TargetColumn], classes: bool) -> Result<Target, TrainError> {
    match targets {
        [] => Err(TrainError::NoTarget),
        [only] if classes => Ok(Target::Classes(only.to_classes()?)),
        [only] => Ok(Target::Numbers(only.to_numbers()?)),
        _ => Ok(Target::Several),
    }
}

fn fit_stages(
    stages: &[Stage],
    frame: &mut Frame<'_>,
    mut columns: Vec<Column>,
) -> Result<Vec<Column>, PipelineError> {
    for stage in stages {
        columns = match stage {
            Stage::All(transformer) => {
                let info = transformer.info;
                if let Some(column) = columns.iter().find(|c| c.words.is_some() && !info.words) {
                    return Err(PipelineError::Words {
                        step: info.command_name(),
                        column: column.name.clone(),
                    });
                }
                if !info.missing {
                    frame.require_complete(info.name, &columns)?;
                }
                (info.fit)(&transformer.params, frame, &columns)?
            }
            Stage::Columns(branches) => fit_branches(branches, frame, &columns)?,
        };
        if columns.is_empty() {
            return Err(PipelineError::NothingLeft {
                step: "column-transformer",
                message: "no branch takes a column; add `rest: passthrough`".into(),
            });
        }
    }
    Ok(columns)
}

fn fit_branches(
    branches: &[Branch],
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    let mut taken = vec![false; columns.len()];
    let mut result = Vec::new();
    for branch in branches {
        let chosen: Vec<usize> = match &branch.columns {
            Selector::Words => places(columns, |_, column| column.words.is_some()),
            Selector::Numbers => places(columns, |_, column| column.words.is_none()),
            Selector::Rest => places(columns, |at, _| !taken[at]),
            Selector::Names(names) => {
                let place = |name: &String| {
                    let place = columns.iter().position(|column| column.name == *name);
                    place.ok_or_else(|| PipelineError::UnknownColumn {
                        step: "column-transformer".into(),
                        column: name.clone(),
                        present: columns.iter().map(|column| column.name.clone()).collect(),
                    })
                };
                names.iter().map(place).collect::<Result<_, _>>()?
            }
        };
        for &at in &chosen {
            taken[at] = true;
        }
        let chosen: Vec<Column> = chosen.into_iter().map(|at| columns[at].clone()).collect();
        if !chosen.is_empty() {
            result.extend(fit_stages(&branch.stages, frame, chosen)?);
        }
    }
    Ok(result)
}

fn places(columns: &[Column], is: impl Fn(usize, &Column) -> bool) -> Vec<usize> {
    let all = columns.iter().enumerate();
    all.filter(|(at, column)| is(*at, column))
        .map(|(at, _)| at)
        .collect()
}

/// The columns as a table; names that occur twice are numbered.
fn table_of(frame: &Frame<'_>, columns: &[Column]) -> Result<Table, TrainError> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let count = seen.entry(column.name.clone()).or_insert(0);
        *count += 1;
        let mut name = column.name.clone();
        while *count > 1 && (names.contains(&name) || name == column.name) {
            name = format!("{}_{count}", column.name);
            *count += 1;
        }
        names.push(name);
    }
    let mut values = vec![0.0; frame.n_rows() * columns.len()];
    for (at, column) in columns.iter().enumerate() {
        let cells = values.iter_mut().skip(at).step_by(columns.len());
        for (cell, value) in cells.zip(frame.values(column)) {
            *cell = value;
        }
    }
    Ok(Table::new(names, values)?)
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_stages(f, &self.stages)?;
        if !self.stages.is_empty() {
            f.write_str(" | ")?;
        }
        match self.model {
            EstimatorName::One(info) => f.write_str(info.name)?,
            EstimatorName::Family(family) => f.write_str(family.names[0])?,
        }
        if self.set.is_empty() {
            return Ok(());
        }
        let set: Vec<String> = self.set.iter().map(|(n, v)| format!("{n}={v}")).collect();
        write!(f, "({})", set.join(", "))
    }
}
