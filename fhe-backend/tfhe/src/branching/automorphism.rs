//! Automorphisms `X → X^e`, `e` odd, of polynomials modulo `X^N + 1`.

use pulp::{Arch, NullaryFnOnce};

/// `X → X^e`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Automorphism {
    size: usize,
    exponent: usize,
    /// Of the inverse: coefficient `p` is that at `p·back`, negated where that lies in the upper half of the `2N`.
    back: usize,
}

impl Automorphism {
    /// Of polynomials of `size` coefficients, a power of two.
    pub(crate) fn new(exponent: usize, size: usize) -> Self {
        Self {
            size,
            exponent,
            back: inverse(exponent, size),
        }
    }

    pub(crate) fn inverse(self) -> Self {
        Self {
            size: self.size,
            exponent: self.back,
            back: self.exponent,
        }
    }

    /// `polynomial(X^e)`.
    pub(crate) fn turn(self, polynomial: &[u64], turned: &mut [u64]) {
        self.each(polynomial, turned, |_, word| word);
    }

    /// `even += polynomial(X^e)`.
    pub(crate) fn add(self, polynomial: &[u64], even: &mut [u64]) {
        self.each(polynomial, even, u64::wrapping_add);
    }

    fn each(self, polynomial: &[u64], target: &mut [u64], join: impl Fn(u64, u64) -> u64) {
        let words = Words::new(self, polynomial);
        Arch::new().dispatch(Each {
            words,
            target,
            join,
        });
    }

    /// `even` becomes `even + p(X^e)`, `odd` `(even − p(X^e))·X^(−down)`.
    pub(crate) fn split(self, polynomial: &[u64], even: &mut [u64], odd: &mut [u64], down: usize) {
        let words = Words::new(self, polynomial);
        Arch::new().dispatch(Split {
            words,
            even,
            odd,
            down,
        });
    }
}

/// Coefficients that are read together.
const BLOCK: usize = 64;

/// The coefficients of a polynomial at `X^e`.
struct Words<'a> {
    polynomial: &'a [u64],
    back: usize,
    /// How far behind the first one of a block the others stand, modulo `2^64`.
    behind: [usize; BLOCK],
}

impl<'a> Words<'a> {
    fn new(automorphism: Automorphism, polynomial: &'a [u64]) -> Self {
        let back = automorphism.back;
        Self {
            polynomial: &polynomial[..automorphism.size],
            back,
            behind: core::array::from_fn(|index| index * back),
        }
    }

    /// A block of them; those behind the last one start anew, negated.
    #[inline(always)]
    fn from(&self, first: usize) -> [u64; BLOCK] {
        let mut words = [0; BLOCK];
        let first = first.wrapping_mul(self.back);
        gather(self.polynomial, (first, self.back), &mut words);
        let log_size = self.polynomial.len().trailing_zeros();
        for (word, behind) in words.iter_mut().zip(&self.behind) {
            let at = first.wrapping_add(*behind);
            let negative = ((at >> log_size & 1) as u64).wrapping_neg();
            *word = (*word ^ negative).wrapping_sub(negative);
        }
        words
    }
}

/// Every `step`-th word, around and around. Apart from what is compiled for the machine's registers: with their instructions for it, key
/// switches take 2 to 3 % longer (AVX-512).
#[inline(never)]
fn gather(polynomial: &[u64], (first, step): (usize, usize), words: &mut [u64; BLOCK]) {
    if polynomial.is_empty() {
        return;
    }
    let mut at = first;
    for word in words {
        *word = polynomial[at & (polynomial.len() - 1)];
        at = at.wrapping_add(step);
    }
}

/// Joins the words of a polynomial with the coefficients of another at `X^e`. Named types instead of closures, so that all of it is compiled
/// for the registers that the machine has.
struct Each<'a, F> {
    words: Words<'a>,
    target: &'a mut [u64],
    join: F,
}

