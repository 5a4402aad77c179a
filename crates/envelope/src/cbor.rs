//! Deterministic CBOR (RFC 8949, section 4.2.1) into buffers that are wiped, and its wary reader.

use std::convert::Infallible;

use minicbor::{Decoder, Encoder, encode};

/// Writes the one deterministic encoding to the end of a buffer.
///
/// The caller reserves the room: a buffer that grows would leave a copy of its secrets behind.
pub(crate) struct Out<'a>(Encoder<&'a mut Vec<u8>>);

/// Drops the result of a write to a `Vec`, which cannot fail.
fn written<T>(_result: Result<T, encode::Error<Infallible>>) {}

impl<'a> Out<'a> {
    pub(crate) fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self(Encoder::new(buffer))
    }

    pub(crate) fn array(&mut self, count: usize) -> &mut Self {
        written(self.0.array(u64::try_from(count).unwrap_or(u64::MAX)));
        self
    }

    pub(crate) fn uint(&mut self, value: u64) -> &mut Self {
        written(self.0.u64(value));
        self
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        written(self.0.bytes(value));
        self
    }

    /// Writes the head of a byte string whose bytes the caller appends.
    pub(crate) fn bytes_head(&mut self, length: usize) -> &mut Self {
        written(self.0.bytes_len(u64::try_from(length).unwrap_or(u64::MAX)));
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        written(self.0.str(value));
        self
    }

    /// Appends bytes that are deterministic CBOR already.
    pub(crate) fn raw(&mut self, cbor: &[u8]) -> &mut Self {
        self.0.writer_mut().extend_from_slice(cbor);
        self
    }
}

/// The widest head of a byte string, a text or an array that fits in memory.
const HEAD_BYTES: usize = 9;

/// Room enough for a byte string or a text of this length.
pub(crate) const fn room(length: usize) -> usize {
    HEAD_BYTES + length
}

/// Reads CBOR; each error says what is wrong. What it reads may still be encoded wastefully, so
/// whoever decodes compares with the encoding of what was read.
pub(crate) struct In<'a>(Decoder<'a>);

impl<'a> In<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Decoder::new(bytes))
    }

    /// Reads an array of exactly `count` elements.
    pub(crate) fn array(&mut self, count: usize) -> Result<(), &'static str> {
        if self.array_up_to(count)? == count {
            Ok(())
        } else {
            Err("an array has the wrong number of elements")
        }
    }

    /// Reads the head of an array of at most `limit` elements.
    pub(crate) fn array_up_to(&mut self, limit: usize) -> Result<usize, &'static str> {
        let found = self.0.array().map_err(|_| "an array was expected")?;
        let found = found.ok_or("an array has no definite length")?;
        // Each element takes a byte at least, so a head that promises more is a lie.
        let left = self.0.input().len().saturating_sub(self.0.position());
        match usize::try_from(found) {
            Ok(count) if count > limit => Err("an array has too many elements"),
            Ok(count) if count <= left => Ok(count),
            _ => Err("it ends early"),
        }
    }

    pub(crate) fn uint(&mut self) -> Result<u64, &'static str> {
        self.0.u64().map_err(|_| "an unsigned integer was expected")
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], &'static str> {
        self.0.bytes().map_err(|_| "a byte string was expected")
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        self.bytes()?.try_into().map_err(|_| "a byte string has the wrong length")
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, &'static str> {
        self.0.str().map_err(|_| "a text was expected")
    }

    /// Refuses what follows the last element.
    pub(crate) fn end(&self) -> Result<(), &'static str> {
        if self.0.position() == self.0.input().len() { Ok(()) } else { Err("bytes follow its end") }
    }
}
