//! The text form of pipelines.
//!
//! `step | step | model`, a step being `name(parameter=value, …)[columns]`; brackets apply it to some columns and pass the others
//! on. `column-transformer(columns: step | step; …)` is scikit-learn's. Columns are `words`, `numbers`, `rest`, or names, in
//! quotes where they hold other characters than letters, digits, `_`, `-` and `.`.

use core::str::FromStr;

use super::error::PipelineError;
use super::fit::Pipeline;
use super::stage::{Branch, Selector, Stage, Transformer, plain};
use crate::train::{EstimatorName, TrainError};

/// Branches within branches.
const MAX_DEPTH: usize = 8;

/// The parameter that a value without a name is for.
const FIRST: [(&str, &str); 7] = [
    ("PCA", "n_components"),
    ("TruncatedSVD", "n_components"),
    ("SelectKBest", "k"),
    ("VarianceThreshold", "threshold"),
    ("PolynomialFeatures", "degree"),
    ("KBinsDiscretizer", "n_bins"),
    ("QuantileTransformer", "n_quantiles"),
];

impl FromStr for Pipeline {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let mut parser = Parser { text, at: 0 };
        let mut stages = Vec::new();
        loop {
            let start = parser.at;
            let name = parser.name("a step or a model")?;
            let last = {
                let mut ahead = parser;
                ahead.skip_call()?;
                ahead.at_end()
            };
            if !last {
                parser.at = start;
                stages.push(parser.stage(0)?);
                parser.expect('|', "`|` and a step or a model")?;
                continue;
            }
            if Transformer::new(&name).is_ok() || plain(&name) == "columntransformer" {
                return Err(parser
                    .error(format!(
                        "`{name}` changes columns and cannot be the last; end with a model, as in `| logistic-regression`"
                    ))
                    .into());
            }
            let mut pipeline = Self::new(stages, EstimatorName::parse(&name)?);
            pipeline.set = parser.arguments(None)?;
            pipeline.check()?;
            return Ok(pipeline);
        }
    }
}

