//! Instants as UTC microseconds since 1970-01-01, and the two textual forms that evidence uses.

use crate::{Error, Result};

/// An instant: UTC microseconds since the Unix epoch, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utc(pub i64);

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;

impl Utc {
    /// `2026-11-24T03:04:59.123456Z`: six fraction digits, `Z`; second 60 and hour 24 are refused.
    pub fn parse_micros(text: &str) -> Result<Self> {
        let refuse = || Error::malformed("time", text, "YYYY-MM-DDTHH:MM:SS.ffffffZ in UTC");
        let b = text.as_bytes();
        let shape = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
        let fits = b.len() == shape.len()
            && b.iter().zip(shape).all(|(c, s)| if *s == b'd' { c.is_ascii_digit() } else { c == s });
        if !fits {
            return Err(refuse());
        }
        let n = |from: usize, to: usize| text[from..to].parse::<i64>().map_err(|_| refuse());
        let seconds = civil(n(0, 4)?, n(5, 7)?, n(8, 10)?, n(11, 13)?, n(14, 16)?, n(17, 19)?).ok_or_else(refuse)?;
        Ok(Self(seconds * SECOND + n(20, 26)?))
    }

    /// The form that [`Utc::parse_micros`] reads.
    pub fn to_micros(self) -> String {
        let (y, mo, d, h, mi, s) = self.fields();
        format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{:06}Z", self.0.rem_euclid(SECOND))
    }

    /// DER GeneralizedTime (X.690, 11.7): `YYYYMMDDHHMMSS[.f…]Z`, no trailing zero in the fraction.
    /// Digits beyond microseconds are cut, so the instant is never later than the text.
    pub fn parse_generalized(text: &str) -> Result<Self> {
        let refuse = || Error::malformed("GeneralizedTime", text, "YYYYMMDDHHMMSS[.f]Z, no trailing zero");
        let body = text.strip_suffix('Z').ok_or_else(refuse)?;
        let (whole, fraction) = match body.split_once('.') {
            Some((w, f)) if !f.is_empty() && !f.ends_with('0') && f.len() <= 18 => (w, f),
            Some(_) => return Err(refuse()),
            None => (body, ""),
        };
        if whole.len() != 14 || !whole.bytes().chain(fraction.bytes()).all(|c| c.is_ascii_digit()) {
            return Err(refuse());
        }
        let n = |from: usize, to: usize| whole[from..to].parse::<i64>().map_err(|_| refuse());
        let seconds = civil(n(0, 4)?, n(4, 6)?, n(6, 8)?, n(8, 10)?, n(10, 12)?, n(12, 14)?).ok_or_else(refuse)?;
        let micros = format!("{fraction:0<6}")[..6].parse::<i64>().map_err(|_| refuse())?;
        Ok(Self(seconds * SECOND + micros))
    }

    /// DER GeneralizedTime with the fraction, if any, down to the microsecond.
    pub fn to_generalized(self) -> String {
        let (y, mo, d, h, mi, s) = self.fields();
        let fraction = format!(".{:06}", self.0.rem_euclid(SECOND));
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        format!("{y:04}{mo:02}{d:02}{h:02}{mi:02}{s:02}{fraction}Z")
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// This instant moved by `micros`.
    pub fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    fn fields(self) -> (i64, i64, i64, i64, i64, i64) {
        let seconds = self.unix_seconds();
        let (days, s) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days to civil date (proleptic Gregorian), counting years from 1 March.
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let (d, m) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
        (yoe + era * 400 + i64::from(m <= 2), m, d, s / 3600, s / 60 % 60, s % 60)
    }
}

/// Seconds since the epoch of a civil UTC time, or `None` if there is no such day or hour.
fn civil(y: i64, m: i64, d: i64, h: i64, mi: i64, s: i64) -> Option<i64> {
    let leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let month_days = match m {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=month_days).contains(&d) || h > 23 || mi > 59 || s > 59 {
        return None;
    }
    let (y, mp) = if m > 2 { (y, m - 3) } else { (y - 1, m + 9) };
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + (153 * mp + 2) / 5 + d - 1;
    Some(((era * 146_097 + doe - 719_468) * 24 + h) * 3600 + mi * 60 + s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_round_trip() {
        for (micros, iso, generalized) in [
            (0, "1970-01-01T00:00:00.000000Z", "19700101000000Z"),
            (1_709_164_800_500_000, "2024-02-29T00:00:00.500000Z", "20240229000000.5Z"),
            (1_795_489_500_000_001, "2026-11-24T03:05:00.000001Z", "20261124030500.000001Z"),
        ] {
            assert_eq!(Utc(micros).to_micros(), iso);
            assert_eq!(Utc::parse_micros(iso), Ok(Utc(micros)));
            assert_eq!(Utc(micros).to_generalized(), generalized);
            assert_eq!(Utc::parse_generalized(generalized), Ok(Utc(micros)));
        }
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        for bad in [
            "2026-02-29T00:00:00.000000Z",
            "2026-01-01T24:00:00.000000Z",
            "2026-01-01T00:00:60.000000Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.000000+00:00",
            "2026-00-01T00:00:00.000000Z",
        ] {
            assert!(Utc::parse_micros(bad).is_err(), "{bad}");
        }
        for bad in ["20260101000000", "20260101000000.50Z", "20260101000000.Z", "202601010000Z", "20260101000060Z"] {
            assert!(Utc::parse_generalized(bad).is_err(), "{bad}");
        }
    }
}
