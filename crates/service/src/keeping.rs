//! Between a kept file and its record: who keeps something for an account, and who must be alone with it.
//!
//! Rules:
//! - Each account is by itself: erasing, closing or establishing a name waits for what is being registered for that
//!   account, and makes nobody else wait.
//! - Who wants to be alone comes before those who come after him, so that a busy account can still be erased from.

use std::{
    collections::HashMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// The one of a data folder.
#[derive(Default)]
pub(crate) struct Keeping {
    accounts: Mutex<HashMap<i64, State>>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How many keep something.
    keeping: usize,
    /// How many want to be alone, or are.
    wanted: usize,
    alone: bool,
}

/// Held from the moment a file is kept until its record is there.
pub(crate) struct Kept<'a>(&'a Keeping, i64);

/// Held while nothing is kept or recorded for the account.
pub(crate) struct Alone<'a>(&'a Keeping, i64);

impl Keeping {
    /// Waits until nobody is, or wants to be, alone with the account.
    pub(crate) fn keep(&self, account: i64) -> Kept<'_> {
        let mut accounts = self.lock();
        while accounts.get(&account).is_some_and(|state| state.wanted > 0) {
            accounts = self.changed.wait(accounts).unwrap_or_else(PoisonError::into_inner);
        }
        accounts.entry(account).or_default().keeping += 1;
        Kept(self, account)
    }

    /// Waits for what is being recorded for the account, and for others who are alone with it.
    pub(crate) fn alone(&self, account: i64) -> Alone<'_> {
        let mut accounts = self.lock();
        accounts.entry(account).or_default().wanted += 1;
        loop {
            let state = accounts.entry(account).or_default();
            if state.keeping == 0 && !state.alone {
                state.alone = true;
                return Alone(self, account);
            }
            accounts = self.changed.wait(accounts).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, State>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, account: i64, change: impl FnOnce(&mut State)) {
        let mut accounts = self.lock();
        if let Some(state) = accounts.get_mut(&account) {
            change(state);
            if state.keeping == 0 && state.wanted == 0 {
                accounts.remove(&account);
            }
        }
        drop(accounts);
        self.changed.notify_all();
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.change(self.1, |state| state.keeping -= 1);
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.change(self.1, |state| {
            state.alone = false;
            state.wanted -= 1;
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn who_is_alone_is_so_with_one_account() {
        let (keeping, inside) = (Keeping::default(), AtomicUsize::new(0));
        // Another account's file may be on its way for as long as it likes.
        let _slow = keeping.keep(7);
        std::thread::scope(|scope| {
            for n in 0..6 {
                let (keeping, inside) = (&keeping, &inside);
                scope.spawn(move || {
                    for _ in 0..200 {
                        if n < 2 {
                            let _alone = keeping.alone(1);
                            assert_eq!(inside.swap(100, Ordering::SeqCst), 0);
                            inside.store(0, Ordering::SeqCst);
                        } else {
                            let _kept = keeping.keep(1);
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 4);
                            inside.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        drop(_slow);
        assert!(keeping.lock().is_empty());
    }
}
