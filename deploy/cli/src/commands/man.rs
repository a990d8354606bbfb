//! `tenebra man`.

use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use tenebra_app::files::{Access, Item};

use crate::arguments::check_folder;
use crate::files::files;
use crate::output::{self, Failure};
use crate::suggest::did_you_mean;

/// Print the man page of tenebra or of a command, or write those of all
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra man | man -l -
  tenebra man compile | man -l -
  tenebra man -o /usr/local/share/man/man1")]
pub(crate) struct Arguments {
    /// The command; without it, the page of tenebra itself
    #[arg(conflicts_with = "output")]
    command: Option<String>,
    /// Folder to write the pages of all commands to
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut root = crate::Arguments::command();
    root.build();
    if let Some(folder) = &arguments.output {
        return write_all(&root, folder);
    }
    let Some(name) = &arguments.command else {
        return output::data(&page(&root)?);
    };
    let Some(command) = root.find_subcommand(name) else {
        let failure = Failure::usage(format!("there is no command `{name}`"));
        let known = root.get_subcommands().map(Command::get_name);
        return Err(match did_you_mean(name, known) {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        });
    };
    output::data(&page(command)?)
}

fn write_all(root: &Command, folder: &std::path::Path) -> Result<(), Failure> {
    check_folder(folder)?;
    let shown = |command: &&Command| command.get_name() != "help" && !command.is_hide_set();
    let commands = core::iter::once(root).chain(root.get_subcommands().filter(shown));
    let pages = commands
        .map(|command| Ok((format!("{}.1", title(command)), page(command)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let items: Vec<Item<'_>> = pages
        .iter()
        .map(|(name, page)| Item {
            name,
            bytes: page.as_bytes(),
            access: Access::Public,
            replace: true,
        })
        .collect();
    files().write_folder(folder, &items)?;
    output::note(&format!(
        "wrote {} pages to {}",
        items.len(),
        folder.display()
    ));
    Ok(())
}

/// `tenebra-eval` of the command `tenebra eval`.
fn title(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    name.replace(' ', "-")
}

fn page(command: &Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    let man = Man::new(command.clone()).title(title(command));
    man.render(&mut text)
        .map_err(|e| Failure::new(e.to_string()))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
