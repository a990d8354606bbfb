//! Text to circuits.
//!
//! Nothing nests without bound, so nothing recurses; memory is a small multiple of the text's length, and of
//! `MAX_TOTAL_LEN` for repeated ranges.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::str::FromStr;

use super::{
    ParseError, ParseErrorKind,
    lexer::{Token, TokenKind, token},
};
use crate::{
    Circuit, Forest, Interval, Matrix, Op, Output, Port, Table, Tree, TreeNode, ValueId,
    limits::MAX_TOTAL_LEN,
};

impl FromStr for Circuit {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser {
            text,
            next: token(text, 0),
            inputs_len: 0,
        };
        parser.circuit().map_err(|error| error.locate(text))
    }
}

/// An error at a byte of the text.
struct ErrorAt {
    offset: usize,
    kind: ParseErrorKind,
}

impl ErrorAt {
    fn locate(self, text: &str) -> ParseError {
        let before = &text[..self.offset];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        ParseError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            kind: self.kind,
        }
    }
}

type Parsed<T> = Result<T, ErrorAt>;

struct Parser<'a> {
    text: &'a str,
    next: Token<'a>,
    /// Elements of all inputs so far.
    inputs_len: usize,
}

impl<'a> Parser<'a> {
    fn circuit(&mut self) -> Parsed<Circuit> {
        self.expect("circuit", "`circuit v1`")?;
        self.expect("v1", "`v1`, the only version there is")?;
        let (mut ops, mut outputs) = (Vec::new(), Vec::new());
        loop {
            match self.next {
                Token {
                    kind: TokenKind::End,
                    ..
                } => return Ok(Circuit { ops, outputs }),
                Token {
                    kind: TokenKind::Value,
                    offset,
                    ..
                } => {
                    let found = self.value()?.index();
                    in_order(offset, ops.len(), found)?;
                    self.expect("=", "`=`")?;
                    ops.push(self.op()?);
                }
                Token {
                    kind: TokenKind::Word,
                    text: "output",
                    ..
                } => {
                    self.advance();
                    let name = self.name()?;
                    self.expect(":", "`:`")?;
                    outputs.push(Output {
                        name,
                        value: self.value()?,
                    });
                }
                _ => return Err(self.expected("`%` and a number, `output` or the end")),
            }
        }
    }

    fn op(&mut self) -> Parsed<Op> {
        const OPS: &str = "one of input, linear, add, sub, neg, concat, slice, lookup and forest";
        if self.next.kind != TokenKind::Word {
            return Err(self.expected(OPS));
        }
        let name = self.next;
        self.advance();
        match name.text {
            "input" => self.input(),
            "linear" => self.linear(),
            "add" => self.pair().map(|(left, right)| Op::Add { left, right }),
            "sub" => self.pair().map(|(left, right)| Op::Sub { left, right }),
            "neg" => Ok(Op::Neg {
                input: self.value()?,
            }),
            "concat" => {
                let mut inputs = alloc::vec![self.value()?];
                while self.eat(",") {
                    inputs.push(self.value()?);
                }
                Ok(Op::Concat { inputs })
            }
            "slice" => {
                let input = self.value_and_comma()?;
                self.expect("start", "`start`")?;
                let start = self.index()?;
                self.expect(",", "`,`")?;
                self.expect("len", "`len`")?;
                Ok(Op::Slice {
                    input,
                    start,
                    len: self.index()?,
                })
            }
            "lookup" => {
                let input = self.value_and_comma()?;
                let tables = self.list(|parser| {
                    let min = parser.integer()?;
                    parser.expect(":", "`:`")?;
                    Ok(Table {
                        min,
                        values: parser.integers()?,
                    })
                })?;
                Ok(Op::Lookup { input, tables })
            }
            "forest" => Ok(Op::Forest {
                input: self.value_and_comma()?,
                forest: self.forest()?,
            }),
            _ => {
                self.next = name;
                Err(self.expected(OPS))
            }
        }
    }

