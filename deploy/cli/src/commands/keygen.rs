//! `tenebra keygen`.

use std::path::PathBuf;

use tenebra_app::model_folder::ClientFile;
use tenebra_app::{files, key_folder};

use crate::arguments::check_folder;
use crate::files::files;
use crate::output::{self, Failure};

/// Make the keys of a data owner
///
/// Writes KEYS/secret.key, which never leaves the owner, and KEYS/evaluation.key for the server, where the model needs one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra keygen model/ -o keys/
  tenebra keygen model/ -o keys/ --force")]
pub(crate) struct Arguments {
    /// Folder with the model's client.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Folder of the keys
    #[arg(short, long, value_name = "KEYS")]
    output: PathBuf,
    /// Replace keys that are there; queries made with them can then not be decrypted any more
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = &arguments.output;
    check_folder(folder)?;
    let client = ClientFile::read(&arguments.folder)?;
    let spec = client.spec()?;
    if !arguments.force {
        files::check_free(folder, &[files::SECRET_KEY_FILE])?;
    }
    let busy = output::busy("making keys");
    let evaluation_key = key_folder::make(files(), folder, &spec, None, arguments.force)?;
    busy.finish_and_clear();
    output::note(&format!(
        "wrote {}, which decrypts every query made with it: keep it to yourself",
        folder.join(files::SECRET_KEY_FILE).display()
    ));
    match evaluation_key {
        Some(size) => output::note(&format!(
            "wrote {} for the server: {}",
            folder.join(files::EVALUATION_KEY_FILE).display(),
            output::bytes(size)
        )),
        None => output::note("this model needs no evaluation key"),
    }
    Ok(())
}
