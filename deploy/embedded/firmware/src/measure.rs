//! What a command takes: stack, static memory, flash, and instructions.
#![expect(
    unsafe_code,
    reason = "reads and writes the memory between static data and stack, and a timer"
)]

use core::ptr;

use cortex_m::peripheral::SYST;

use crate::host::Console;

// Of cortex-m-rt's linker script.
unsafe extern "C" {
    static __sdata: u32;
    static __edata: u32;
    static __sidata: u32;
    static __sheap: u32;
    static _stack_start: u32;
}

/// What the free memory is filled with.
const PAINT: u32 = 0x7e_ae_b2_a5;
/// The painter's own frame.
const MARGIN: usize = 128;

/// The memory that was free when it was painted.
#[derive(Clone, Copy, Debug)]
pub struct PaintedStack(());

/// Paints all memory between static data and stack.
#[must_use]
pub fn paint_stack() -> PaintedStack {
    let end = cortex_m::register::msp::read() as usize - MARGIN;
    for address in (free_start()..end).step_by(4) {
        // SAFETY: the words lie above static data and below the stack pointer; nothing else uses them.
        unsafe { ptr::write_volatile(ptr::with_exposed_provenance_mut(address), PAINT) };
    }
    PaintedStack(())
}

impl PaintedStack {
    /// Bytes from the top of the stack down to the lowest word that was ever used.
    #[must_use]
    pub fn used_bytes(self) -> usize {
        let top = (&raw const _stack_start).addr();
        let lowest = (free_start()..top).step_by(4).find(|address| {
            // SAFETY: aligned words of RAM.
            let word: u32 = unsafe { ptr::read_volatile(ptr::with_exposed_provenance(*address)) };
            word != PAINT
        });
        top - lowest.unwrap_or(top)
    }
}

fn free_start() -> usize {
    (&raw const __sheap).expose_provenance()
}

/// Bytes of initialized and zeroed static memory.
#[must_use]
pub fn static_bytes() -> usize {
    (&raw const __sheap).addr() - (&raw const __sdata).addr()
}

/// Bytes of flash: vectors, code, constants, initial values. Flash starts at address 0.
#[must_use]
pub fn flash_bytes() -> usize {
    (&raw const __sidata).addr() + (&raw const __edata).addr() - (&raw const __sdata).addr()
}

/// Instructions of one SysTick count under `qemu -icount shift=0`, which makes an instruction a nanosecond: the core runs at
/// 12.5 MHz after reset.
const INSTRUCTIONS_PER_COUNT: i64 = 80;
const COUNTER: u32 = (1 << 24) - 1;

/// Counts instructions, up to 1.3e9.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    start: u32,
}

impl Stopwatch {
    /// From now on.
    #[must_use]
    pub fn start() -> Self {
        // SAFETY: nothing else touches SysTick.
        let timer = unsafe { &*SYST::PTR };
        // SAFETY: writes of the timer's reload value and control bits (core clock, enabled, no interrupt).
        unsafe {
            timer.rvr.write(COUNTER);
            timer.csr.write(0b101);
        }
        Self {
            start: SYST::get_current(),
        }
    }

    /// Prints the instructions since the start, as `name`.
    pub fn report(self, name: &str) {
        let counts = self.start.wrapping_sub(SYST::get_current()) & COUNTER;
        Console.number(name, i64::from(counts) * INSTRUCTIONS_PER_COUNT);
    }
}
