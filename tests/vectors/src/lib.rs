//! Run the official vectors and hold wire types to golden hashes.
