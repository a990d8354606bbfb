//! `tenebra keygen`.

use std::path::PathBuf;

use tenebra::evaluate::system_rng;
use tenebra::files::{self, Access};
use tenebra_client::ClientKey;

use crate::commands::{parse_client, read_client};
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
    /// Replace keys that are there; their queries can then not be decrypted any more
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = read_client(&arguments.folder)?;
    let spec = parse_client(&arguments.folder, &client)?;
    let mut rng = system_rng()?;
    let key = ClientKey::generate(&spec, &mut rng);
    let evaluation_key = spec.evaluation_key_file(&key, &mut rng)?;
    files::create_folder(&arguments.output)?;
    let access = if arguments.force {
        Access::Secret
    } else {
        Access::NewSecret
    };
    let path = arguments.output.join(files::SECRET_KEY_FILE);
    files::write(&path, &key.to_secret_file(&spec), access)?;
    output::note(&format!(
        "wrote {}, which decrypts every query made with it: keep it to yourself",
        path.display()
    ));
    let path = arguments.output.join(files::EVALUATION_KEY_FILE);
    match evaluation_key {
        Some(bytes) => {
            files::write(&path, &bytes, Access::Public)?;
            let size = output::bytes(bytes.len() as u64);
            output::note(&format!("wrote {} for the server: {size}", path.display()));
        }
        None => output::note("this model needs no evaluation key"),
    }
    Ok(())
}
