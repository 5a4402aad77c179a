//! Deterministic CBOR (RFC 8949, section 4.2.1): one writer, one wary reader.

use std::convert::Infallible;

use minicbor::{Decoder, Encoder, encode};

use crate::Error;

/// Writes the one deterministic encoding.
#[derive(Debug)]
pub(crate) struct Writer(Encoder<Vec<u8>>);

/// Drops the result of a write to a `Vec`, which cannot fail.
fn written<T>(_result: Result<T, encode::Error<Infallible>>) {}

impl Writer {
    /// Starts an array of so many elements.
    pub(crate) fn array(count: u64) -> Self {
        let mut encoder = Encoder::new(Vec::with_capacity(256));
        written(encoder.array(count));
        Self(encoder)
    }

    pub(crate) fn uint(mut self, value: u64) -> Self {
        written(self.0.u64(value));
        self
    }

    pub(crate) fn bool(mut self, value: bool) -> Self {
        written(self.0.bool(value));
        self
    }

    pub(crate) fn bytes(mut self, value: &[u8]) -> Self {
        written(self.0.bytes(value));
        self
    }

    pub(crate) fn text(mut self, value: &str) -> Self {
        written(self.0.str(value));
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_writer()
    }
}

/// Reads one array of known length; what it reads may still be encoded wastefully, so whoever
/// reads compares with its own encoding at the end.
#[derive(Debug)]
pub(crate) struct Reader<'a>(Decoder<'a>);

const fn malformed(why: &'static str) -> Error {
    Error::FrameMalformed { why }
}

impl<'a> Reader<'a> {
    pub(crate) fn array(bytes: &'a [u8], count: u64) -> Result<Self, Error> {
        let mut decoder = Decoder::new(bytes);
        match decoder.array() {
            Ok(Some(found)) if found == count => Ok(Self(decoder)),
            _ => Err(malformed("an array of another length was expected")),
        }
    }

    pub(crate) fn uint(&mut self) -> Result<u64, Error> {
        self.0.u64().map_err(|_| malformed("an unsigned integer was expected"))
    }

    pub(crate) fn uint32(&mut self) -> Result<u32, Error> {
        self.0.u32().map_err(|_| malformed("an unsigned 32-bit integer was expected"))
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Error> {
        self.0.bool().map_err(|_| malformed("a truth value was expected"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        self.0.bytes().map_err(|_| malformed("a byte string was expected"))
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.bytes()?.try_into().map_err(|_| malformed("a byte string has the wrong length"))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        self.0.str().map_err(|_| malformed("a text string was expected"))
    }

    /// Refuses what does not re-encode to itself, and what follows the end.
    pub(crate) fn same(&self, encoded: &[u8]) -> Result<(), Error> {
        if self.0.input() == encoded {
            Ok(())
        } else {
            Err(malformed("it does not re-encode to the same bytes"))
        }
    }
}
