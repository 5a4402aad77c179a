//! The application identifiers that can open a Digital Link, the form of their values, and which
//! qualifiers may follow (the `dlpkey` lines of the GS1 Syntax Dictionary).

use std::borrow::Cow;

use crate::charset::{self, Charset};
use crate::{Error, Kind, check_character_pair, check_digit};

/// An application identifier that names something by itself.
#[derive(Debug)]
pub(crate) struct PrimaryKey {
    pub(crate) ai: &'static str,
    /// The deprecated word that older links have in the AI's place.
    word: &'static str,
    /// GS1's abbreviation, for messages.
    pub(crate) name: &'static str,
    form: Form,
    /// Qualifiers in the order in which they may follow; each may be left out.
    sequences: &'static [&'static [Qualifier]],
}

/// The form of a primary key's value.
#[derive(Debug)]
enum Form {
    /// 14 digits, the last a check digit; 8, 12 or 13 are padded.
    Gtin,
    /// So many digits, the last a check digit.
    Checked(usize),
    /// A 0 if so wanted, 13 digits with check digit, and a serial or none.
    Serialised { zero: bool, charset: Charset, max_serial: usize },
    /// GTIN, piece number and count of pieces.
    Pieces,
    /// So many characters at most.
    Text(Charset, usize),
    /// Characters and their check pair.
    Model,
}

/// An application identifier that narrows a primary key.
#[derive(Debug)]
pub(crate) struct Qualifier {
    pub(crate) ai: &'static str,
    word: &'static str,
    charset: Charset,
    max_len: usize,
}

const fn qualifier(
    ai: &'static str,
    word: &'static str,
    charset: Charset,
    max_len: usize,
) -> Qualifier {
    Qualifier { ai, word, charset, max_len }
}

const CPV: Qualifier = qualifier("22", "cpv", Charset::Set82, 20);
const LOT: Qualifier = qualifier("10", "lot", Charset::Set82, 20);
const SERIAL: Qualifier = qualifier("21", "ser", Charset::Set82, 20);
const TPX: Qualifier = qualifier("235", "tpx", Charset::Set82, 28);
const EXTENSION: Qualifier = qualifier("254", "glnx", Charset::Set82, 20);
const UIC: Qualifier = qualifier("7040", "uic", Charset::Set82, 4);
const REFERENCE: Qualifier = qualifier("8020", "refno", Charset::Set82, 25);
const PART_SERIAL: Qualifier = qualifier("8011", "cpsn", Charset::Digits, 12);
const SERVICE: Qualifier = qualifier("8019", "srin", Charset::Digits, 10);

const fn key(
    ai: &'static str,
    word: &'static str,
    name: &'static str,
    form: Form,
    sequences: &'static [&'static [Qualifier]],
) -> PrimaryKey {
    PrimaryKey { ai, word, name, form, sequences }
}

/// A serial of up to so many characters of set 82 behind 13 digits.
const fn serialised(zero: bool, charset: Charset, max_serial: usize) -> Form {
    Form::Serialised { zero, charset, max_serial }
}

static PRIMARY_KEYS: [PrimaryKey; 16] = [
    key("01", "gtin", "GTIN", Form::Gtin, &[&[CPV, LOT, SERIAL], &[TPX]]),
    key("00", "sscc", "SSCC", Form::Checked(18), &[]),
    key("8003", "grai", "GRAI", serialised(true, Charset::Set82, 16), &[]),
    key("8004", "giai", "GIAI", Form::Text(Charset::Set82, 30), &[&[UIC]]),
    key("414", "gln", "GLN", Form::Checked(13), &[&[EXTENSION], &[UIC]]),
    key("253", "gdti", "GDTI", serialised(false, Charset::Set82, 17), &[]),
    key("417", "party", "GLN", Form::Checked(13), &[&[UIC]]),
    key("415", "payTo", "GLN", Form::Checked(13), &[&[REFERENCE]]),
    key("255", "gcn", "GCN", serialised(false, Charset::Digits, 12), &[]),
    key("401", "ginc", "GINC", Form::Text(Charset::Set82, 30), &[]),
    key("402", "gsin", "GSIN", Form::Checked(17), &[]),
    key("8006", "itip", "ITIP", Form::Pieces, &[&[CPV, LOT, SERIAL]]),
    key("8010", "cpi", "CPI", Form::Text(Charset::Set39, 30), &[&[PART_SERIAL]]),
    key("8013", "gmn", "GMN", Form::Model, &[]),
    key("8017", "gsrnp", "GSRN", Form::Checked(18), &[&[SERVICE]]),
    key("8018", "gsrn", "GSRN", Form::Checked(18), &[&[SERVICE]]),
];

