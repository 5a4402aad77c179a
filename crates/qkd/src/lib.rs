//! Simulate a quantum link and distil its key: sift, reconcile, verify, amplify, authenticate; relay over a network of sites.