#[derive(Clone, Copy)]
struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, message: String) -> PipelineError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        PipelineError::Syntax {
            at: before.chars().count() + 1,
            message,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn at_end(&mut self) -> bool {
        self.blank();
        self.rest().is_empty()
    }

    fn peek(&mut self) -> Option<char> {
        self.blank();
        self.rest().chars().next()
    }

    fn take(&mut self, c: char) -> bool {
        let there = self.peek() == Some(c);
        if there {
            self.at += c.len_utf8();
        }
        there
    }

    fn expect(&mut self, c: char, what: &str) -> Result<(), PipelineError> {
        if self.take(c) {
            return Ok(());
        }
        let found = self
            .peek()
            .map_or("the end".to_owned(), |c| format!("`{c}`"));
        Err(self.error(format!("{found} where {what} is expected")))
    }

    fn name(&mut self, what: &str) -> Result<String, PipelineError> {
        self.blank();
        let rest = self.rest();
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"');
            let end = end.ok_or_else(|| self.error("a quote is not closed".into()))?;
            self.at += end + 2;
            return Ok(quoted[..end].to_owned());
        }
        let is = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
        let end = rest.find(|c| !is(c)).unwrap_or(rest.len());
        if end == 0 {
            let found = rest.chars().next();
            let found = found.map_or("the end".to_owned(), |c| format!("`{c}`"));
            return Err(self.error(format!("{found} where {what} is expected")));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    /// Over a name's parentheses and brackets.
    fn skip_call(&mut self) -> Result<(), PipelineError> {
        self.blank();
        let start = *self;
        let (mut depth, mut quoted) = (0_usize, false);
        for (at, c) in self.rest().char_indices() {
            match c {
                '"' => quoted = !quoted,
                _ if quoted => {}
                '(' | '[' => depth += 1,
                ')' | ']' if depth == 0 => break,
                ')' | ']' => depth -= 1,
                _ if depth == 0 && !c.is_whitespace() => {
                    self.at += at;
                    return Ok(());
                }
                _ => {}
            }
        }
        if quoted || depth > 0 {
            let what = if quoted { "a quote" } else { "a parenthesis" };
            return Err(start.error(format!("{what} is not closed")));
        }
        self.at = self.text.len();
        Ok(())
    }

    fn stages(&mut self, depth: usize) -> Result<Vec<Stage>, TrainError> {
        let mut stages = Vec::new();
        if plain(&{ *self }.name("a step")?) == "passthrough" {
            self.name("a step")?;
            return Ok(stages);
        }
        loop {
            stages.push(self.stage(depth)?);
            if !self.take('|') {
                return Ok(stages);
            }
        }
    }

    fn stage(&mut self, depth: usize) -> Result<Stage, TrainError> {
        let start = *self;
        let name = self.name("a step")?;
        if plain(&name) == "columntransformer" {
            if depth >= MAX_DEPTH {
                return Err(start.error(format!("more than {MAX_DEPTH} levels")).into());
            }
            return self.branches(depth + 1);
        }
        let mut transformer =
            Transformer::new(&name).map_err(|error| match EstimatorName::parse(&name) {
                Ok(_) => start.error(format!(
                    "`{name}` is a model and must be the last; nothing may follow it"
                )),
                Err(_) => error,
            })?;
        let first = FIRST
            .iter()
            .find(|(name, _)| *name == transformer.info().name);
        for (name, value) in self.arguments(first.map(|(_, parameter)| *parameter))? {
            transformer.set(&name, &value)?;
        }
        let stage = Stage::All(transformer);
        if !self.take('[') {
            return Ok(stage);
        }
        let columns = self.selector()?;
        self.expect(']', "`]`")?;
        let rest = Branch {
            columns: Selector::Rest,
            stages: Vec::new(),
        };
        let stages = vec![stage];
        Ok(Stage::Columns(vec![Branch { columns, stages }, rest]))
    }

    fn branches(&mut self, depth: usize) -> Result<Stage, TrainError> {
        self.expect('(', "`(` and `columns: steps`")?;
        let mut branches = Vec::new();
        loop {
            let columns = self.selector()?;
            self.expect(':', "`:` and steps")?;
            let stages = self.stages(depth)?;
            branches.push(Branch { columns, stages });
            if self.take(')') {
                return Ok(Stage::Columns(branches));
            }
            self.expect(';', "`;` or `)`")?;
        }
    }

    fn selector(&mut self) -> Result<Selector, PipelineError> {
        let quoted = self.peek() == Some('"');
        let first = self.name("a column, `words`, `numbers` or `rest`")?;
        match first.as_str() {
            "words" if !quoted => return Ok(Selector::Words),
            "numbers" if !quoted => return Ok(Selector::Numbers),
            "rest" if !quoted => return Ok(Selector::Rest),
            _ => {}
        }
        let mut names = vec![first];
        while self.take(',') {
            let name = self.name("a column")?;
            if names.contains(&name) {
                return Err(self.error(format!("column `{name}` is named twice")));
            }
            names.push(name);
        }
        Ok(Selector::Names(names))
    }

    /// `(name=value, …)`, or nothing; a pair of numbers stands for the two ends of a range.
    fn arguments(&mut self, first: Option<&str>) -> Result<Vec<(String, String)>, PipelineError> {
        let mut found: Vec<(String, String)> = Vec::new();
        if !self.take('(') {
            return Ok(found);
        }
        if self.take(')') {
            return Ok(found);
        }
        loop {
            let start = *self;
            let mut name = self.name("a parameter")?;
            if self.take('=') {
                if self.take('(') {
                    for end in ["min", "max"] {
                        found.push((format!("{name}_{end}"), self.name("a number")?));
                        let (c, what) = if end == "min" {
                            (',', "`,`")
                        } else {
                            (')', "`)`")
                        };
                        self.expect(c, what)?;
                    }
                } else {
                    let value = self.name("a value")?;
                    found.push((name.clone(), value));
                }
            } else {
                let Some(parameter) = first.filter(|_| found.is_empty()) else {
                    return Err(
                        start.error(format!("`{name}` where `parameter=value` is expected"))
                    );
                };
                let value = core::mem::replace(&mut name, parameter.to_owned());
                found.push((name.clone(), value));
            }
            let last = found
                .last()
                .map(|(name, _)| name.clone())
                .unwrap_or_default();
            if found.iter().filter(|(other, _)| *other == last).count() > 1 {
                return Err(start.error(format!("`{last}` is given twice")));
            }
            if self.take(')') {
                return Ok(found);
            }
            self.expect(',', "`,` or `)`")?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_and_back() {
        for (text, expected) in [
            ("LinearRegression", "LinearRegression"),
            (
                "standard-scaler|pca(8) | logistic_regression ( C = 0.5 )",
                "standard-scaler | pca(n_components=8) | LogisticRegression(C=0.5)",
            ),
            (
                "min-max-scaler(feature_range=(-1, 1), clip=true) | ridge",
                "min-max-scaler(feature_range_min=-1, feature_range_max=1, clip=true) | Ridge",
            ),
            (
                "one-hot-encoder[words] | random-forest",
                "column-transformer(words: one-hot-encoder; rest: passthrough) | random-forest",
            ),
            (
                "column-transformer(age, \"a b\": simple-imputer | StandardScaler; words: one-hot-encoder(handle_unknown=ignore)) | ridge",
                "column-transformer(\"age\", \"a b\": simple-imputer | standard-scaler; words: one-hot-encoder(handle_unknown=ignore)) | Ridge",
            ),
        ] {
            let pipeline: Pipeline = text.parse().unwrap();
            assert_eq!(pipeline.to_string(), expected);
            let again: Pipeline = expected.parse().unwrap();
            assert_eq!(again.to_string(), expected);
        }
    }

    #[test]
    fn errors_say_what_where_and_how_to_mend_it() {
        for (text, expected) in [
            (
                "",
                "from character 1: the end where a step or a model is expected",
            ),
            (
                "standard-scaler",
                "`standard-scaler` changes columns and cannot be the last",
            ),
            (
                "standard-scaler |",
                "from character 18: the end where a step or a model",
            ),
            (
                "standard-skaler | ridge",
                "no step `standard-skaler`; known: `standard-scaler`",
            ),
            (
                "ridge | pca(2) | ridge",
                "from character 1: `ridge` is a model and must be the last",
            ),
            (
                "pca(x) | ridge",
                "`n_components` = `x`: expected a number in (0, inf), or none",
            ),
            (
                "pca(n=3) | ridge",
                "PCA has no parameter `n`; known: `n_components`, `whiten`",
            ),
            (
                "pca(2, 3) | ridge",
                "from character 7: `3` where `parameter=value` is expected",
            ),
            ("pca(2 | ridge", "a parenthesis is not closed"),
            (
                "pca(2, n_components=3) | ridge",
                "`n_components` is given twice",
            ),
            ("pca(2)[a, a] | ridge", "column `a` is named twice"),
            ("ridge(alpha=-1)", "`alpha` = `-1`"),
            ("no-such-model", "no estimator `no-such-model`"),
            (
                "pca[] | ridge",
                "`]` where a column, `words`, `numbers` or `rest` is expected",
            ),
        ] {
            let error = text.parse::<Pipeline>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in r#"([a-z"é|()\[\];:,= .-]|pca|ridge|column-transformer\(|words)*"#) {
            let _ = text.parse::<Pipeline>();
        }
    }
}
