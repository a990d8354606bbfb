//! `tenebra keygen`.

use std::path::PathBuf;

use tenebra_app::evaluate::system_rng;
use tenebra_app::files::{self, Access, Item};
use tenebra_client::ClientKey;
use zeroize::Zeroizing;

use crate::arguments::check_folder;
use crate::commands::{parse_client, read_client};
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
    let client = read_client(&arguments.folder)?;
    let spec = parse_client(&arguments.folder, &client)?;
    if !arguments.force {
        files::check_free(folder, &[files::SECRET_KEY_FILE])?;
    }
    let mut rng = system_rng()?;
    let busy = output::busy("making keys");
    let key = ClientKey::generate(&spec, &mut rng);
    let evaluation_key = spec.evaluation_key_file(&key, &mut rng)?;
    busy.finish_and_clear();
    let secret = Zeroizing::new(key.to_secret_file(&spec));
    let mut items = vec![Item {
        name: files::SECRET_KEY_FILE,
        bytes: &secret,
        access: Access::Secret,
        replace: arguments.force,
    }];
    items.extend(evaluation_key.as_deref().map(|bytes| Item {
        name: files::EVALUATION_KEY_FILE,
        bytes,
        access: Access::Public,
        // Of no use without the secret key that is not there.
        replace: true,
    }));
    files().write_folder(folder, &items)?;
    output::note(&format!(
        "wrote {}, which decrypts every query made with it: keep it to yourself",
        folder.join(files::SECRET_KEY_FILE).display()
    ));
    match &evaluation_key {
        Some(bytes) => output::note(&format!(
            "wrote {} for the server: {}",
            folder.join(files::EVALUATION_KEY_FILE).display(),
            output::bytes(bytes.len() as u64)
        )),
        None => output::note("this model needs no evaluation key"),
    }
    Ok(())
}
