//! The contract of [`Post`](crate::Post), as tests that every implementation must pass.
