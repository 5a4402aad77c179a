//! EPC URNs: `urn:epc:id:...`, `urn:epc:class:...` and `urn:epc:idpat:...` (GS1 Tag Data Standard).
//!
//! A URN tells where the company prefix ends and leaves the check digit out; a Digital Link does
//! the opposite. So the way from the one to the other is arithmetic.

use std::borrow::Cow;

use crate::charset::{self, Charset};
use crate::{Error, Item, Kind, check_digit, digital_link};

/// Reads an EPC URN. None when the text is none, or of a scheme that has no Digital Link.
pub(crate) fn parse(text: &str) -> Result<Option<Item>, Error> {
    let Some(rest) = text
        .get(..8)
        .filter(|start| start.eq_ignore_ascii_case("urn:epc:"))
        .and_then(|_| text.get(8..))
    else {
        return Ok(None);
    };
    let mut parts = rest.splitn(3, ':');
    let (Some(form), Some(scheme), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    match form {
        "id" => identity(scheme, body),
        "class" if scheme == "lgtin" => lgtin(body).map(Some),
        "idpat" => pattern(scheme, body),
        _ => Ok(None),
    }
}

/// The parts of one URN, and the name under which its faults are reported.
struct Parts<'a> {
    key: &'static str,
    prefix: &'a str,
    rest: std::str::Split<'a, char>,
}

impl<'a> Parts<'a> {
    fn new(key: &'static str, body: &'a str) -> Result<Self, Error> {
        let mut rest = body.split('.');
        let prefix = rest.next().unwrap_or_default();
        let parts = Self { key, prefix, rest };
        if !(6..=12).contains(&prefix.len()) || !Charset::Digits.holds(prefix) {
            return Err(parts.bad("the company prefix is not 6 to 12 digits"));
        }
        Ok(parts)
    }

    fn bad(&self, why: &'static str) -> Error {
        Error::BadKey { key: self.key, why }
    }

    fn next(&mut self) -> Result<&'a str, Error> {
        self.rest.next().ok_or_else(|| self.bad("a part is missing"))
    }

    /// A reference that fills prefix and reference up to so many digits.
    fn reference(&mut self, total: usize) -> Result<&'a str, Error> {
        let reference = self.next()?;
        if self.prefix.len() + reference.len() != total || !Charset::Digits.holds(reference) {
            return Err(self.bad("company prefix and reference do not add up to the right length"));
        }
        Ok(reference)
    }

    /// All that is left: a serial may hold dots.
    fn text(&mut self, charset: Charset, max_len: usize) -> Result<Cow<'a, str>, Error> {
        let first = self.next()?;
        let joined = match self.rest.next() {
            None => Cow::Borrowed(first),
            Some(second) => {
                let mut joined = format!("{first}.{second}");
                for more in self.rest.by_ref() {
                    joined.push('.');
                    joined.push_str(more);
                }
                Cow::Owned(joined)
            }
        };
        let decoded = match joined {
            Cow::Borrowed(text) => charset::decode(text),
            Cow::Owned(text) => charset::decode(&text).map(|text| Cow::Owned(text.into_owned())),
        };
        decoded
            .filter(|text| !text.is_empty() && text.len() <= max_len && charset.holds(text))
            .ok_or_else(|| self.bad("the last part has the wrong length or characters"))
    }

    fn end(mut self) -> Result<(), Error> {
        match self.rest.next() {
            None => Ok(()),
            Some(_) => Err(self.bad("there are more parts than the key has")),
        }
    }

    fn checked(&self, mut digits: String) -> Result<String, Error> {
        let check =
            check_digit(&digits).ok_or_else(|| self.bad("it holds something else than digits"))?;
        digits.push(check);
        Ok(digits)
    }

    /// The number of those keys in which the reference stands behind the prefix.
    fn number(&mut self, total: usize) -> Result<String, Error> {
        let reference = self.reference(total)?;
        self.checked([self.prefix, reference].concat())
    }

    /// The number of those keys whose reference opens with a digit that moves to the front.
    fn number_led(&mut self, total: usize) -> Result<String, Error> {
        let reference = self.reference(total)?;
        let (lead, rest) = reference
            .split_at_checked(1)
            .ok_or_else(|| self.bad("the reference lacks its leading digit"))?;
        self.checked([lead, self.prefix, rest].concat())
    }
}

