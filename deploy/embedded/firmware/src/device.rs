//! The LM3S6965: its interrupts, none of which is used.
#![expect(unsafe_code, reason = "the vector table is placed by its section")]

use crate::host;

/// Interrupt vectors of the LM3S6965.
const INTERRUPTS: usize = 44;

/// One that fires although none is enabled.
extern "C" fn unexpected() {
    host::exit(false)
}

/// The table behind the system exceptions.
// SAFETY: cortex-m-rt, with feature `device`, expects the device's handlers under this name in this section.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [extern "C" fn(); INTERRUPTS] = [unexpected; INTERRUPTS];