    fn input(&mut self) -> Parsed<Op> {
        let name = self.name()?;
        self.expect(":", "`:`")?;
        let mut ranges = Vec::new();
        loop {
            self.expect("[", "`[`, the start of a range")?;
            let min = self.integer()?;
            self.expect(",", "`,`")?;
            let max = self.integer()?;
            self.expect("]", "`]`")?;
            let offset = self.next.offset;
            let count = if self.eat("^") { self.count()? } else { 1 };
            self.inputs_len = self.inputs_len.saturating_add(count);
            if self.inputs_len > MAX_TOTAL_LEN {
                return Err(ErrorAt {
                    offset,
                    kind: ParseErrorKind::TooLarge,
                });
            }
            ranges.resize(ranges.len() + count, Interval::new(min, max));
            if !self.eat(",") {
                return Ok(Op::Input(Port { name, ranges }));
            }
        }
    }

    fn linear(&mut self) -> Parsed<Op> {
        let input = self.value_and_comma()?;
        let weights = match self.next.text {
            "dense" => self.dense()?,
            "sparse" => self.sparse()?,
            _ => return Err(self.expected("`dense` or `sparse`")),
        };
        self.expect(",", "`,`")?;
        self.expect("bias", "`bias`")?;
        Ok(Op::Linear {
            input,
            weights,
            bias: self.integers()?,
        })
    }

    fn dense(&mut self) -> Parsed<Matrix> {
        self.advance();
        let (mut rows, mut cols) = (0, 0);
        let mut weights = Vec::new();
        self.list(|parser| {
            let offset = parser.next.offset;
            let row = parser.integers()?;
            if rows == 0 {
                cols = row.len();
            }
            if row.len() != cols || cols == 0 {
                // A row without columns would be lost when printed.
                let kind = ParseErrorKind::RowLength {
                    expected: cols.max(1),
                    found: row.len(),
                };
                return Err(ErrorAt { offset, kind });
            }
            rows += 1;
            weights.extend(row);
            Ok(())
        })?;
        Ok(Matrix::dense(rows, cols, weights))
    }

    fn sparse(&mut self) -> Parsed<Matrix> {
        self.advance();
        let (rows, cols) = self.place(Self::index)?;
        let entries = self.list(|parser| {
            let (row, col) = parser.place(Self::small_index)?;
            parser.expect(":", "`:`")?;
            Ok((row, col, parser.integer()?))
        })?;
        Ok(Matrix::sparse(rows, cols, entries))
    }

    fn forest(&mut self) -> Parsed<Forest> {
        self.expect("outputs", "`outputs`")?;
        let outputs = self.index()?;
        self.expect(",", "`,`")?;
        self.expect("bias", "`bias`")?;
        let bias = self.integers()?;
        self.expect(",", "`,`")?;
        let trees = self.list(|parser| {
            let mut node = 0;
            let nodes = parser.list(|parser| {
                let offset = parser.next.offset;
                in_order(offset, node, parser.index()?)?;
                node += 1;
                parser.expect(":", "`:`")?;
                parser.node()
            })?;
            Ok(Tree { nodes })
        })?;
        Ok(Forest {
            outputs,
            trees,
            bias,
        })
    }

    fn node(&mut self) -> Parsed<TreeNode> {
        match self.next.text {
            "[" => Ok(TreeNode::Leaf(self.integers()?)),
            "if" => {
                self.advance();
                self.expect("x", "`x`")?;
                self.expect("[", "`[`")?;
                let feature = self.small_index()?;
                self.expect("]", "`]`")?;
                self.expect("<", "`<`")?;
                let threshold = self.integer()?;
                self.expect("then", "`then`")?;
                let left = self.small_index()?;
                self.expect("else", "`else`")?;
                let right = self.small_index()?;
                Ok(TreeNode::Split {
                    feature,
                    threshold,
                    left,
                    right,
                })
            }
            _ => Err(self.expected("`if` or `[`, the start of a leaf")),
        }
    }

