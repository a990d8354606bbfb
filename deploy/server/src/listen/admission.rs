//! Which connections are open: so many of one address, so many of all. At a limit, a connection on which nothing is asked makes
//! room for the next: a crowd that holds connections idle keeps nobody out.

use alloc::sync::Arc;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::{IntCounter, IntGauge};

use super::peer::Peer;
use crate::metrics::Metrics;

/// A connection is idle when nothing was asked on it for so long.
const IDLE: Duration = Duration::from_millis(300);

/// Limits, and the connections that count.
#[derive(Clone)]
pub(super) struct Admission {
    limit: usize,
    per_address: usize,
    peers: Arc<Mutex<Peers>>,
    open: IntGauge,
    refused: IntCounter,
}

#[derive(Default)]
struct Peers {
    next: u64,
    open: HashMap<u64, Peer>,
}

/// An open connection; it counts until this is dropped.
pub(super) struct Open {
    id: u64,
    peer: Peer,
    admission: Admission,
}

impl Admission {
    pub(super) fn new(limit: usize, per_address: usize, metrics: &Metrics) -> Self {
        Self {
            limit,
            per_address,
            peers: Arc::default(),
            open: metrics.connections.clone(),
            refused: metrics.connections_refused.clone(),
        }
    }

    /// Admits a connection, for which an idle one may have to go.
    pub(super) fn admit(&self, address: SocketAddr) -> Option<Open> {
        let mut peers = self.lock();
        let same = |peer: &Peer| group(peer.address()) == group(address);
        let of_address = peers.open.values().filter(|peer| same(peer)).count();
        let admitted = if of_address >= self.per_address {
            peers.make_room(same)
        } else if peers.open.len() >= self.limit {
            peers.make_room_of_most()
        } else {
            true
        };
        if !admitted {
            self.refused.inc();
            return None;
        }
        let peer = Peer::new(address);
        peers.next += 1;
        let id = peers.next;
        peers.open.insert(id, peer.clone());
        self.open.inc();
        Some(Open {
            id,
            peer,
            admission: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peers {
    /// Closes the longest idle connection among these, if one is idle.
    fn make_room(&mut self, among: impl Fn(&Peer) -> bool) -> bool {
        let idle = self.open.iter().filter(|(_, peer)| among(peer));
        let idle =
            idle.filter_map(|(id, peer)| Some((peer.idle_for().filter(|it| *it >= IDLE)?, *id)));
        let Some((_, id)) = idle.max() else {
            return false;
        };
        if let Some(peer) = self.open.remove(&id) {
            peer.close();
        }
        true
    }

    /// Closes an idle connection of the address that has most, of those that have an idle one.
    fn make_room_of_most(&mut self) -> bool {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for peer in self.open.values() {
            *counts.entry(group(peer.address())).or_default() += 1;
        }
        let mut addresses: Vec<(usize, IpAddr)> = counts
            .into_iter()
            .map(|(address, count)| (count, address))
            .collect();
        addresses.sort_unstable_by(|one, other| other.cmp(one));
        addresses
            .iter()
            .any(|(_, address)| self.make_room(|peer| group(peer.address()) == *address))
    }
}

impl Open {
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.admission.lock().open.remove(&self.id);
        self.admission.open.dec();
    }
}

/// An IPv6 host may have any address of its network of 64 bits.
fn group(address: SocketAddr) -> IpAddr {
    match address.ip() {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
            Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()
        }
        v6 => v6.to_canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(limit: usize, per_address: usize) -> Admission {
        Admission::new(limit, per_address, &Metrics::new().unwrap())
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_takes_its_share_and_idle_connections_make_room() {
        let admission = admission(3, 2);
        let (one, other) = (address("10.0.0.1:1"), address("10.0.0.2:1"));
        let first = admission.admit(one).unwrap();
        let second = admission.admit(one).unwrap();
        assert!(admission.admit(one).is_none());
        let third = admission.admit(other).unwrap();
        assert!(admission.admit(other).is_none());
        std::thread::sleep(IDLE);
        // The first is asked something, so the second goes: its address has most.
        let answer = first.peer().begin();
        let fourth = admission.admit(other).unwrap();
        assert!(second.peer().is_closed() && !first.peer().is_closed());
        assert!(!third.peer().is_closed());
        drop((answer, first, second, third, fourth));
        assert_eq!((admission.lock().open.len(), admission.open.get()), (0, 0));
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let v6 = |text| group(address(text));
        assert_eq!(v6("[2001:db8::1]:1"), v6("[2001:db8::2:3]:1"));
        assert_ne!(v6("[2001:db8::1]:1"), v6("[2001:db8:0:1::1]:1"));
        assert_eq!(v6("[::ffff:10.0.0.1]:1"), v6("10.0.0.1:1"));
    }
}
