//! Runs the firmware in QEMU and reads what it prints.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::result::Result;

/// A firmware and the folder that its semihosting files lie in.
pub(crate) struct Device {
    pub(crate) firmware: PathBuf,
    pub(crate) files: PathBuf,
}

/// Lines `NAME VALUE` of one command.
pub(crate) struct Printed(Vec<(String, String)>);

impl Device {
    /// Runs one command to its end.
    ///
    /// An instruction takes a nanosecond of the machine's time, by which the firmware counts them.
    pub(crate) fn run(&self, command: &str) -> Result<Printed> {
        std::fs::write(self.file("seed.bin"), fresh_seed()?)?;
        let output = Command::new("qemu-system-arm")
            .args(["-cpu", "cortex-m3", "-machine", "lm3s6965evb"])
            .args(["-display", "none", "-serial", "none", "-monitor", "none"])
            .args(["-icount", "shift=0"])
            .arg("-semihosting-config")
            .arg(format!(
                "enable=on,target=native,arg=firmware,arg={command}"
            ))
            .arg("-kernel")
            .arg(&self.firmware)
            .current_dir(&self.files)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("qemu-system-arm cannot be run, install it: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let firmware = self.firmware.display();
            return Err(format!("{firmware} {command} failed:\n{text}{errors}").into());
        }
        let pair = |line: &str| {
            line.split_once(' ')
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
        };
        Ok(Printed(text.lines().filter_map(pair).collect()))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.files.join(name)
    }

    pub(crate) fn new(firmware: &Path, files: &Path) -> Result<Self> {
        std::fs::create_dir_all(files)?;
        Ok(Self {
            firmware: firmware.canonicalize().map_err(|error| {
                format!("{}: {error}; build the firmware first", firmware.display())
            })?,
            files: files.canonicalize()?,
        })
    }
}

impl Printed {
    /// All values of `name`.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(its_name, _)| its_name == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The number `name`.
    pub(crate) fn number(&self, name: &str) -> Result<u64> {
        let value = self.all(name).next();
        let value = value.ok_or_else(|| format!("the firmware did not print {name}"))?;
        Ok(value.parse()?)
    }
}

/// What a TRNG gives.
pub(crate) fn fresh_seed() -> Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}
