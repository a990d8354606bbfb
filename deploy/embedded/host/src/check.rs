//! The whole way: the firmware encrypts, the server answers, the firmware decrypts; answers equal the simulator's.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use tenebra_circuit::{Circuit, Verified};
use tenebra_client::{ClientError, ClientKey, ClientSpec};
use tenebra_tfhe::{EvaluationKey, Program};

use crate::models;
use crate::qemu::{Device, Printed, fresh_seed};
use crate::result::Result;

/// Held-out rows that each firmware asks about.
const ROWS: usize = 6;

/// What a firmware may take: the figures.
struct Limits {
    flash_bytes: u64,
    ram_bytes: u64,
}

/// The firmware of one model.
struct Case {
    name: &'static str,
    limits: Limits,
}

const CASES: [Case; 3] = [
    Case {
        name: "linear",
        limits: Limits {
            // 1.9 kB of it are for seeds that are hashed from generator, key and codes.
            flash_bytes: 31 * 1024,
            ram_bytes: 8 * 1024,
        },
    },
    Case {
        name: "packed",
        limits: Limits {
            flash_bytes: 36 * 1024,
            ram_bytes: 16 * 1024,
        },
    },
    Case {
        name: "network",
        limits: Limits {
            flash_bytes: 36 * 1024,
            ram_bytes: 16 * 1024,
        },
    },
];

/// Most that a command took.
#[derive(Clone, Copy, Default)]
struct Figures {
    instructions: u64,
    stack_bytes: u64,
    static_bytes: u64,
    flash_bytes: u64,
}

impl Figures {
    fn of(printed: &Printed, command: &str) -> Result<Self> {
        Ok(Self {
            instructions: printed.number(&format!("{command}_instructions"))?,
            stack_bytes: printed.number("stack_bytes")?,
            static_bytes: printed.number("static_bytes")?,
            flash_bytes: printed.number("flash_bytes")?,
        })
    }

    fn max(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.max(other.instructions),
            stack_bytes: self.stack_bytes.max(other.stack_bytes),
            static_bytes: self.static_bytes.max(other.static_bytes),
            flash_bytes: self.flash_bytes.max(other.flash_bytes),
        }
    }

    fn ram_bytes(self) -> u64 {
        self.static_bytes + self.stack_bytes
    }
}

/// Checks every firmware and prints its figures as a Markdown table.
pub(crate) fn check_all(models: &Path, firmware: &Path) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "| firmware | command | instructions | flash | static | stack | RAM |\n|---|---|---|---|---|---|---|"
    )?;
    let mut excesses = Vec::new();
    for case in &CASES {
        excesses.extend(check(case, models, firmware, &mut out)?);
    }
    if excesses.is_empty() {
        Ok(())
    } else {
        Err(excesses.join("; ").into())
    }
}

/// The server's side of one model.
struct Server<'a> {
    spec: &'a ClientSpec<'a>,
    circuit: Verified,
    program: Program,
    key: Option<EvaluationKey>,
}

/// Returns where the firmware takes more than it may.
fn check(
    case: &Case,
    models: &Path,
    firmware: &Path,
    out: &mut impl std::io::Write,
) -> Result<Vec<String>> {
    let path = |extension: &str| models.join(case.name).with_extension(extension);
    let bytes = fs::read(path("tnb"))?;
    let spec = ClientSpec::parse(&bytes)?;
    let circuit: Circuit = fs::read_to_string(path("circuit"))?.parse()?;
    let circuit = Verified::try_from(circuit)?;
    let program = Program::for_spec(&circuit, &spec)?;

    let files = models.join(format!("{}.run", case.name));
    let device = Device::new(&firmware.join(case.name), &files)?;
    let key = if program.evaluation_key_bytes().is_some() {
        let evaluation_key = provision(&device, &spec)?;
        Some(program.prepare_key(spec.id(), &evaluation_key)?)
    } else {
        let keygen = Figures::of(&device.run("keygen")?, "keygen")?;
        row(out, case.name, "keygen", keygen)?;
        None
    };
    let server = Server {
        spec: &spec,
        circuit,
        program,
        key,
    };

    let [mut quantize, mut encrypt, mut decrypt] = [Figures::default(); 3];
    for readings in models::readings(ROWS)? {
        let (encrypted, decrypted) = round_trip(&device, &server, &readings)
            .map_err(|error| format!("{}: readings {readings:?}: {error}", case.name))?;
        quantize = quantize.max(Figures::of(&encrypted, "quantize")?);
        encrypt = encrypt.max(Figures::of(&encrypted, "encrypt")?);
        decrypt = decrypt.max(Figures::of(&decrypted, "decrypt")?);
    }
    row(out, case.name, "quantize", quantize)?;
    row(out, case.name, "encrypt", encrypt)?;
    row(out, case.name, "decrypt", decrypt)?;
    Ok(excesses(&case.limits, case.name, encrypt.max(decrypt)))
}

