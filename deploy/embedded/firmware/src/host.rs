//! Semihosting: files and console of the machine that runs QEMU or a debugger.
//!
//! A product has none of this. It takes seeds from its TRNG, keeps the secret key in protected flash, and sends queries
//! over its radio.
#![expect(
    unsafe_code,
    reason = "a semihosting call hands a block of addresses and lengths to the host"
)]

use core::cell::Cell;
use core::ffi::CStr;

use cortex_m_semihosting::{debug, nr, syscall};

use crate::commands::Failure;

/// The special file name of the console.
const CONSOLE: &CStr = c":tt";
const READ: usize = nr::open::R_BINARY;
const WRITE: usize = nr::open::W_TRUNC_BINARY;

/// An open file of the host; closed when the program ends.
#[derive(Debug)]
pub struct File(usize);

impl File {
    /// To read.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn open(name: &CStr) -> Result<Self, Failure> {
        Self::with_mode(name, READ)
    }

    /// To write, empty.
    ///
    /// # Errors
    ///
    /// If the host does not let us.
    pub fn create(name: &CStr) -> Result<Self, Failure> {
        Self::with_mode(name, WRITE)
    }

    fn with_mode(name: &CStr, mode: usize) -> Result<Self, Failure> {
        let block = [name.as_ptr().addr(), mode, name.count_bytes()];
        // SAFETY: SYS_OPEN reads the block and the name, which is as long as it says; both outlive the call.
        let handle = unsafe { syscall(nr::OPEN, &block) };
        if handle == usize::MAX {
            return Err("a file of the host cannot be opened");
        }
        Ok(Self(handle))
    }

    /// Fills `out` with the next bytes.
    ///
    /// # Errors
    ///
    /// If the file ends before.
    pub fn read(&self, out: &mut [u8]) -> Result<(), Failure> {
        let block = [self.0, out.as_mut_ptr().expose_provenance(), out.len()];
        // SAFETY: SYS_READ writes at most `out.len()` bytes to `out`, borrowed mutably for the call.
        let left = unsafe { syscall(nr::READ, &block) };
        if left == 0 {
            Ok(())
        } else {
            Err("a file of the host is too short")
        }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// If the host could not write them all.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let block = [self.0, bytes.as_ptr().expose_provenance(), bytes.len()];
        // SAFETY: SYS_WRITE reads `bytes.len()` bytes from `bytes`, borrowed for the call.
        let left = unsafe { syscall(nr::WRITE, &block) };
        if left == 0 {
            Ok(())
        } else {
            Err("a file of the host could not be written")
        }
    }

    fn close(self) {
        // SAFETY: SYS_CLOSE reads the handle.
        let _ = unsafe { syscall(nr::CLOSE, &[self.0]) };
    }
}

/// Reads a file that holds exactly `out.len()` bytes, or more.
///
/// # Errors
///
/// If there is none or it is shorter.
pub fn read_file(name: &CStr, out: &mut [u8]) -> Result<(), Failure> {
    let file = File::open(name)?;
    file.read(out)?;
    file.close();
    Ok(())
}

/// Writes a file.
///
/// # Errors
///
/// If the host does not let us.
pub fn write_file(name: &CStr, bytes: &[u8]) -> Result<(), Failure> {
    let file = File::create(name)?;
    file.write(bytes)?;
    file.close();
    Ok(())
}

/// The host's standard output.
#[derive(Clone, Copy, Debug)]
pub struct Console;

impl Console {
    /// Prints a line `NAME VALUE`. The machinery of `core::fmt` would take 2 kB of flash.
    pub fn line(self, name: &str, value: &str) {
        self.bytes(name, value.as_bytes());
    }

    fn bytes(self, name: &str, value: &[u8]) {
        let Ok(file) = File::create(CONSOLE) else {
            return;
        };
        for text in [name.as_bytes(), b" ", value, b"\n"] {
            // There is nobody left to tell that the console does not work.
            let _ = file.write(text);
        }
        file.close();
    }

    /// Prints a line `NAME NUMBER`.
    pub fn number(self, name: &str, number: i64) {
        // 19 digits and a sign.
        let mut text = [b'-'; 20];
        let mut start = text.len();
        let mut rest = number.unsigned_abs();
        while start == text.len() || rest > 0 {
            start -= 1;
            text[start] = b"0123456789"[(rest % 10) as usize];
            rest /= 10;
        }
        start -= usize::from(number < 0);
        self.bytes(name, &text[start..]);
    }
}

/// The words after `-kernel`, as far as they fit `buffer`; without the terminating zero.
pub fn command_line(buffer: &mut [u8]) -> &[u8] {
    // The host writes the length over the second field.
    let block = [
        Cell::new(buffer.as_mut_ptr().expose_provenance()),
        Cell::new(buffer.len()),
    ];
    // SAFETY: SYS_GET_CMDLINE writes at most as many bytes as the block says to `buffer`, borrowed mutably.
    let failed = unsafe { syscall(nr::GET_CMDLINE, &block) } != 0;
    let len = if failed { 0 } else { block[1].get() };
    buffer.get(..len).unwrap_or(&[])
}

/// Ends the program with exit code 0 or 1.
pub fn exit(success: bool) -> ! {
    let status = if success {
        debug::EXIT_SUCCESS
    } else {
        debug::EXIT_FAILURE
    };
    loop {
        debug::exit(status);
    }
}

/// Ends the program: a fault or a panic is a broken invariant.
#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    Console.line("error:", "the firmware panicked or faulted");
    exit(false)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    Console.line("error:", "the firmware panicked");
    exit(false)
}
