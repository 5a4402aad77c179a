//! Deterministic CBOR (RFC 8949, section 4.2.1): one writer, one wary reader.

use std::convert::Infallible;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder, encode};

use crate::{Error, Part};

/// Writes the one deterministic encoding; the caller orders map keys.
#[derive(Debug)]
pub(crate) struct Writer(Encoder<Vec<u8>>);

/// Drops the result of a write to a `Vec`, which cannot fail.
fn written<T>(_result: Result<T, encode::Error<Infallible>>) {}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::with_capacity(64)
    }

    pub(crate) fn with_capacity(capacity_bytes: usize) -> Self {
        Self(Encoder::new(Vec::with_capacity(capacity_bytes)))
    }

    pub(crate) fn array(&mut self, count: usize) -> &mut Self {
        written(self.0.array(wide(count)));
        self
    }

    pub(crate) fn uint(&mut self, value: u64) -> &mut Self {
        written(self.0.u64(value));
        self
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        written(self.0.i64(value));
        self
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        written(self.0.bytes(value));
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        written(self.0.str(value));
        self
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        written(self.0.null());
        self
    }

    /// Appends bytes that are deterministic CBOR already.
    pub(crate) fn raw(&mut self, cbor: &[u8]) -> &mut Self {
        self.0.writer_mut().extend_from_slice(cbor);
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.0.writer().len()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.writer()
    }

    pub(crate) fn clear(&mut self) {
        self.0.writer_mut().clear();
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_writer()
    }
}

/// A count as CBOR writes it; no machine that this runs on has a wider `usize`.
pub(crate) fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Reads one part of the record; every error names it.
///
/// What it reads may still be encoded wastefully, so each decoder ends with [`Reader::same`].
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    decoder: Decoder<'a>,
    part: Part,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(part: Part, bytes: &'a [u8]) -> Self {
        Self { decoder: Decoder::new(bytes), part }
    }

    /// Blames another part from here on.
    pub(crate) fn blame(&mut self, part: Part) {
        self.part = part;
    }

    pub(crate) fn malformed(&self, why: &'static str) -> Error {
        Error::Malformed { part: self.part, why }
    }

    /// Reads an array of exactly `count` elements.
    pub(crate) fn array(&mut self, count: u64) -> Result<(), Error> {
        match self.decoder.array() {
            Ok(Some(found)) if found == count => Ok(()),
            Ok(Some(_)) => Err(self.malformed("an array has the wrong number of elements")),
            Ok(None) => Err(Error::NotDeterministic { part: self.part }),
            Err(_) => Err(self.malformed("an array was expected")),
        }
    }

    /// Reads the head of an array of at most `limit` elements.
    pub(crate) fn array_up_to(&mut self, limit: u64, what: &'static str) -> Result<usize, Error> {
        let found = match self.decoder.array() {
            Ok(Some(found)) => found,
            Ok(None) => return Err(Error::NotDeterministic { part: self.part }),
            Err(_) => return Err(self.malformed("an array was expected")),
        };
        if found > limit {
            return Err(Error::TooMany { part: self.part, what, found, limit });
        }
        // Each element takes a byte at least, so a head that promises more is a lie.
        let left = self.decoder.input().len().saturating_sub(self.decoder.position());
        match usize::try_from(found) {
            Ok(count) if count <= left => Ok(count),
            _ => Err(self.malformed("it ends early")),
        }
    }

    /// Reads the version, which must be 1.
    pub(crate) fn version(&mut self) -> Result<(), Error> {
        self.this_version(1)
    }

    /// Reads the version, which must be `known`.
    pub(crate) fn this_version(&mut self, known: u64) -> Result<(), Error> {
        match self.uint()? {
            found if found == known => Ok(()),
            found => Err(Error::Version { part: self.part, found }),
        }
    }

    pub(crate) fn uint(&mut self) -> Result<u64, Error> {
        self.decoder.u64().map_err(|_| self.malformed("an unsigned integer was expected"))
    }

    pub(crate) fn uint32(&mut self) -> Result<u32, Error> {
        self.decoder.u32().map_err(|_| self.malformed("an unsigned 32-bit integer was expected"))
    }

    pub(crate) fn int(&mut self) -> Result<i64, Error> {
        self.decoder.i64().map_err(|_| self.malformed("an integer was expected"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        self.decoder.bytes().map_err(|_| self.malformed("a byte string was expected"))
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.bytes()?;
        bytes.try_into().map_err(|_| self.malformed("a byte string has the wrong length"))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        self.decoder.str().map_err(|_| self.malformed("a text string was expected"))
    }

    /// Reads a name that `party` knows how to check.
    pub(crate) fn name<T: std::str::FromStr>(&mut self) -> Result<T, Error> {
        let text = self.text()?;
        text.parse().map_err(|_| self.malformed("a name is not of the form [a-z0-9-]{1,63}"))
    }

    /// Whether the next element is null, which is then consumed.
    pub(crate) fn null(&mut self) -> bool {
        let is_null = matches!(self.decoder.datatype(), Ok(Type::Null));
        is_null && self.decoder.null().is_ok()
    }

    /// Whether the next element is an array.
    pub(crate) fn at_array(&self) -> bool {
        matches!(self.decoder.datatype(), Ok(Type::Array | Type::ArrayIndef))
    }

    /// Refuses what follows the last element, and what does not re-encode to itself.
    pub(crate) fn same(&self, encoded: &[u8]) -> Result<(), Error> {
        let input = self.decoder.input();
        if self.decoder.position() != input.len() {
            return Err(self.malformed("bytes follow its end"));
        }
        if input == encoded { Ok(()) } else { Err(Error::NotDeterministic { part: self.part }) }
    }
}
