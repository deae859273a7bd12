//! How often an address may try a password: a bucket of tries that fills again.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Tries that a bucket holds.
const TRIES: u32 = 20;
/// One try comes back after.
const REFILL: Duration = Duration::from_secs(15);
/// Most addresses that are remembered.
const ADDRESSES: usize = 10_000;

/// Tries by address. A name's own lock-out is in the folder, and outlives the process.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<BTreeMap<IpAddr, (u32, Instant)>>);

impl Throttle {
    /// Takes a try, or says how many seconds to wait.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> Result<(), u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ADDRESSES {
            all.retain(|_, (used, since)| now.saturating_duration_since(*since) < REFILL * *used);
        }
        let (used, since) = all.entry(group(address)).or_insert((0, now));
        let back = now.saturating_duration_since(*since).as_secs() / REFILL.as_secs();
        if back > 0 {
            *used = used.saturating_sub(u32::try_from(back).unwrap_or(u32::MAX));
            *since = now;
        }
        if *used >= TRIES {
            return Err(REFILL.as_secs().saturating_sub(now.saturating_duration_since(*since).as_secs()).max(1));
        }
        *used += 1;
        Ok(())
    }
}

/// One customer of an IPv6 network has 2⁶⁴ addresses.
fn group(address: IpAddr) -> IpAddr {
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
        let (throttle, now) = (Throttle::default(), Instant::now());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..TRIES {
            throttle.take(one, now).unwrap();
        }
        assert_eq!(throttle.take(one, now), Err(15));
        throttle.take(other, now).unwrap();
        throttle.take(one, now + REFILL).unwrap();
        assert!(throttle.take(one, now + REFILL).is_err());
    }

    #[test]
    fn neighbours_of_one_network_share_a_bucket() {
        let [a, b, c]: [IpAddr; 3] = ["2001:db8::1", "2001:db8::2:3", "2001:db8:0:1::1"].map(|a| a.parse().unwrap());
        assert_eq!(group(a), group(b));
        assert_ne!(group(a), group(c));
        assert_eq!(group("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1".parse::<IpAddr>().unwrap());
    }
}