impl<F: Fn(u64, u64) -> u64> NullaryFnOnce for Each<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (block, target) in self.target.chunks_mut(BLOCK).enumerate() {
            let words = self.words.from(block * BLOCK);
            for (target, word) in target.iter_mut().zip(&words) {
                *target = (self.join)(*target, *word);
            }
        }
    }
}

/// [`Automorphism::split`].
struct Split<'a> {
    words: Words<'a>,
    even: &'a mut [u64],
    odd: &'a mut [u64],
    down: usize,
}

impl NullaryFnOnce for Split<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            words,
            even,
            odd,
            down,
        } = self;
        let (kept, wrapped) = odd.split_at_mut(odd.len() - down);
        let (first, others) = even.split_at_mut(down);
        let parts = [(0, first, wrapped, true), (down, others, kept, false)];
        for (start, even, odd, negated) in parts {
            let sign = u64::from(negated).wrapping_neg();
            let blocks = even.chunks_mut(BLOCK).zip(odd.chunks_mut(BLOCK));
            for (block, (even, odd)) in blocks.enumerate() {
                let words = words.from(start + block * BLOCK);
                for ((even, odd), word) in even.iter_mut().zip(odd).zip(&words) {
                    *odd = (even.wrapping_sub(*word) ^ sign).wrapping_sub(sign);
                    *even = even.wrapping_add(*word);
                }
            }
        }
    }
}

/// The odd number whose product with `exponent` is 1 modulo `2N`, by Newton's iteration: bits that agree double.
fn inverse(exponent: usize, size: usize) -> usize {
    let mut inverse = exponent;
    for _ in 0..6 {
        let rest = 2usize.wrapping_sub(exponent.wrapping_mul(inverse));
        inverse = inverse.wrapping_mul(rest);
    }
    inverse & (2 * size - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Coefficient by coefficient, as the document has it.
    fn by_definition(polynomial: &[u64], exponent: usize) -> Vec<u64> {
        let size = polynomial.len();
        let mut turned = vec![0; size];
        for (index, word) in polynomial.iter().enumerate() {
            let at = index * exponent % (2 * size);
            turned[at % size] = if at < size {
                *word
            } else {
                word.wrapping_neg()
            };
        }
        turned
    }

    #[test]
    fn splits_are_sums_and_differences_turned_down() {
        for size in [16usize, 64, 1024] {
            let words = |factor: u64| -> Vec<u64> {
                let word = |index| (index + 1) * factor;
                (0..size as u64)
                    .map(|index| word(index).wrapping_mul(0x9e37_79b9_7f4a_7c15))
                    .collect()
            };
            let (ciphertext, switched) = (words(3), words(7));
            for t in 0..size.ilog2() as usize {
                let exponent = size / (1 << t) + 1;
                let automorphism = Automorphism::new(exponent, size);
                let expected = by_definition(&switched, exponent);
                let mut turned = vec![1; size];
                automorphism.turn(&switched, &mut turned);
                assert_eq!(turned, expected, "{size} {t}");
                automorphism.inverse().turn(&expected, &mut turned);
                assert_eq!(turned, switched, "{size} {t}");
                let (mut even, mut odd, mut added) =
                    (ciphertext.clone(), vec![1; size], ciphertext.clone());
                automorphism.split(&switched, &mut even, &mut odd, 1 << t);
                automorphism.add(&switched, &mut added);
                assert_eq!(added, even);
                for (index, word) in ciphertext.iter().enumerate() {
                    let turned = expected[index];
                    assert_eq!(even[index], word.wrapping_add(turned));
                    let difference = word.wrapping_sub(turned);
                    let (at, difference) = match index.checked_sub(1 << t) {
                        Some(at) => (at, difference),
                        None => (index + size - (1 << t), difference.wrapping_neg()),
                    };
                    assert_eq!(odd[at], difference, "{size} {t} {index}");
                }
            }
        }
    }
}