    fn pair(&mut self) -> Parsed<(ValueId, ValueId)> {
        Ok((self.value_and_comma()?, self.value()?))
    }

    fn value_and_comma(&mut self) -> Parsed<ValueId> {
        let value = self.value()?;
        self.expect(",", "`,`")?;
        Ok(value)
    }

    fn value(&mut self) -> Parsed<ValueId> {
        if self.next.kind != TokenKind::Value {
            return Err(self.expected("a value, `%` and a number"));
        }
        let index = self.next.text[1..].parse().ok();
        self.number(index, 0, u32::MAX.into()).map(ValueId::new)
    }

    fn name(&mut self) -> Parsed<String> {
        if self.next.kind != TokenKind::Word {
            return Err(self.expected("a name"));
        }
        let name = self.next.text.to_owned();
        self.advance();
        Ok(name)
    }

    /// `(a, b)`
    fn place<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<(T, T)> {
        self.expect("(", "`(`")?;
        let first = item(self)?;
        self.expect(",", "`,`")?;
        let second = item(self)?;
        self.expect(")", "`)`")?;
        Ok((first, second))
    }

    /// Items in square brackets, separated by commas; a comma may follow the last.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        self.expect("[", "`[`")?;
        while !self.eat("]") {
            items.push(item(self)?);
            if !self.eat(",") {
                self.expect("]", "`,` or `]`")?;
                break;
            }
        }
        Ok(items)
    }

    fn integers(&mut self) -> Parsed<Vec<i64>> {
        self.list(Self::integer)
    }

    fn integer(&mut self) -> Parsed<i64> {
        self.digits(i64::MIN, i64::MAX.cast_unsigned())
    }

    fn small_index(&mut self) -> Parsed<u32> {
        self.digits(0, u32::MAX.into())
    }

    fn index(&mut self) -> Parsed<usize> {
        self.digits(0, u64::try_from(usize::MAX).unwrap_or(u64::MAX))
    }

    fn count(&mut self) -> Parsed<usize> {
        let offset = self.next.offset;
        match self.index()? {
            0 => {
                let kind = ParseErrorKind::Expected {
                    expected: "a count of at least 1",
                    found: "`0`".to_owned(),
                };
                Err(ErrorAt { offset, kind })
            }
            count => Ok(count),
        }
    }

    fn digits<T: FromStr>(&mut self, min: i64, max: u64) -> Parsed<T> {
        if self.next.kind != TokenKind::Integer {
            return Err(self.expected("an integer"));
        }
        let number = self.next.text.parse().ok();
        self.number(number, min, max)
    }

    /// Takes the next token as `number`, if it could be read as one from `min` to `max`.
    fn number<T>(&mut self, number: Option<T>, min: i64, max: u64) -> Parsed<T> {
        let number = number.ok_or_else(|| ErrorAt {
            offset: self.next.offset,
            kind: ParseErrorKind::OutOfRange {
                text: shortened(self.next.text),
                min,
                max,
            },
        })?;
        self.advance();
        Ok(number)
    }

    fn expect(&mut self, text: &str, expected: &'static str) -> Parsed<()> {
        if self.eat(text) {
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.next.text == text;
        if found {
            self.advance();
        }
        found
    }

    fn advance(&mut self) {
        self.next = token(self.text, self.next.offset + self.next.text.len());
    }

    fn expected(&self, expected: &'static str) -> ErrorAt {
        let found = match self.next.kind {
            TokenKind::End => "the end".to_owned(),
            _ => format!("`{}`", shortened(self.next.text).escape_debug()),
        };
        ErrorAt {
            offset: self.next.offset,
            kind: ParseErrorKind::Expected { expected, found },
        }
    }
}

fn in_order(offset: usize, expected: usize, found: usize) -> Parsed<()> {
    let kind = ParseErrorKind::OutOfOrder { expected, found };
    if expected == found {
        Ok(())
    } else {
        Err(ErrorAt { offset, kind })
    }
}

/// The start of a token, short enough for a message.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 24;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
