//! Bytes that are on their way into the ledger: who comes second with the same ones waits for the first, and finds its
//! record.

use std::{
    collections::HashSet,
    sync::{Condvar, Mutex, PoisonError},
};

/// SHA-256 of what is being recorded just now.
#[derive(Default)]
pub(crate) struct InFlight {
    digests: Mutex<HashSet<[u8; 32]>>,
    freed: Condvar,
}

/// Digests that nobody else records while this lives.
pub(crate) struct Held<'a> {
    from: &'a InFlight,
    digests: HashSet<[u8; 32]>,
}

impl InFlight {
    /// Waits until nobody records any of these, and takes them all at once: two who want several never wait for each
    /// other.
    pub(crate) fn hold(&self, digests: impl IntoIterator<Item = [u8; 32]>) -> Held<'_> {
        let digests: HashSet<_> = digests.into_iter().collect();
        let held = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |held: &mut HashSet<_>| !held.is_disjoint(&digests);
        let mut held = self.freed.wait_while(held, taken).unwrap_or_else(PoisonError::into_inner);
        held.extend(&digests);
        drop(held);
        Held { from: self, digests }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut held = self.from.digests.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|digest| !self.digests.contains(digest));
        self.from.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn the_same_bytes_are_recorded_one_after_the_other() {
        let (in_flight, inside) = (InFlight::default(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for n in 0..8u8 {
                let (in_flight, inside) = (&in_flight, &inside);
                scope.spawn(move || {
                    for _ in 0..200 {
                        // Each wants what all want and something of its own, in another order.
                        let _held = in_flight.hold(if n % 2 == 0 { [[0; 32], [n; 32]] } else { [[n; 32], [0; 32]] });
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(in_flight.digests.lock().unwrap().is_empty());
    }
}
