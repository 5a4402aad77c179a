//! Grow an authenticated log, prove it, and verify the proof: arithmetic only, generic over the hash.
