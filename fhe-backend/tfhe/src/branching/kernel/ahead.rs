//! Memory that is read soon.

#[cfg(target_arch = "x86_64")]
use pulp::core_arch::x86::Sse;

/// Of a cache.
#[cfg(target_arch = "x86_64")]
const LINE_BYTES: usize = 64;

/// Asks for what lies so many bytes behind what is read now. Processors foresee what is read from front to back, but not far enough for
/// operands that come out of the L3.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    #[cfg(target_arch = "x86_64")]
    bytes: usize,
    #[cfg(target_arch = "x86_64")]
    sse: Option<Sse>,
}

#[cfg(target_arch = "x86_64")]
impl Ahead {
    #[inline(always)]
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            sse: Sse::try_new(),
        }
    }

    /// What lies there need not be memory: nothing is read.
    #[inline(always)]
    pub(super) fn fetch<T>(self, read: &T) {
        use core::arch::x86_64::_MM_HINT_T0;

        let Some(sse) = self.sse else { return };
        let place = core::ptr::from_ref(read).cast::<i8>();
        for line in (0..size_of::<T>()).step_by(LINE_BYTES) {
            sse._mm_prefetch::<_MM_HINT_T0>(place.wrapping_add(self.bytes + line));
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Ahead {
    pub(super) fn new(_: usize) -> Self {
        Self {}
    }

    pub(super) fn fetch<T>(self, _: &T) {}
}