type Qualifiers<'a> = Vec<(&'static str, Cow<'a, str>)>;

fn item(kind: Kind, ai: &str, value: &str, qualifiers: &Qualifiers<'_>) -> Item {
    Item::new(kind, digital_link::print(ai, value, qualifiers))
}

fn identity(scheme: &str, body: &str) -> Result<Option<Item>, Error> {
    let found = match scheme {
        "sgtin" => sgtin(body)?,
        "sscc" => numbered("SSCC", Kind::Sscc, "00", body, 17, true)?,
        "sgln" => sgln(body)?,
        "grai" => serialised("GRAI", Kind::Grai, ("8003", "0"), body, Charset::Set82, 16)?,
        "giai" => referenced("GIAI", Kind::Giai, "8004", body)?,
        "gdti" => serialised("GDTI", Kind::Gdti, ("253", ""), body, Charset::Set82, 17)?,
        "gsrn" => numbered("GSRN", Kind::Gsrn, "8018", body, 17, false)?,
        "gsrnp" => numbered("GSRN", Kind::Gsrnp, "8017", body, 17, false)?,
        "sgcn" => serialised("GCN", Kind::Gcn, ("255", ""), body, Charset::Digits, 12)?,
        "ginc" => referenced("GINC", Kind::Ginc, "401", body)?,
        "gsin" => numbered("GSIN", Kind::Gsin, "402", body, 16, false)?,
        "pgln" => numbered("GLN", Kind::Party, "417", body, 12, false)?,
        "cpi" => cpi(body)?,
        "itip" => itip(body)?,
        "upui" => upui(body)?,
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn sgtin(body: &str) -> Result<Item, Error> {
    let mut parts = Parts::new("SGTIN", body)?;
    let gtin = parts.number_led(13)?;
    let serial = parts.text(Charset::Set82, 20)?;
    Ok(item(Kind::Sgtin, "01", &gtin, &vec![("21", serial)]))
}

fn lgtin(body: &str) -> Result<Item, Error> {
    let mut parts = Parts::new("LGTIN", body)?;
    let gtin = parts.number_led(13)?;
    let lot = parts.text(Charset::Set82, 20)?;
    Ok(item(Kind::Lgtin, "01", &gtin, &vec![("10", lot)]))
}

fn upui(body: &str) -> Result<Item, Error> {
    let mut parts = Parts::new("UPUI", body)?;
    let gtin = parts.number_led(13)?;
    let extension = parts.text(Charset::Set82, 28)?;
    Ok(item(Kind::Upui, "01", &gtin, &vec![("235", extension)]))
}

fn sgln(body: &str) -> Result<Item, Error> {
    let mut parts = Parts::new("SGLN", body)?;
    let gln = parts.number(12)?;
    let extension = parts.text(Charset::Set82, 20)?;
    // Extension 0 means that there is none.
    let qualifiers = if extension == "0" { Vec::new() } else { vec![("254", extension)] };
    Ok(item(Kind::Sgln, "414", &gln, &qualifiers))
}

/// Prefix and reference, and nothing else.
fn numbered(
    key: &'static str,
    kind: Kind,
    ai: &str,
    body: &str,
    total: usize,
    led: bool,
) -> Result<Item, Error> {
    let mut parts = Parts::new(key, body)?;
    let number = if led { parts.number_led(total)? } else { parts.number(total)? };
    parts.end()?;
    Ok(item(kind, ai, &number, &Vec::new()))
}

/// Prefix, reference, and a serial in the same value.
fn serialised(
    key: &'static str,
    kind: Kind,
    (ai, lead): (&str, &str),
    body: &str,
    charset: Charset,
    max_serial: usize,
) -> Result<Item, Error> {
    let mut parts = Parts::new(key, body)?;
    let number = parts.number(12)?;
    let serial = parts.text(charset, max_serial)?;
    Ok(item(kind, ai, &[lead, &number, &serial].concat(), &Vec::new()))
}

/// Prefix and a reference of any characters, 30 in all.
fn referenced(key: &'static str, kind: Kind, ai: &str, body: &str) -> Result<Item, Error> {
    let mut parts = Parts::new(key, body)?;
    let reference = parts.text(Charset::Set82, 30 - parts.prefix.len())?;
    Ok(item(kind, ai, &[parts.prefix, &reference].concat(), &Vec::new()))
}

fn cpi(body: &str) -> Result<Item, Error> {
    let mut parts = Parts::new("CPI", body)?;
    let number = part_number(&mut parts)?;
    let serial = parts.text(Charset::Digits, 12)?;
    Ok(item(Kind::Cpi, "8010", &number, &vec![("8011", serial)]))
}

fn part_number(parts: &mut Parts<'_>) -> Result<String, Error> {
    let reference = charset::decode(parts.next()?)
        .filter(|text| !text.is_empty() && text.len() + parts.prefix.len() <= 30)
        .filter(|text| Charset::Set39.holds(text))
        .ok_or_else(|| parts.bad("the part reference has the wrong length or characters"))?;
    Ok([parts.prefix, &reference].concat())
}

fn itip(body: &str) -> Result<Item, Error> {
    let mut parts = Parts::new("ITIP", body)?;
    let number = pieces(&mut parts)?;
    let serial = parts.text(Charset::Set82, 20)?;
    Ok(item(Kind::Itip, "8006", &number, &vec![("21", serial)]))
}

fn pieces(parts: &mut Parts<'_>) -> Result<String, Error> {
    let gtin = parts.number_led(13)?;
    let (piece, total) = (parts.next()?, parts.next()?);
    let two_digits = |text: &str| text.len() == 2 && Charset::Digits.holds(text);
    if !two_digits(piece) || !two_digits(total) || piece == "00" || piece > total {
        return Err(parts.bad("the piece number is not between 01 and the total"));
    }
    Ok([&gtin, piece, total].concat())
}

/// A pattern whose serial is open names a class. Other patterns name no one thing and stay
/// verbatim.
fn pattern(scheme: &str, body: &str) -> Result<Option<Item>, Error> {
    let Some(body) =
        body.strip_suffix(".*").filter(|body| !body.contains('*') && !body.contains('['))
    else {
        return Ok(None);
    };
    let class = |key, kind, ai, lead: &str| -> Result<Item, Error> {
        let mut parts = Parts::new(key, body)?;
        let number = parts.number(12)?;
        parts.end()?;
        Ok(item(kind, ai, &[lead, &number].concat(), &Vec::new()))
    };
    let found = match scheme {
        "sgtin" | "upui" => numbered("GTIN", Kind::Gtin, "01", body, 13, true)?,
        "grai" => class("GRAI", Kind::Grai, "8003", "0")?,
        "gdti" => class("GDTI", Kind::Gdti, "253", "")?,
        "sgcn" => class("GCN", Kind::Gcn, "255", "")?,
        "sgln" => class("GLN", Kind::Sgln, "414", "")?,
        "cpi" => {
            let mut parts = Parts::new("CPI", body)?;
            let number = part_number(&mut parts)?;
            parts.end()?;
            item(Kind::Cpi, "8010", &number, &Vec::new())
        }
        "itip" => {
            let mut parts = Parts::new("ITIP", body)?;
            let number = pieces(&mut parts)?;
            parts.end()?;
            item(Kind::Itip, "8006", &number, &Vec::new())
        }
        _ => return Ok(None),
    };
    Ok(Some(found))
}
