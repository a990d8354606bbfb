//! Memory that evaluations keep.
//!
//! GGSWs, keys and ciphertexts are megabytes. In pages of 4 KiB their first touch is a sixth to a fourth of what a process takes to its first
//! answer. Pages of 2 MiB, which Linux hands out to whoever asks (`Documentation/admin-guide/mm/transhuge.rst`), spare most of it, and
//! some of the addresses that the processor looks up.

use core::ops::{Deref, DerefMut};

use aligned_vec::AVec;
#[cfg(target_os = "linux")]
use memmap2::Advice;
use memmap2::MmapMut;
use pulp::bytemuck::{Pod, cast_slice, cast_slice_mut};

/// Less is the allocator's.
const MAPPED_BYTES: usize = 16 << 10;

/// A fixed number of values that begins at a cache line. Pieces that are made one after the other lie together, and share large pages if
/// none was written before all were made. A process holds some megabytes more for that: what is between the pieces and the ends of pages.
#[derive(Debug)]
pub(crate) enum Memory<T: Pod> {
    Allocated(AVec<T>),
    Mapped(MmapMut),
}

impl<T: Pod> Memory<T> {
    pub(crate) fn zeros(len: usize) -> Self {
        let bytes = len * size_of::<T>();
        if bytes >= MAPPED_BYTES
            && let Ok(map) = MmapMut::map_anon(bytes)
        {
            // Refused where the system has no large pages: small ones do as well.
            #[cfg(target_os = "linux")]
            let _ = map.advise(Advice::HugePage);
            return Self::Mapped(map);
        }
        let mut values = AVec::new(0);
        values.resize(len, T::zeroed());
        Self::Allocated(values)
    }
}

impl<T: Pod> Deref for Memory<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        match self {
            Self::Allocated(values) => values,
            Self::Mapped(map) => cast_slice(map),
        }
    }
}

impl<T: Pod> DerefMut for Memory<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::Allocated(values) => values,
            Self::Mapped(map) => cast_slice_mut(map),
        }
    }
}

impl<T: Pod> Clone for Memory<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len());
        copy.copy_from_slice(self);
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_any_size_is_zeros_that_can_be_written_and_copied() {
        for len in [0, 1, 100, MAPPED_BYTES / 8 - 1, MAPPED_BYTES / 8, 300_001] {
            let mut memory = Memory::<u64>::zeros(len);
            assert_eq!(memory.len(), len);
            assert!(memory.iter().all(|word| *word == 0));
            assert!(memory.as_ptr().addr().is_multiple_of(64) || len == 0);
            let before = memory.clone();
            memory.fill(7);
            let copy = memory.clone();
            memory.fill(8);
            assert!(copy.iter().all(|word| *word == 7) && copy.len() == len);
            assert!(before.iter().all(|word| *word == 0) && before.len() == len);
        }
    }
}
