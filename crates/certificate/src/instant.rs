//! Instants as evidence shows them: `2026-11-24 11:05:00 (UTC+8)` with UTC beside it. A fraction is kept as recorded,
//! since dropping it would move "no later than" to an earlier second.

use crate::error::{Error, printable};

/// A UTC instant taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instant {
    pub(crate) year: i32,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    /// Digits after the point, maybe none.
    fraction: String,
}

impl Instant {
    /// Reads `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, at most nine digits of fraction, no leap second.
    pub(crate) fn parse(what: &'static str, text: &str) -> Result<Self, Error> {
        Self::read(text).ok_or_else(|| Error::Malformed {
            what,
            found: printable(text),
            expected: "an instant as 2026-11-24T03:05:00Z".into(),
        })
    }

    fn read(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if b.len() < 20 || !text.is_ascii() || marks.iter().any(|&(i, m)| b.get(i) != Some(&m)) {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<u32> {
            let digits = text.get(from..to)?;
            digits.bytes().all(|c| c.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let rest = text.get(19..)?.strip_suffix('Z')?;
        let fraction = match rest.strip_prefix('.') {
            Some(f) if !f.is_empty() && f.len() <= 9 && f.bytes().all(|c| c.is_ascii_digit()) => f,
            None if rest.is_empty() => "",
            _ => return None,
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let sound = (1970..=9998).contains(&year)
            && (1..=12).contains(&month)
            && day >= 1
            && day <= u32::from(days_in(year as i32, month as u8))
            && hour < 24
            && minute < 60
            && second < 60;
        sound.then(|| Self {
            year: year as i32,
            month: month as u8,
            day: day as u8,
            hour: hour as u8,
            minute: minute as u8,
            second: second as u8,
            fraction: fraction.into(),
        })
    }

    /// `2026-11-24 03:05:00`, in UTC.
    pub(crate) fn utc(&self) -> String {
        let point = if self.fraction.is_empty() { "" } else { "." };
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}{point}{}",
            self.year, self.month, self.day, self.hour, self.minute, self.second, self.fraction
        )
    }

    /// The same instant eight hours east.
    pub(crate) fn local(&self) -> String {
        let mut t = self.clone();
        t.hour += 8;
        if t.hour >= 24 {
            t.hour -= 24;
            t.day += 1;
            if t.day > days_in(t.year, t.month) {
                t.day = 1;
                t.month += 1;
                if t.month > 12 {
                    t.month = 1;
                    t.year += 1;
                }
            }
        }
        t.utc()
    }
}

fn days_in(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn local(text: &str) -> String {
        Instant::parse("t", text).unwrap().local()
    }

    #[test]
    fn eight_hours_east_over_midnight_month_and_year() {
        assert_eq!(local("2026-11-24T03:05:00Z"), "2026-11-24 11:05:00");
        assert_eq!(local("2026-12-31T16:00:00Z"), "2027-01-01 00:00:00");
        assert_eq!(local("2028-02-28T20:00:01Z"), "2028-02-29 04:00:01");
        assert_eq!(local("2026-02-28T20:00:01.25Z"), "2026-03-01 04:00:01.25");
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for bad in [
            "",
            "2026-11-24",
            "2026-11-24T03:05:00",
            "2026-02-29T00:00:00Z",
            "2026-11-24T24:00:00Z",
            "2026-11-24T03:05:00.Z",
            "2026-11-24T+3:05:00Z",
            "２026-11-24T03:05:00Z",
        ] {
            assert!(Instant::parse("t", bad).is_err(), "{bad}");
        }
    }
}
