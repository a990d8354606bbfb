//! Encrypts readings for `packed.tnb` and decrypts its answers.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use tenebra_client::ClientKey;
use tenebra_firmware::commands::{self, Memory, Work};
use tenebra_firmware::packed as model;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut SCRATCH: [u64; model::SCRATCH_WORDS] = [0; model::SCRATCH_WORDS];
    static mut QUERY: [u8; model::QUERY_BYTES] = [0; model::QUERY_BYTES];
    static mut READINGS: [i32; model::COLUMNS] = [0; model::COLUMNS];
    static mut CODES: [i64; model::INPUTS] = [0; model::INPUTS];
    static mut SECRET: [u8; model::SECRET_BYTES] = [0; model::SECRET_BYTES];
    static mut KEY: MaybeUninit<ClientKey> = MaybeUninit::uninit();
    static mut INTEGERS: [i64; model::OUTPUTS] = [0; model::OUTPUTS];
    static mut SCORES: [f64; model::OUTPUTS] = [0.0; model::OUTPUTS];

    let work = Work {
        scratch: SCRATCH,
        query: QUERY,
        readings: READINGS,
        codes: CODES,
        integers: INTEGERS,
        scores: SCORES,
    };
    let memory = Memory {
        secret: SECRET,
        key: KEY,
        work,
    };
    commands::main(|| commands::run(&model::MODEL, memory))
}
