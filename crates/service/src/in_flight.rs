//! Bytes that are on their way into the ledger: who comes second with the same ones, for the same account, waits for the
//! first, and finds its record. Accounts do not wait for each other.

use std::{
    collections::BTreeSet,
    sync::{Condvar, Mutex, PoisonError},
};

/// Whose, and SHA-256, of what is being recorded just now.
#[derive(Default)]
pub(crate) struct InFlight {
    digests: Mutex<BTreeSet<(i64, [u8; 32])>>,
    freed: Condvar,
}

/// Digests that nobody else records for the account while this lives.
pub(crate) struct Held<'a> {
    from: &'a InFlight,
    digests: BTreeSet<(i64, [u8; 32])>,
}

impl InFlight {
    /// Waits until nobody records any of these, and takes them all at once: two who want several never wait for each
    /// other.
    pub(crate) fn hold(&self, account: i64, digests: impl IntoIterator<Item = [u8; 32]>) -> Held<'_> {
        let digests: BTreeSet<_> = digests.into_iter().map(|digest| (account, digest)).collect();
        let held = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |held: &mut BTreeSet<_>| !held.is_disjoint(&digests);
        let mut held = self.freed.wait_while(held, taken).unwrap_or_else(PoisonError::into_inner);
        held.extend(&digests);
        drop(held);
        Held { from: self, digests }
    }

    /// Runs while nobody begins to record this, unless somebody does already, for whatever account.
    pub(crate) fn unless<T>(&self, digest: &[u8; 32], run: impl FnOnce() -> T) -> Option<T> {
        let held = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        let free = held.iter().all(|(_, of)| of != digest);
        free.then(run)
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
                        let _held = in_flight.hold(1, if n % 2 == 0 { [[0; 32], [n; 32]] } else { [[n; 32], [0; 32]] });
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(in_flight.digests.lock().unwrap().is_empty());
    }

    #[test]
    fn accounts_do_not_wait_for_each_other_and_no_file_goes_that_is_on_its_way() {
        let in_flight = InFlight::default();
        let one = in_flight.hold(1, [[7; 32]]);
        let two = in_flight.hold(2, [[7; 32], [8; 32]]);
        drop(one);
        assert_eq!(in_flight.unless(&[7; 32], || ()), None);
        assert_eq!(in_flight.unless(&[9; 32], || ()), Some(()));
        drop(two);
        assert_eq!(in_flight.unless(&[7; 32], || ()), Some(()));
    }
}
