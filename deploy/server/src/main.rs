//! `tenebra-server`: the service alone, without the tools of a model's owner.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tenebra_server::StartError;
use tenebra_server::arguments::{ServeArguments, TokenArguments};

/// Machine learning on encrypted data: the service.
#[derive(Debug, Parser)]
#[command(name = "tenebra-server", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(ServeArguments),
    Token(TokenArguments),
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // Nobody listens to stderr: nothing is left to say it with.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, StartError> {
    match Arguments::parse().command {
        Command::Serve(arguments) => arguments.run(),
        Command::Token(arguments) => {
            let printed = std::io::stdout().write_all(arguments.run()?.as_bytes());
            printed.map_err(|source| StartError::Io {
                action: "stdout".to_owned(),
                source,
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
