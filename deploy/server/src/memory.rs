//! Memory for bodies of requests: of all of them, and of those of one client.

use alloc::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is charged at a time.
const UNIT_BYTES: usize = 1024;

/// Memory that bodies may take.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    all: Pot,
    /// The share of the client that sends.
    own: Pot,
}

#[derive(Clone, Debug)]
struct Pot {
    units: Arc<Semaphore>,
    capacity: usize,
}

/// Memory that is taken, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    all: OwnedSemaphorePermit,
    own: OwnedSemaphorePermit,
}

impl Pot {
    fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes).unwrap_or(usize::MAX) / UNIT_BYTES;
        let capacity = units.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            units: Arc::new(Semaphore::new(capacity)),
            capacity,
        }
    }

    async fn take(&self, units: usize, wait: bool) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let pot = Arc::clone(&self.units);
        if wait {
            pot.acquire_many_owned(units).await.ok()
        } else {
            pot.try_acquire_many_owned(units).ok()
        }
    }

    fn nothing(&self) -> OwnedSemaphorePermit {
        let nothing = Arc::clone(&self.units).try_acquire_many_owned(0);
        nothing.expect("the semaphore of a pot is never closed, and nothing is always there")
    }
}

impl Memory {
    /// Memory for all clients.
    pub(crate) fn new(bytes: u64) -> Self {
        let all = Pot::new(bytes);
        Self {
            own: all.clone(),
            all,
        }
    }

    /// Of which one client may take so much.
    pub(crate) fn of_client(&self, bytes: u64) -> Self {
        Self {
            all: self.all.clone(),
            own: Pot::new(bytes),
        }
    }

    /// Bytes taken by all clients.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        (self.all.capacity - self.all.units.available_permits()) * UNIT_BYTES
    }

    pub(crate) fn nothing(&self) -> Charge {
        Charge {
            all: self.all.nothing(),
            own: self.own.nothing(),
        }
    }

    /// Takes more, until `charge` is for so many bytes; `false` if there is not as much. `wait` until there is, or not. What is larger
    /// than the whole is charged the whole.
    pub(crate) async fn grow(&self, charge: &mut Charge, bytes: usize, wait: bool) -> bool {
        let units = bytes.div_ceil(UNIT_BYTES);
        let missing = |pot: &Pot, permit: &OwnedSemaphorePermit| {
            units.min(pot.capacity).saturating_sub(permit.num_permits())
        };
        let Some(own) = self.own.take(missing(&self.own, &charge.own), wait).await else {
            return false;
        };
        let Some(all) = self.all.take(missing(&self.all, &charge.all), wait).await else {
            return false;
        };
        charge.own.merge(own);
        charge.all.merge(all);
        true
    }
}

impl Charge {
    /// The part for so many bytes; the rest is for what is left.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let split = |permit: &mut OwnedSemaphorePermit| {
            let units = bytes.div_ceil(UNIT_BYTES).min(permit.num_permits());
            permit.split(units).expect("no more than there is")
        };
        Self {
            all: split(&mut self.all),
            own: split(&mut self.own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_client_takes_its_share_and_all_take_what_there_is() {
        let memory = Memory::new(3 * 1024);
        let (ada, bob) = (memory.of_client(2048), memory.of_client(2048));
        let (mut one, mut other, mut third) = (ada.nothing(), ada.nothing(), bob.nothing());
        assert!(ada.grow(&mut one, 1025, false).await);
        assert!(!ada.grow(&mut other, 1, false).await);
        assert!(bob.grow(&mut third, 1024, false).await);
        assert!(!bob.grow(&mut third, 1025, false).await);
        assert_eq!(memory.taken(), 3 * 1024);
        let part = one.split(1000);
        drop(one);
        assert!(ada.grow(&mut other, 1024, false).await);
        assert!(!ada.grow(&mut other, 1025, false).await);
        drop((part, other, third));
        assert_eq!(memory.taken(), 0);
        // More than there is costs all there is.
        let large = memory.of_client(1 << 20);
        assert!(large.grow(&mut large.nothing(), 1 << 20, false).await);
    }
}
