//! Where a page stands.

use std::fmt;

use crate::{Digest, Error};

/// The deepest page, in nibbles: its sixteen slots are told apart by the last nibble of a key.
const MAX_LEN: u8 = 63;

/// The way from the root of the map to a page: the first nibbles (half bytes) of every key beneath.
///
/// Ordered by length, then by nibbles, as the bytes of [`Path::to_bytes`] are: pages near the root,
/// which every update touches, stand together. Prints as its nibbles, the root page as `/`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// How many nibbles, 0 to 63.
    len: u8,
    /// The nibbles, two to a byte, the first in the high half; zero beyond the last.
    nibbles: Digest,
}

impl Path {
    /// The way to the root page: no nibbles.
    pub const ROOT: Self = Self { len: 0, nibbles: [0; 32] };

    /// Counts the nibbles: how deep the page stands.
    #[must_use]
    pub const fn depth(&self) -> u8 {
        self.len
    }

    /// Writes the path: one byte of length in nibbles, then the nibbles, two to a byte.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.len];
        bytes.extend(self.nibbles.iter().take(usize::from(self.len).div_ceil(2)));
        bytes
    }

    /// Reads a path.
    ///
    /// # Errors
    ///
    /// When the bytes are not those that [`Path::to_bytes`] writes for some path.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |why| Error::PathMalformed { why };
        let (&len, packed) = bytes.split_first().ok_or_else(|| malformed("it has no bytes"))?;
        if len > MAX_LEN {
            return Err(malformed("it has more than 63 nibbles"));
        }
        if packed.len() != usize::from(len).div_ceil(2) {
            return Err(malformed("its length is not the one it states"));
        }
        if len % 2 == 1 && packed.last().is_some_and(|last| last & 0x0f != 0) {
            return Err(malformed("the spare half of its last byte is not zero"));
        }
        let mut path = Self { len, ..Self::ROOT };
        path.nibbles.iter_mut().zip(packed).for_each(|(to, from)| *to = *from);
        Ok(path)
    }

    /// Goes one nibble further down, to the page in slot `nibble`; `None` below the deepest.
    pub(super) fn child(&self, nibble: usize) -> Option<Self> {
        if self.len >= MAX_LEN {
            return None;
        }
        let mut child = Self { len: self.len + 1, ..*self };
        let shift = if self.len.is_multiple_of(2) { 4 } else { 0 };
        *child.nibbles.get_mut(usize::from(self.len / 2))? |= u8::try_from(nibble).ok()? << shift;
        Some(child)
    }

    /// Tells whether `key` belongs beneath slot `nibble` of the page here.
    pub(super) fn leads_to(&self, nibble: usize, key: &Digest) -> bool {
        let whole = usize::from(self.len / 2);
        let half = |bytes: &Digest| bytes.get(whole).map_or(0, |byte| byte >> 4);
        key.iter().take(whole).eq(self.nibbles.iter().take(whole))
            && (self.len.is_multiple_of(2) || half(key) == half(&self.nibbles))
            && self.slot_of(key) == nibble
    }

    /// Tells in which slot of the page here `key` belongs, if it belongs beneath it at all.
    pub(super) fn slot_of(&self, key: &Digest) -> usize {
        let byte = key.get(usize::from(self.len / 2)).copied().unwrap_or_default();
        usize::from(if self.len.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len == 0 {
            return f.write_str("/");
        }
        let nibbles = self.nibbles.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
        nibbles.take(usize::from(self.len)).try_for_each(|nibble| write!(f, "{nibble:x}"))
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(nibbles: &[usize]) -> Path {
        nibbles.iter().fold(Path::ROOT, |path, nibble| path.child(*nibble).unwrap())
    }

    #[test]
    fn a_path_comes_back_from_its_bytes_at_every_depth() {
        let mut path = Path::ROOT;
        for depth in 0..=MAX_LEN {
            assert_eq!(path.depth(), depth);
            assert_eq!(Path::from_bytes(&path.to_bytes()), Ok(path));
            match path.child(usize::from(depth % 16)) {
                Some(child) => path = child,
                None => assert_eq!(depth, MAX_LEN),
            }
        }
    }

    #[test]
    fn bytes_that_no_path_writes_are_refused() {
        for bytes in [&[][..], &[0, 0], &[1], &[1, 0x11], &[2, 0x11, 0], &[64; 33], &[3, 1, 0x12]] {
            assert!(Path::from_bytes(bytes).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn paths_sort_as_their_bytes_do() {
        let paths = [&[][..], &[0], &[1], &[15], &[0, 0], &[0, 1], &[1, 0], &[15, 15], &[0, 0, 0]];
        let paths = paths.map(path);
        assert!(paths.is_sorted());
        assert!(paths.map(|path| path.to_bytes()).is_sorted());
    }

    #[test]
    fn a_path_prints_its_nibbles() {
        assert_eq!(Path::ROOT.to_string(), "/");
        assert_eq!(path(&[10, 0, 15]).to_string(), "a0f");
    }

    #[test]
    fn a_key_belongs_beneath_its_own_nibbles_only() {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&[0xab, 0xcd]);
        assert!(Path::ROOT.leads_to(0xa, &key) && !Path::ROOT.leads_to(0xb, &key));
        assert!(path(&[0xa]).leads_to(0xb, &key) && !path(&[0xb]).leads_to(0xb, &key));
        assert!(path(&[0xa, 0xb, 0xc]).leads_to(0xd, &key));
        assert!(!path(&[0xa, 0xb, 0xd]).leads_to(0xd, &key));
        assert!(!path(&[0xa, 0xa, 0xc]).leads_to(0xd, &key));
    }
}
