//! How often somebody may do something: a bucket of tries that fills again. Where there are more than are remembered, the
//! further ones share one bucket.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Most keys that are remembered.
const KEYS: usize = 10_000;

/// Tries by address or token. A name's own lock-out is in the folder, and outlives the process.
pub(crate) struct Throttle<K> {
    /// Tries that a bucket holds; 0: no bound.
    tries: u32,
    /// One try comes back after.
    refill: Duration,
    /// Tries that are used up, and since when the next one is coming back; `None` is whoever is not remembered.
    all: Mutex<BTreeMap<Option<K>, (u32, Instant)>>,
}

impl<K: Ord + Copy> Throttle<K> {
    pub(crate) fn new(tries: u32, refill: Duration) -> Self {
        Self { tries, refill, all: Mutex::default() }
    }

    /// So many a minute, the first ones as fast as they come.
    pub(crate) fn a_minute(tries: u32) -> Self {
        Self::new(tries, Duration::from_secs(60) / tries.max(1))
    }

    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// Takes a try, or says how many seconds to wait.
    pub(crate) fn take(&self, key: K, now: Instant) -> Result<(), u64> {
        if self.tries == 0 {
            return Ok(());
        }
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEYS {
            all.retain(|_, (used, since)| now.saturating_duration_since(*since) < self.refill * *used);
        }
        let known = all.len() < KEYS || all.contains_key(&Some(key));
        let (used, since) = all.entry(known.then_some(key)).or_insert((0, now));
        let gone = now.saturating_duration_since(*since).as_nanos();
        let back = u32::try_from(gone / self.refill.as_nanos().max(1)).unwrap_or(u32::MAX);
        if back >= *used {
            (*used, *since) = (0, now);
        } else {
            *used -= back;
            *since += self.refill * back;
        }
        if *used >= self.tries {
            let wait = self.refill.saturating_sub(now.saturating_duration_since(*since));
            return Err(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        }
        *used += 1;
        Ok(())
    }
}

/// One customer of an IPv6 network has 2⁶⁴ addresses.
pub(crate) fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => (v6.to_bits() >> 64 << 64).to_be_bytes().into(),
        },
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tries_run_out_and_come_back() {
        let (refill, now) = (Duration::from_secs(15), Instant::now());
        let throttle = Throttle::new(20, refill);
        for _ in 0..20 {
            throttle.take(1, now).unwrap();
        }
        assert_eq!(throttle.take(1, now), Err(15));
        throttle.take(2, now).unwrap();
        throttle.take(1, now + refill).unwrap();
        assert!(throttle.take(1, now + refill).is_err());
        assert_eq!(throttle.take(1, now + refill + refill / 3), Err(10), "what is half-way is not lost");
        for _ in 0..20 {
            throttle.take(1, now + refill * 100).unwrap();
        }
        assert!(throttle.take(1, now + refill * 100).is_err(), "a bucket holds no more than it holds");
    }

    #[test]
    fn a_minute_s_calls_come_back_one_by_one() {
        let (throttle, now) = (Throttle::a_minute(1200), Instant::now());
        for _ in 0..1200 {
            throttle.take(7, now).unwrap();
        }
        assert_eq!(throttle.take(7, now), Err(1));
        throttle.take(7, now + Duration::from_millis(50)).unwrap();
        let free = Throttle::a_minute(0);
        assert!((0..9999).all(|_| free.take(7, now).is_ok()));
    }

    #[test]
    fn memory_is_bounded_by_who_still_waits() {
        let (throttle, now) = (Throttle::new(1, Duration::from_secs(1)), Instant::now());
        for key in 0..KEYS {
            throttle.take(key, now).unwrap();
        }
        throttle.take(KEYS, now + Duration::from_secs(2)).unwrap();
        assert_eq!(throttle.all.lock().unwrap().len(), 1);
    }

    #[test]
    fn who_is_not_remembered_shares_a_bucket() {
        let (throttle, now) = (Throttle::new(20, Duration::from_secs(15)), Instant::now());
        (0..KEYS + 20).for_each(|n| throttle.take(n, now).unwrap());
        assert!(throttle.take(KEYS + 20, now).is_err());
        throttle.take(0, now).unwrap();
    }

    #[test]
    fn neighbours_of_one_network_share_a_bucket() {
        let [a, b, c]: [IpAddr; 3] = ["2001:db8::1", "2001:db8::2:3", "2001:db8:0:1::1"].map(|a| a.parse().unwrap());
        assert_eq!(group(a), group(b));
        assert_ne!(group(a), group(c));
        assert_eq!(group("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1".parse::<IpAddr>().unwrap());
    }
}
