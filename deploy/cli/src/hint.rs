//! What to type next after an error.

use std::path::Path;

use tenebra_app::Error;
use tenebra_app::files::{CLIENT_FILE, EVALUATION_KEY_FILE, SECRET_KEY_FILE, SERVER_FILE};
use tenebra_client::{ClientError, FrameError, Kind, SpecError};
use tenebra_models::{DataError, ModelError, PipelineError, QuantizeError, TrainError};
use tenebra_quant::QuantError;
use tenebra_service_client::ServiceError;
use tenebra_tfhe::server_program::ProgramError;
use tenebra_tfhe::{EvaluateError, PlanError};

use crate::suggest::did_you_mean;

/// Whether an error is wrong usage: no other file would make the command right.
pub(crate) fn is_usage(error: &Error) -> bool {
    matches!(
        error.root(),
        Error::Train(
            TrainError::UnknownEstimator { .. }
                | TrainError::UnknownParameter { .. }
                | TrainError::ParameterValue { .. }
                | TrainError::Combination { .. }
                | TrainError::NoTarget
                | TrainError::OneTarget { .. }
                | TrainError::Pipeline(
                    PipelineError::Syntax { .. } | PipelineError::UnknownTransformer { .. }
                )
        ) | Error::Quantize(
            QuantizeError::Quant(QuantError::BitWidth { .. } | QuantError::SymmetricBitWidth)
                | QuantizeError::LeafBits { .. }
        ) | Error::Plan(PlanError::FailureProbability(_))
            | Error::Service(ServiceError::Address { .. })
    )
}