/// Makes a key for the device, which has not the memory to make an evaluation key, and returns the evaluation key.
fn provision(device: &Device, spec: &ClientSpec<'_>) -> Result<Vec<u8>> {
    let mut rng = ChaCha20Rng::from_seed(fresh_seed()?);
    let key = ClientKey::generate(spec, &mut rng);
    let mut secret = vec![0; ClientKey::secret_file_len(spec)];
    key.write_secret_file(&mut secret);
    fs::write(device.file("secret.tnb"), secret)?;
    let scratch = spec.evaluation_key_scratch_len();
    let mut evaluation_key = Vec::new();
    spec.write_evaluation_key(&key, &mut rng, &mut vec![0; scratch], |bytes| {
        evaluation_key.extend_from_slice(bytes);
        Ok::<_, ClientError>(())
    })?;
    Ok(evaluation_key)
}

/// Encrypts on the device, answers, decrypts on the device, and compares.
fn round_trip(
    device: &Device,
    server: &Server<'_>,
    readings: &[i32],
) -> Result<(Printed, Printed)> {
    let bytes: Vec<u8> = readings
        .iter()
        .flat_map(|count| count.to_le_bytes())
        .collect();
    fs::write(device.file("readings.bin"), bytes)?;
    let encrypted = device.run("encrypt")?;
    let query = fs::read(device.file("query.tnb"))?;
    let response = server
        .program
        .evaluate(server.spec.id(), server.key.as_ref(), &query)?;
    fs::write(device.file("response.tnb"), response)?;
    let decrypted = device.run("decrypt")?;

    let row: Vec<f64> = readings.iter().map(|count| models::real(*count)).collect();
    let mut codes = vec![0; server.spec.input_count()];
    let clipped = server.spec.quantize(&row, &mut codes)?;
    let want = tenebra_sim::run(&server.circuit, &codes)?;
    let got = decrypted.all("integer").map(str::parse);
    let got: Vec<i64> = got.collect::<core::result::Result<_, _>>()?;
    if got != want {
        return Err(format!("the device decrypted {got:?}, the simulator says {want:?}").into());
    }
    if encrypted.number("clipped")? != clipped as u64 {
        return Err(format!("{clipped} values are clipped, the device counts others").into());
    }
    Ok((encrypted, decrypted))
}

fn row(
    out: &mut impl std::io::Write,
    firmware: &str,
    command: &str,
    figures: Figures,
) -> Result<()> {
    writeln!(
        out,
        "| {firmware} | {command} | {} | {} | {} | {} | {} |",
        figures.instructions,
        figures.flash_bytes,
        figures.static_bytes,
        figures.stack_bytes,
        figures.ram_bytes()
    )?;
    Ok(())
}

fn excesses(limits: &Limits, name: &str, figures: Figures) -> Vec<String> {
    [
        ("flash", figures.flash_bytes, limits.flash_bytes),
        ("RAM", figures.ram_bytes(), limits.ram_bytes),
    ]
    .into_iter()
    .filter(|(_, bytes, limit)| bytes > limit)
    .map(|(what, bytes, limit)| {
        format!("{name} takes {bytes} bytes of {what}, the limit is {limit}")
    })
    .collect()
}
