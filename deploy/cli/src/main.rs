#![doc = include_str!("../README.md")]

extern crate alloc;

mod arguments;
mod commands;
mod files;
mod hint;
mod output;
mod plots;
mod spool;
mod suggest;
mod terminal;

use std::process::ExitCode;

use clap::{ColorChoice, Parser, Subcommand};

/// Machine learning on encrypted data.
///
/// The owner of a model trains or imports it and compiles it into two files: server.tnb for the server, client.tnb for the
/// owners of data. Those make a key, encrypt rows, and decrypt what the server computed without seeing them.
#[derive(Debug, Parser)]
#[command(name = "tenebra", version, max_term_width = 100, after_help = EXAMPLE)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Print no notes and no bars, only warnings and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// When to use colours; `auto`: on a terminal, unless the environment has NO_COLOR
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto, hide_possible_values = true)]
    color: ColorChoice,
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
    Examples(commands::examples::Arguments),
    Train(commands::train::Arguments),
    Search(commands::search::Arguments),
    Import(commands::import::Arguments),
    Tune(commands::tune::Arguments),
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
    Completions(commands::completions::Arguments),
    Man(commands::man::Arguments),
}

fn main() -> ExitCode {
    // Before clap may print its help or its errors.
    arguments::chosen_colors(std::env::args_os()).write_global();
    let arguments = Arguments::parse();
    if arguments.global.quiet {
        output::be_quiet();
    }
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            failure.status()
        }
    }
}

fn run(command: Command) -> Result<(), output::Failure> {
    match command {
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Examples(arguments) => commands::examples::run(&arguments),
        Command::Train(arguments) => commands::train::run(&arguments),
        Command::Search(arguments) => commands::search::run(&arguments),
        Command::Import(arguments) => commands::import::run(&arguments),
        Command::Tune(arguments) => commands::tune::run(&arguments),
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
        Command::Completions(arguments) => commands::completions::run(&arguments),
        Command::Man(arguments) => commands::man::run(&arguments),
    }
}