/// The hint for an error, where one helps.
pub(crate) fn hint(error: &Error) -> Option<String> {
    let text = match error.root() {
        Error::Io {
            path,
            not_found: true,
            ..
        } => return missing_file(path),
        Error::Data(error) | Error::Train(TrainError::Data(error)) => return data(error),
        Error::Quantize(QuantizeError::Data(error)) => return data(error),
        Error::Quantize(QuantizeError::CalibrationNeeded) => {
            "`--calibrate rows.csv` takes rows like those to be scored, for instance the training data"
        }
        Error::Model(ModelError::Format { .. } | ModelError::Json { .. }) => {
            "a model is JSON of finite numbers as `train` writes it; `tenebra import` reads models of other libraries"
        }
        Error::Train(
            TrainError::UnknownEstimator { name, known }
            | TrainError::UnknownParameter { name, known, .. },
        ) => {
            let list = "`tenebra train --list` shows the models and their parameters";
            return Some(match did_you_mean(name, known) {
                Some(suggestion) => format!("{suggestion} {list}"),
                None => list.to_owned(),
            });
        }
        Error::Train(TrainError::Pipeline(PipelineError::UnknownTransformer { name, known })) => {
            let list = "`tenebra train --list` shows the steps and their parameters";
            return Some(match did_you_mean(name, known) {
                Some(suggestion) => format!("{suggestion} {list}"),
                None => list.to_owned(),
            });
        }
        Error::Train(TrainError::Pipeline(PipelineError::UnknownColumn {
            column,
            present,
            ..
        })) => {
            return did_you_mean(column, present);
        }
        Error::Train(TrainError::Pipeline(PipelineError::Syntax { .. })) => {
            "a pipeline is steps and a model, as in `standard-scaler | pca(8) | logistic-regression(C=0.5)`"
        }
        Error::Plan(PlanError::OutputTooWide { .. } | PlanError::WeightsTooLarge { .. }) => {
            "a smaller `--n-bits` makes the output narrower"
        }
        Error::Plan(PlanError::HiddenTooWide { .. }) => {
            "`--hide-model=RESPONSES` and `--hide-advantage LOG2` say how well, and a smaller `--n-bits` makes the output narrower"
        }
        Error::Plan(PlanError::NotHideable) => {
            "leave `--hide-model` out; `SECURITY.md` says what clients learn of such models"
        }
        Error::Plan(PlanError::FailureProbability(_)) => {
            "`--p-fail` is a power of two: -128, the default, means 2^-128"
        }
        Error::Frame(error)
        | Error::Spec(SpecError::Frame(error))
        | Error::Client(ClientError::Frame(error))
        | Error::Program(ProgramError::Frame(error))
        | Error::Evaluate(EvaluateError::Frame(error)) => return frame(error),
        Error::Client(ClientError::Rows { .. }) => {
            "`tenebra inspect DIR` says how many rows a query holds"
        }
        Error::Evaluate(EvaluateError::NoEvaluationKey) => {
            "`--evaluation-key KEYS/evaluation.key`, from `tenebra keygen`"
        }
        Error::Service(error) => return service(error),
        Error::OtherModel { .. } => "`tenebra compile` writes both files; keep them together",
        Error::Exists { .. } => "`--force` replaces it",
        Error::OverSecret { .. } => {
            "name another file; without that key what was encrypted with it is lost"
        }
        Error::KeyRetired { .. } | Error::Client(ClientError::Undecryptable) => {
            "the key is retired: `tenebra keygen DIR -o KEYS --force` makes another; ask the server's operator before you send it anything"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

fn data(error: &DataError) -> Option<String> {
    let unseparated = |present: &[String]| match present {
        [header] => unseparated_header(header),
        _ => None,
    };
    let text = match error {
        DataError::MissingColumns { missing, present } => {
            return renamed(missing, present)
                .or_else(|| unseparated(present))
                .or_else(|| misspelt(missing, present));
        }
        DataError::TargetNotInHeader { missing, present } => {
            return unseparated(present).or_else(|| misspelt(missing, present));
        }
        DataError::NotANumber { cell, .. } if cell.replacen(',', ".", 1).parse::<f64>().is_ok() => {
            "`--decimal ,` reads decimal commas"
        }
        DataError::NotANumber { column, cell, .. } => {
            let words = || {
                format!(
                    "only columns named by `--target` may hold words; `--drop '{column}'` leaves a column out, and pipelines encode words: `tenebra train --pipeline 'one-hot-encoder[words] | MODEL'`"
                )
            };
            return Some(unseparated_cell(column, cell).unwrap_or_else(words));
        }
        DataError::Separators { .. } => {
            "`--separator ';'` names it; `,`, `;`, `|`, tab and others are read"
        }
        DataError::DecimalOrThousands { .. } => {
            "`--decimal ,` for decimals; separators of thousands are not read"
        }
        DataError::ColumnCount { .. } => "`--target COLUMN` leaves a column out",
        DataError::ContinuousClasses { .. } | DataError::TooManyClasses { .. } => {
            "`tenebra train --list` shows which models are regressions"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// What may separate cells, and its name in a shell.
const SEPARATORS: [(char, &str); 7] = [
    (';', "';'"),
    ('\t', "tab"),
    ('|', "'|'"),
    (',', "','"),
    (':', "':'"),
    ('/', "'/'"),
    (' ', "space"),
];

/// What separates cells, by a header that was read as one.
fn unseparated_header(header: &str) -> Option<String> {
    let mut known = SEPARATORS.iter();
    let (_, name) = known.find(|(mark, _)| header.contains(*mark))?;
    Some(separator_hint("the header is one cell", name))
}

/// The same by a cell below it, for the name of its column holds the separator as well. Names and words hold blanks wherever they
/// stand: only between numbers does one separate.
fn unseparated_cell(column: &str, cell: &str) -> Option<String> {
    let mut known = SEPARATORS.iter();
    let (_, name) = known.find(|(mark, _)| {
        let separates = match mark {
            ';' | '\t' | '|' => true,
            ' ' => is_numbers(cell),
            // They stand in numbers, times and dates.
            _ => false,
        };
        separates && column.contains(*mark) && cell.contains(*mark)
    })?;
    Some(separator_hint("cells are not separated there", name))
}

fn separator_hint(what: &str, name: &str) -> String {
    format!("{what}: if {name} separates cells, `--separator {name}` says so")
}

/// Whether there are only numbers between the blanks of a cell, whose end may be left out of an error.
fn is_numbers(cell: &str) -> bool {
    let is_number = |piece: &str| piece.replacen(',', ".", 1).parse::<f64>().is_ok();
    cell.split_whitespace()
        .all(|piece| is_number(piece) || piece.ends_with('…'))
}

/// LightGBM writes underscores for blanks in the names of its features.
fn misspelt(missing: &[String], present: &[String]) -> Option<String> {
    let taken = |name: &&String| !missing.contains(*name);
    let mut missing = missing.iter();
    missing.find_map(|name| did_you_mean(name, present.iter().filter(taken)))
}

fn renamed(missing: &[String], present: &[String]) -> Option<String> {
    let underscored = |name: &String| name.replace(char::is_whitespace, "_");
    let name_of = |wanted: &String| {
        let mut blanks = present
            .iter()
            .filter(|name| name.contains(char::is_whitespace));
        blanks.find(|name| underscored(name) == *wanted)
    };
    let (name, wanted) = missing
        .iter()
        .find_map(|wanted| Some((name_of(wanted)?, wanted)))?;
    Some(format!(
        "LightGBM writes underscores for blanks in names: rename `{name}` to `{wanted}` in the table"
    ))
}

fn frame(error: &FrameError) -> Option<String> {
    let text = match error {
        FrameError::Model {
            kind: Kind::SecretKey | Kind::EvaluationKey,
            ..
        } => {
            "keys belong to one compiled model; `tenebra keygen DIR -o KEYS` makes those of this one"
        }
        FrameError::Key { .. } => {
            "queries, evaluation keys and responses go with the `secret.key` they were made with"
        }
        FrameError::Length { .. } | FrameError::Short(_) | FrameError::Checksum => {
            "copy the file again, in binary mode"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

fn service(error: &ServiceError) -> Option<String> {
    let ServiceError::Refused(problem) = error else {
        let ServiceError::Transport { .. } = error else {
            return None;
        };
        let text = if error.to_string().contains("CertificateRequired") {
            "the server asks for a certificate: `--client-cert` and `--client-key` show one"
        } else {
            "is the server running, and is this its address?"
        };
        return Some(text.to_owned());
    };
    let text = match problem.kind.rsplit(':').next()? {
        "token-needed" => {
            "`--token` or the environment's TENEBRA_TOKEN holds a token; the server's operator makes it by `tenebra token add`"
        }
        "owner-only" => "`tenebra token add NAME --role owner` makes an owner's token",
        "model-not-found" => "`tenebra models --server URL` lists the models",
        "other-model" | "key-outdated" => {
            "if the model was deployed anew, a new folder gets keys for it: `tenebra predict --keys FOLDER`"
        }
        "too-many-keys" => {
            "`tenebra keys --server URL --model ID` lists your keys, and `delete KEY` after it deletes one"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

fn missing_file(path: &Path) -> Option<String> {
    let text = match path.file_name()?.to_str()? {
        CLIENT_FILE => {
            "the data owner needs this file; `tenebra compile model.json -o DIR` writes it"
        }
        SERVER_FILE => "the server needs this file; `tenebra compile model.json -o DIR` writes it",
        SECRET_KEY_FILE | EVALUATION_KEY_FILE => "`tenebra keygen DIR -o KEYS` makes it",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_told_from_blanks_in_cells() {
        for (column, cell, expected) in [
            ("a b", "1 2", Some("space")),
            ("a b c", "1,5 -2e3 0,25", Some("space")),
            // Cut short: the rest of a long row.
            ("a b c d", "1 2 3…", Some("space")),
            ("a;b;c", "1;no;2", Some("';'")),
            ("a\tb c", "1\tNew York", Some("tab")),
            ("a|b", "12:30|2", Some("'|'")),
            ("when", "2024-01-01 12:30", None),
            ("date time", "2024-01-01 12:30", None),
            ("date/time", "1/2/2024 12:30", None),
            ("city", "New York", None),
            ("home town", "New York", None),
            ("size", "1 2", None),
            ("colours", "red;blue", None),
        ] {
            let error = DataError::NotANumber {
                row: 1,
                line: None,
                column: column.to_owned(),
                cell: cell.to_owned(),
            };
            let hint = data(&error).unwrap();
            let expected = expected.map_or_else(
                || format!("`--drop '{column}'` leaves a column out"),
                |name| format!("if {name} separates cells, `--separator {name}` says so"),
            );
            assert!(hint.contains(&expected), "{column}, {cell}: {hint}");
        }
    }
}
