use crate::Error;

/// A moment, as it was written, and on the time line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    text: String,
    unix_ms: i64,
}

impl Time {
    /// Reads an RFC 3339 time with any number of decimals, such as `2026-11-20T08:51:00.5+08:00`.
    pub(crate) fn parse(text: String) -> Result<Self, Error> {
        match unix_ms(text.as_bytes()) {
            Some(unix_ms) => Ok(Self { text, unix_ms }),
            None => Err(Error::invalid(
                format!("`{}` is no time that the calendar knows", crate::error::quoted(&text)),
                "write an RFC 3339 time with its offset, such as `2026-11-20T08:51:00.5+08:00`",
            )),
        }
    }

    /// The time as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Milliseconds since 1970-01-01 UTC; finer decimals are cut off.
    #[must_use]
    pub fn unix_ms(&self) -> i64 {
        self.unix_ms
    }
}

/// Checks `eventTimeZoneOffset`: `+hh:mm` or `-hh:mm`, at most 14 hours.
pub(crate) fn check_offset(text: &str) -> Result<(), Error> {
    let valid = match text.as_bytes() {
        [b'+' | b'-', hours @ .., b':', b'0'..=b'5', b'0'..=b'9'] => {
            matches!(hours, [b'0', b'0'..=b'9'] | [b'1', b'0'..=b'3'])
                || text.ends_with("14:00") && hours == b"14"
        }
        _ => false,
    };
    if valid {
        return Ok(());
    }
    Err(Error::invalid(
        format!("`{}` is no time zone offset", crate::error::quoted(text)),
        "write it as `+hh:mm` or `-hh:mm`, at most 14 hours, such as `+08:00`",
    ))
}

/// Reads decimal digits; None when one is something else.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
    })
}

fn unix_ms(text: &[u8]) -> Option<i64> {
    // `YYYY-MM-DDThh:mm:ss`, then decimals, then the offset.
    let (head, tail) = text.split_at_checked(19)?;
    let [y @ .., b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2] = head
    else {
        return None;
    };
    let (year, month, day) = (number(y)?, number(&[*mo1, *mo2])?, number(&[*d1, *d2])?);
    let (hour, minute, second) =
        (number(&[*h1, *h2])?, number(&[*mi1, *mi2])?, number(&[*s1, *s2])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let (millis, zone) = decimals(tail)?;
    let offset = offset_minutes(zone)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let minutes = days_since_1970(year, month, day) * 1_440 + hour * 60 + minute - offset;
    // A leap second is the last of a UTC day; the time line gives it the next second's name.
    if second == 60 && minutes.rem_euclid(1_440) != 1_439 {
        return None;
    }
    Some((minutes * 60 + second) * 1_000 + millis)
}

/// Reads `.d…` if it is there: its milliseconds, and what follows.
fn decimals(tail: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.', rest @ ..] = tail else {
        return Some((0, tail));
    };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, zone) = rest.split_at_checked(count)?;
    let mut padded = digits.iter().chain(b"000").take(3);
    let millis =
        padded.try_fold(0, |sum, byte| Some(sum * 10 + i64::from(byte.checked_sub(b'0')?)))?;
    (count > 0).then_some((millis, zone))
}

fn offset_minutes(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            let offset = hours * 60 + minutes;
            (minutes < 60 && offset <= 14 * 60).then_some(if *sign == b'-' {
                -offset
            } else {
                offset
            })
        }
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day
/// comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Option<i64> {
        Time::parse(text.to_owned()).ok().map(|time| time.unix_ms())
    }

    #[test]
    fn times_lie_where_they_should() {
        assert_eq!(ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(ms("2000-02-29T12:00:00Z"), Some(951_825_600_000));
        assert_eq!(ms("2005-04-03T20:33:31.116000-06:00"), Some(1_112_582_011_116));
        assert_eq!(ms("2005-04-04T02:33:31.1169999Z"), Some(1_112_582_011_116));
        assert_eq!(ms("1969-12-31T23:59:59.5Z"), Some(-500));
        assert_eq!(ms("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000));
        assert_eq!(ms("9999-12-31T23:59:59-14:00"), Some(253_402_351_199_000));
        assert_eq!(ms("2016-12-31T23:59:60Z"), ms("2017-01-01T00:00:00Z"));
        assert_eq!(ms("2017-01-01T07:59:60+08:00"), ms("2017-01-01T00:00:00Z"));
    }

    #[test]
    fn what_the_calendar_does_not_know_is_refused() {
        for text in [
            "",
            "2026",
            "2026-11-20",
            "2026-11-20T08:51:00",
            "2026-11-20 08:51:00Z",
            "2026-11-20t08:51:00z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00,5Z",
            "2026-01-01T00:00:00+8:00",
            "2026-01-01T00:00:00+14:01",
            "2026-01-01T00:00:00+00:60",
            "2026-01-01T00:00:00Zx",
            "02026-01-01T00:00:00Z",
            "-026-01-01T00:00:00Z",
            "2026-1-01T00:00:00Z",
            "２026-01-01T00:00:00Z",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn offsets_follow_the_pattern_of_the_standard() {
        for text in ["+00:00", "-00:00", "+13:59", "-06:00", "+14:00", "-14:00"] {
            assert_eq!(check_offset(text), Ok(()), "{text}");
        }
        for text in
            ["", "Z", "+14:01", "+14:59", "+15:00", "08:00", "+8:00", "+08:60", "+0800", "+008:00"]
        {
            assert!(check_offset(text).is_err(), "{text}");
        }
    }
}
