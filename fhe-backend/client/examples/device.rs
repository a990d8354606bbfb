//! A device without an operating system and without an allocator: the spec lies in flash, all else in buffers whose lengths are
//! known when the firmware is built. `Device` compiles for bare metal as it stands; `main` takes the place of board and network.
//!
//! Without the features that need an allocator: `cargo test --no-default-features --example device`.
#![no_std]

extern crate std; // starts `main`

use getrandom::SysRng;
use rand_core::{CryptoRng, UnwrapErr};
use tenebra_client::{ClientError, ClientKey, ClientSpec};

/// y = 3a - 2b + 10, whose score is y / 4, and a and b at half a unit a code.
static SPEC: &[u8] = include_bytes!("../tests/data/single/client.tnb");
/// The key of this device, out of its protected memory.
static SECRET: &[u8] = include_bytes!("../tests/data/single/secret.tnb");
/// What a server answered to 1.9 and 7.5.
static RESPONSE: &[u8] = include_bytes!("../tests/data/single/row.response.tnb");

const COLUMNS: usize = 2;
const OUTPUTS: usize = 1;
const QUERY_BYTES: usize = 84;
const SCRATCH_WORDS: usize = 4096;

/// All that a device keeps.
struct Device {
    spec: ClientSpec<'static>,
    key: ClientKey,
    codes: [i64; COLUMNS],
    scratch: [u64; SCRATCH_WORDS],
    query: [u8; QUERY_BYTES],
}

impl Device {
    fn new(secret: &[u8]) -> Result<Self, ClientError> {
        let spec = ClientSpec::parse(SPEC)?;
        let key = ClientKey::read_secret_file(&spec, secret)?;
        Ok(Self {
            spec,
            key,
            codes: [0; COLUMNS],
            scratch: [0; SCRATCH_WORDS],
            query: [0; QUERY_BYTES],
        })
    }

    /// The bytes to send for one row of readings.
    fn encrypt(
        &mut self,
        row: &[f64; COLUMNS],
        rng: &mut impl CryptoRng,
    ) -> Result<&[u8], ClientError> {
        self.spec.quantize(row, &mut self.codes)?;
        let scratch = &mut self.scratch[..self.spec.scratch_len(1)?];
        self.spec
            .encrypt(&self.key, &self.codes, rng, scratch, &mut self.query)?;
        Ok(&self.query)
    }

    /// The score of a response that arrives a few bytes at a time.
    fn decrypt(&self, source: impl FnMut(&mut [u8])) -> Result<f64, ClientError> {
        let (mut integers, mut scores) = ([0; OUTPUTS], [0.0; OUTPUTS]);
        self.spec.decrypt_from(&self.key, source, &mut integers)?;
        self.spec.scores(&integers, &mut scores);
        Ok(scores[0])
    }
}

fn main() -> Result<(), ClientError> {
    let mut rng = UnwrapErr(SysRng); // a board's own generator, in its stead
    let mut device = Device::new(SECRET)?;
    let query = device.encrypt(&[1.9, 7.5], &mut rng)?;
    assert_eq!(query.len(), QUERY_BYTES);

    let mut network = RESPONSE;
    let score = device.decrypt(|piece| {
        let (head, rest) = network.split_at(piece.len());
        piece.copy_from_slice(head);
        network = rest;
    })?;
    assert_eq!(score, f64::from(3 * 4 - 2 * 15 + 10) / 4.0);
    Ok(())
}

#[test]
fn runs() -> Result<(), ClientError> {
    main()
}
