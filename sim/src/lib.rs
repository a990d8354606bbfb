//! Exact evaluation of verified circuits on clear integers
