//! What the firmware does when it is told to.

use core::mem::MaybeUninit;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use tenebra_client::{ClientKey, ClientSpec};

use crate::host::{Console, File, read_file, write_file};
use crate::measure::{Stopwatch, flash_bytes, static_bytes};
use crate::quantize::quantize;
use crate::{Model, measure};

/// Why a command failed. The library's errors say more; their words would take flash.
pub type Failure = &'static str;

/// The memory that the commands of a model need beyond the stack.
#[derive(Debug)]
pub struct Memory<'a> {
    /// A secret key file.
    pub secret: &'a mut [u8],
    /// A key that is moved takes its size on the stack once more.
    pub key: &'a mut MaybeUninit<ClientKey>,
    /// For a query or an answer.
    pub work: Work<'a>,
}

/// The memory of one query or answer.
#[derive(Debug)]
pub struct Work<'a> {
    /// Words to encrypt with.
    pub scratch: &'a mut [u64],
    /// A framed query.
    pub query: &'a mut [u8],
    /// One a column.
    pub readings: &'a mut [i32],
    /// One an input.
    pub codes: &'a mut [i64],
    /// One an output.
    pub integers: &'a mut [i64],
    /// One an output.
    pub scores: &'a mut [f64],
}

/// Runs `command`, reports memory on the console, and ends the program.
pub fn main(command: impl FnOnce() -> Result<(), Failure>) -> ! {
    let stack = measure::paint_stack();
    let done = command();
    for (name, bytes) in [
        ("stack_bytes", stack.used_bytes()),
        ("static_bytes", static_bytes()),
        ("flash_bytes", flash_bytes()),
    ] {
        Console.number(name, bytes as i64);
    }
    if let Err(failure) = done {
        Console.line("error:", failure);
    }
    crate::host::exit(done.is_ok())
}

/// `keygen`, `encrypt` or `decrypt`, as the command line says.
///
/// # Errors
///
/// [`Failure`] of the command.
pub fn run(model: &Model, memory: Memory<'_>) -> Result<(), Failure> {
    let spec = ClientSpec::parse(model.spec).map_err(|_| "the spec in flash is damaged")?;
    let mut line = [0; 128];
    let line = crate::host::command_line(&mut line);
    match line.rsplit(|byte| *byte == b' ').next() {
        Some(b"keygen") => keygen(&spec, memory),
        Some(b"encrypt") => {
            let key = load_key(&spec, memory.secret, memory.key)?;
            encrypt(model, &spec, key, memory.work)
        }
        Some(b"decrypt") => {
            let key = load_key(&spec, memory.secret, memory.key)?;
            decrypt(&spec, key, memory.work)
        }
        _ => Err("the command is keygen, encrypt or decrypt"),
    }
}

/// Draws a key and stores it; for specs whose servers need no evaluation key.
#[inline(never)]
fn keygen(spec: &ClientSpec<'_>, memory: Memory<'_>) -> Result<(), Failure> {
    if spec.evaluation_key_len().is_some() {
        return Err(
            "the server needs an evaluation key as well; make both keys where there is memory for it",
        );
    }
    let mut rng = generator()?;
    let time = Stopwatch::start();
    let key = memory.key.write(ClientKey::generate(spec, &mut rng));
    time.report("keygen_instructions");
    key.write_secret_file(memory.secret);
    write_file(c"secret.tnb", memory.secret)
}

#[inline(never)]
fn encrypt(
    model: &Model,
    spec: &ClientSpec<'_>,
    key: &ClientKey,
    memory: Work<'_>,
) -> Result<(), Failure> {
    read_readings(memory.readings)?;
    let time = Stopwatch::start();
    let clipped = quantize(model, spec, memory.readings, memory.codes)?;
    time.report("quantize_instructions");

    let mut rng = generator()?;
    let time = Stopwatch::start();
    spec.encrypt(key, memory.codes, &mut rng, memory.scratch, memory.query)
        .map_err(|_| "the codes could not be encrypted")?;
    time.report("encrypt_instructions");
    Console.number("clipped", clipped as i64);
    write_file(c"query.tnb", memory.query)
}

#[inline(never)]
fn decrypt(spec: &ClientSpec<'_>, key: &ClientKey, memory: Work<'_>) -> Result<(), Failure> {
    let file = File::open(c"response.tnb")?;
    let time = Stopwatch::start();
    // The checksum of the response finds out if a read failed.
    let source = |piece: &mut [u8]| file.read(piece).unwrap_or_default();
    spec.decrypt_from(key, source, memory.integers)
        .map_err(|_| "the response does not decrypt with this key")?;
    time.report("decrypt_instructions");
    spec.scores(memory.integers, memory.scores);
    for (integer, score) in memory.integers.iter().zip(memory.scores.iter()) {
        Console.number("integer", *integer);
        Console.number("score_millionths", in_millionths(*score));
    }
    if let Some(class) = spec.decision().decide(memory.scores)
        && let Some(name) = spec.classes().nth(class)
    {
        Console.line("class", name);
    }
    Ok(())
}

/// A generator with a seed that was never used before.
fn generator() -> Result<ChaCha20Rng, Failure> {
    let mut seed = [0; 32];
    read_file(c"seed.bin", &mut seed)?;
    Ok(ChaCha20Rng::from_seed(seed))
}

/// Reads the stored key; not inlined, so that what it needs of the stack is free again when the key is used.
#[inline(never)]
fn load_key<'k>(
    spec: &ClientSpec<'_>,
    secret: &mut [u8],
    key: &'k mut MaybeUninit<ClientKey>,
) -> Result<&'k ClientKey, Failure> {
    read_file(c"secret.tnb", secret)?;
    match ClientKey::read_secret_file(spec, secret) {
        Ok(stored) => Ok(key.write(stored)),
        Err(_) => Err("the stored key is not of this model"),
    }
}

/// Readings are little-endian integers of 32 bits, one a column.
fn read_readings(readings: &mut [i32]) -> Result<(), Failure> {
    let file = File::open(c"readings.bin")?;
    for reading in readings {
        let mut bytes = [0; 4];
        file.read(&mut bytes)?;
        *reading = i32::from_le_bytes(bytes);
    }
    Ok(())
}

/// Printing a float would take a fifth of the flash.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, at 9e12 units of score"
)]
fn in_millionths(score: f64) -> i64 {
    (score * 1e6) as i64
}
