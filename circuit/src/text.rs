//! The text form: what `Display` prints, `FromStr` parses.
//!
//! ```text
//! circuit v1                                # comments reach to the end of the line
//! %0 = input x: [0, 255]^2, [-1, 1]         # one range per element; ^2 repeats
//! %1 = linear %0, dense [
//!   [3, -2, 0],
//! ], bias [7]
//! %2 = linear %0, sparse(1, 3) [(0, 2): 5], bias [0]
//! %3 = add %1, %2                           # also sub, and neg of one value
//! %4 = concat %1, %2
//! %5 = slice %4, start 1, len 1
//! %6 = lookup %5, [
//!   -5: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],  # the entry of -5, of -4, ...
//! ]
//! %7 = forest %0, outputs 1, bias [0], [
//!   [
//!     0: if x[2] < 1 then 1 else 2,
//!     1: [4],
//!     2: [-4],
//!   ],
//! ]
//! output y: %3
//! output z: %7
//! ```
//!
//! Values and nodes are numbered in order, from 0. White space separates and is otherwise ignored.

mod error;
mod lexer;
mod parse;
mod print;

pub use error::{ParseError, ParseErrorKind};
