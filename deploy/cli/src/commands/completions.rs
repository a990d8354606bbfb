//! `tenebra completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::output::{self, Failure};

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra completions bash > /usr/share/bash-completion/completions/tenebra
  tenebra completions zsh > ~/.zfunc/_tenebra
  tenebra completions fish > ~/.config/fish/completions/tenebra.fish")]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = crate::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "tenebra", &mut script);
    output::data(&String::from_utf8_lossy(&script))
}
