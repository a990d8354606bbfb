//! What arguments of several commands have in common.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::files::STDIN;
use crate::output::Failure;
use anstream::ColorChoice;

/// A file to read; `-` is stdin.
#[derive(Clone, Debug)]
pub(crate) struct InputPath;

impl clap::builder::TypedValueParser for InputPath {
    type Value = PathBuf;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<PathBuf, clap::Error> {
        let value = if value == "-" { STDIN.as_ref() } else { value };
        clap::builder::PathBufValueParser::new().parse_ref(command, argument, value)
    }
}

/// A folder; there is no `-` for folders.
pub(crate) fn check_folder(path: &Path) -> Result<(), Failure> {
    if path == Path::new("-") {
        let message = "`-` stands for stdin and stdout, and here a folder is needed";
        return Err(Failure::usage(message).with_hint("`./-` is a folder of that name"));
    }
    Ok(())
}

/// A file that was written, for messages.
pub(crate) fn written_to(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdout".to_owned();
    }
    path.display().to_string()
}

/// Refuses two files that are both stdin, of which the second would be empty.
pub(crate) fn check_stdin<'a>(
    inputs: impl IntoIterator<Item = Option<&'a PathBuf>>,
) -> Result<(), Failure> {
    let stdin = inputs
        .into_iter()
        .flatten()
        .filter(|path| path.as_path() == Path::new(STDIN));
    if stdin.count() > 1 {
        return Err(Failure::usage("only one file can be stdin"));
    }
    Ok(())
}

/// Refuses several outputs that are all printed to stdout, where they would be one text. Each comes with whether it is.
pub(crate) fn check_stdout<const N: usize>(outputs: [(&str, bool); N]) -> Result<(), Failure> {
    let mut printed = outputs.into_iter().filter(|(_, printed)| *printed);
    let (Some((one, _)), Some((other, _))) = (printed.next(), printed.next()) else {
        return Ok(());
    };
    let message = format!("`{one}` and `{other}` both print to stdout");
    Err(Failure::usage(message).with_hint("write one of them to a file"))
}

/// What `--color` asks for, found before the arguments are parsed, for errors of parsing have colours as well. Whether it makes
/// sense is for the parser to say.
pub(crate) fn chosen_colors(arguments: impl IntoIterator<Item = OsString>) -> ColorChoice {
    let mut arguments = arguments.into_iter().skip(1);
    let mut chosen = None;
    while let Some(argument) = arguments.next() {
        let argument = argument.to_string_lossy();
        if argument == "--" {
            break;
        }
        if argument == "--color" {
            chosen = arguments
                .next()
                .map(|value| value.to_string_lossy().into_owned());
        } else if let Some(value) = argument.strip_prefix("--color=") {
            chosen = Some(value.to_owned());
        }
    }
    match chosen.as_deref() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_found_wherever_they_stand() {
        for (line, expected) in [
            ("tenebra eval --color never m", ColorChoice::Never),
            ("tenebra --color=always eval m", ColorChoice::Always),
            ("tenebra eval m", ColorChoice::Auto),
            ("tenebra eval --color", ColorChoice::Auto),
            ("tenebra eval -- --color=never", ColorChoice::Auto),
        ] {
            let arguments = line.split(' ').map(OsString::from);
            assert_eq!(chosen_colors(arguments), expected, "{line}");
        }
    }
}