impl PrimaryKey {
    /// Finds a key by its AI or its word.
    pub(crate) fn find(segment: &str) -> Option<&'static Self> {
        PRIMARY_KEYS.iter().find(|key| key.ai == segment || key.word == segment)
    }

    fn bad(&self, why: &'static str) -> Error {
        Error::BadKey { key: self.name, why }
    }

    /// Whether a decoded value has the length and the characters of this key, its check digit
    /// aside.
    pub(crate) fn looks_right(&self, value: &str) -> bool {
        let digits = Charset::Digits.holds(value);
        match &self.form {
            Form::Gtin => digits && matches!(value.len(), 8 | 12 | 13 | 14),
            Form::Checked(len) => digits && value.len() == *len,
            Form::Pieces => digits && value.len() == 18,
            Form::Serialised { zero, charset, max_serial } => {
                let len = 13 + usize::from(*zero);
                match (value.get(..len), value.get(len..)) {
                    (Some(number), Some(serial)) => {
                        Charset::Digits.holds(number)
                            && (!zero || number.starts_with('0'))
                            && serial.len() <= *max_serial
                            && charset.holds(serial)
                    }
                    _ => false,
                }
            }
            Form::Text(charset, max) => {
                !value.is_empty() && value.len() <= *max && charset.holds(value)
            }
            Form::Model => (3..=25).contains(&value.len()) && Charset::Set82.holds(value),
        }
    }

    /// Whether a value is as long as the key can be, so that it cannot be meant for something else.
    pub(crate) fn is_full_length(&self, value: &str) -> bool {
        !matches!(self.form, Form::Gtin) || value.len() == 14
    }

    /// Checks a decoded value and gives it in full: a short GTIN padded to 14 digits.
    pub(crate) fn check<'a>(&self, value: &'a str) -> Result<Cow<'a, str>, Error> {
        if !self.looks_right(value) {
            return Err(self.bad("its value has the wrong length or characters"));
        }
        match &self.form {
            Form::Gtin => {
                self.check_digits(value)?;
                return Ok(if value.len() == 14 {
                    Cow::Borrowed(value)
                } else {
                    Cow::Owned(format!("{value:0>14}"))
                });
            }
            Form::Checked(_) => self.check_digits(value)?,
            Form::Serialised { zero, .. } => {
                let start = usize::from(*zero);
                self.check_digits(value.get(start..start + 13).unwrap_or_default())?;
            }
            Form::Pieces => {
                self.check_digits(value.get(..14).unwrap_or_default())?;
                let piece = value.get(14..16).unwrap_or_default();
                let total = value.get(16..).unwrap_or_default();
                if piece == "00" || piece > total {
                    return Err(self.bad("the piece number is not between 01 and the total"));
                }
            }
            Form::Model => self.check_pair(value)?,
            Form::Text(..) => {}
        }
        Ok(Cow::Borrowed(value))
    }

    fn check_digits(&self, digits: &str) -> Result<(), Error> {
        let (body, found) = digits.split_at(digits.len().saturating_sub(1));
        match check_digit(body) {
            Some(expected) if found.starts_with(expected) => Ok(()),
            Some(expected) => Err(Error::CheckDigit {
                key: self.name,
                found: found.to_owned(),
                expected: expected.to_string(),
            }),
            None => Err(self.bad("it holds something else than digits")),
        }
    }

    fn check_pair(&self, value: &str) -> Result<(), Error> {
        let (body, found) = value.split_at(value.len().saturating_sub(2));
        match check_character_pair(body) {
            Some(expected) if found == expected => Ok(()),
            Some(expected) => {
                Err(Error::CheckDigit { key: self.name, found: found.to_owned(), expected })
            }
            None => Err(self.bad("its value has the wrong length or characters")),
        }
    }

    /// Matches the segments behind the key's value, `(AI, value)`, with the qualifiers that may
    /// follow, and gives the finest level: which qualifiers stand in the canonical link.
    pub(crate) fn qualify<'a>(
        &self,
        pairs: &[(&'a str, &'a str)],
    ) -> Result<Vec<(&'static str, Cow<'a, str>)>, Error> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let sequence =
            self.sequences.iter().find(|sequence| follows(pairs, sequence)).ok_or_else(|| {
                self.bad("what follows it is no qualifier of this key, or out of order")
            })?;
        let mut kept = Vec::new();
        for (ai, value) in pairs {
            let Some(qualifier) = sequence.iter().find(|q| q.ai == *ai || q.word == *ai) else {
                continue;
            };
            let value = charset::decode(value)
                .filter(|value| !value.is_empty() && value.len() <= qualifier.max_len)
                .filter(|value| qualifier.charset.holds(value))
                .ok_or_else(|| self.bad("a qualifier has the wrong length or characters"))?;
            kept.push((qualifier.ai, value));
        }
        // The finest level says it all: a serial is unique within its GTIN, whatever the lot, and a
        // consumer product variant names nothing that can be traced.
        let has_serial = kept.iter().any(|(ai, _)| *ai == SERIAL.ai);
        kept.retain(|(ai, _)| *ai != CPV.ai && !(has_serial && *ai == LOT.ai));
        // Tag Data Standard: extension 0 means that there is none.
        kept.retain(|(ai, value)| *ai != EXTENSION.ai || value != "0");
        Ok(kept)
    }

    /// What the key, narrowed by these qualifiers, names.
    pub(crate) fn kind(&self, qualifiers: &[(&'static str, Cow<'_, str>)]) -> Kind {
        let has = |ai| qualifiers.iter().any(|(found, _)| *found == ai);
        match self.ai {
            "01" if has("21") => Kind::Sgtin,
            "01" if has("10") => Kind::Lgtin,
            "01" if has("235") => Kind::Upui,
            "01" => Kind::Gtin,
            "00" => Kind::Sscc,
            "8003" => Kind::Grai,
            "8004" => Kind::Giai,
            "414" => Kind::Sgln,
            "253" => Kind::Gdti,
            "417" => Kind::Party,
            "415" => Kind::PaymentSlip,
            "255" => Kind::Gcn,
            "401" => Kind::Ginc,
            "402" => Kind::Gsin,
            "8006" => Kind::Itip,
            "8010" => Kind::Cpi,
            "8013" => Kind::Gmn,
            "8017" => Kind::Gsrnp,
            _ => Kind::Gsrn,
        }
    }
}

/// Whether the pairs are a subsequence of the sequence: in its order, each at most once.
fn follows(pairs: &[(&str, &str)], sequence: &[Qualifier]) -> bool {
    let mut rest = sequence.iter();
    pairs.iter().all(|(ai, _)| rest.any(|q| q.ai == *ai || q.word == *ai))
}
