//! The integer program of an encrypted model: IR, verifier, ranges, passes, text form, Backend trait
