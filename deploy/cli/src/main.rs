//! The `tenebra` command.

mod commands;
mod hint;
mod output;
mod spool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Machine learning on encrypted data.
///
/// The owner of a model trains or imports it and compiles it into two files: server.tnb for the server, client.tnb for the
/// owners of data. Those make a key, encrypt rows, and decrypt what the server computed without seeing them.
#[derive(Debug, Parser)]
#[command(name = "tenebra", version, max_term_width = 100, after_help = EXAMPLE)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "\
From a CSV to a decrypted prediction:
  tenebra train LogisticRegression --data train.csv --target y -o model.json
  tenebra compile model.json --calibrate train.csv -o model/
  tenebra eval model/ --data test.csv --target y --mode encrypted

The same in the hands of two parties:
  tenebra keygen model/ -o keys/                                            data owner
  tenebra encrypt model/ --keys keys/ --data test.csv --row 0 -o query.tnb  data owner
  tenebra run model/ query.tnb -o response.tnb                              server
  tenebra decrypt model/ --keys keys/ response.tnb                          data owner

The same through a service:
  tenebra serve --store store/ --listen 127.0.0.1:8080 --open               server
  tenebra push model/ --server http://127.0.0.1:8080                        model owner
  tenebra predict --server http://127.0.0.1:8080 --model model --keys keys/ --data test.csv";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(commands::demo::Arguments),
    Train(commands::train::Arguments),
    Import(commands::import::Arguments),
    Compile(commands::compile::Arguments),
    Inspect(commands::inspect::Arguments),
    Eval(commands::eval::Arguments),
    Keygen(commands::keygen::Arguments),
    Encrypt(commands::encrypt::Arguments),
    Run(commands::run::Arguments),
    Decrypt(commands::decrypt::Arguments),
    Serve(commands::serve::Arguments),
    Token(commands::token::Arguments),
    Push(commands::push::Arguments),
    Models(commands::models::Arguments),
    Keys(commands::keys::Arguments),
    Predict(commands::predict::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Train(arguments) => commands::train::run(&arguments),
        Command::Import(arguments) => commands::import::run(&arguments),
        Command::Compile(arguments) => commands::compile::run(&arguments),
        Command::Inspect(arguments) => commands::inspect::run(&arguments),
        Command::Eval(arguments) => commands::eval::run(&arguments),
        Command::Keygen(arguments) => commands::keygen::run(&arguments),
        Command::Encrypt(arguments) => commands::encrypt::run(&arguments),
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Decrypt(arguments) => commands::decrypt::run(&arguments),
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Token(arguments) => commands::token::run(&arguments),
        Command::Push(arguments) => commands::push::run(&arguments),
        Command::Models(arguments) => commands::models::run(&arguments),
        Command::Keys(arguments) => commands::keys::run(&arguments),
        Command::Predict(arguments) => commands::predict::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            ExitCode::FAILURE
        }
    }
}
