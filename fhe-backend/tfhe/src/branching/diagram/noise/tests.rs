use super::*;

const SIZE: usize = 64;

fn units(book: &NoiseBook) -> Vec<NoiseUnits> {
    book.units(&book.classes.twins(SIZE))
}

fn unit(alike: usize, smooth: usize) -> NoiseUnits {
    NoiseUnits {
        alike,
        smooth,
        rounding: alike,
        apart: 0,
        directions: alike,
    }
}

fn rotation(first_bit: usize, table: Plain) -> Rotation {
    Rotation::by_code(table, first_bit, 3, 1)
}

#[test]
fn twins_are_counted_by_tree_shift_and_sign() {
    let mut book = NoiseBook::new(SIZE);
    book.rotation(&rotation(0, vec![(0, 1), (1, 3)]));
    let mut results = Vec::new();
    // Three trees with a slot each, two of one sign; the last two select between their slot and nothing by bit 7.
    for (tree, shift) in [(0, 0), (1, 8), (2, SIZE + 16)] {
        book.start_tree(tree);
        let slot = book.slot(0, shift);
        results.push(slot);
        if tree > 0 {
            results.push(book.selection(7, CLEAR, slot, &Plain::new()));
        }
    }
    let of = units(&book);
    let of: Vec<NoiseUnits> = results.iter().map(|id| of[id.0]).collect();
    // Slots: 2 products but the clear one, of as many trees as have the sign that more have. Selections: a twin of the other sign.
    assert_eq!(of[0].alike, 2);
    assert!((4..=6).contains(&of[0].smooth), "{:?}", of[0]);
    assert_eq!(of[2].alike, 2 + 1);
    assert_eq!(of[4].alike, 2 + 1);
}

#[test]
fn equal_subtrees_of_many_trees_add_up_in_amplitude() {
    let mut book = NoiseBook::new(SIZE);
    let mut last = CLEAR;
    for (tree, value) in (0..5).zip(1..) {
        book.start_tree(tree);
        // Clear differences count up to a factor.
        let low = book.selection(0, CLEAR, CLEAR, &vec![(0, value)]);
        last = book.selection(1, CLEAR, low, &Plain::new());
    }
    assert_eq!(units(&book)[last.0], unit(5, 5));
}

/// Three trees read slots of one rotation, two of them the same one: `|1 + 2·X^8|` is 3 at most, and a tree of its own is 1 more.
#[test]
fn slots_meet_errors_in_the_same_direction() {
    let mut book = NoiseBook::new(SIZE);
    book.rotation(&rotation(0, vec![(0, 1), (1, 3)]));
    let mut results = Vec::new();
    for (tree, shift) in [(0, 0), (1, 8), (2, 8)] {
        book.start_tree(tree);
        results.push(book.slot(0, shift));
    }
    let of = units(&book);
    let of: Vec<usize> = results.iter().map(|id| of[id.0].directions).collect();
    // Two products besides the clear one.
    assert_eq!(of, [2 * 3; 3]);
    book.start_tree(3);
    let low = book.selection(0, CLEAR, CLEAR, &vec![(0, 1)]);
    results.push(book.selection(2, CLEAR, low, &Plain::new()));
    let noise = book.finish(&results);
    assert_eq!(noise.busiest.directions, 3 * 3 + 1);
    assert_eq!(noise.units.alike, 2 * (1 + 2 + 2) + 1);
}

/// Digits of one operand leave out the same, whatever bits they meet: five trees have `b ? 1 : 0` below bits of their own, two of them the other
/// way round.
#[test]
fn what_digits_leave_out_hangs_on_the_operand_alone() {
    let mut book = NoiseBook::new(SIZE);
    let mut results = Vec::new();
    for tree in 0..5 {
        book.start_tree(tree);
        let low = book.selection(0, CLEAR, CLEAR, &vec![(0, 1)]);
        let (zero, one) = if tree < 3 { (CLEAR, low) } else { (low, CLEAR) };
        results.push(book.selection(1 + tree, zero, one, &Plain::new()));
    }
    for id in &results {
        let of = units(&book)[id.0];
        assert_eq!((of.alike, of.rounding, of.apart), (1, 3, 0));
    }
    // Another operand by the same bit.
    book.start_tree(5);
    let other = book.selection(0, CLEAR, CLEAR, &vec![(0, 1), (2, 1)]);
    results.push(book.selection(1, CLEAR, other, &Plain::new()));
    let noise = book.finish(&results);
    assert_eq!((noise.units.alike, noise.units.rounding), (6, 5 * 3 + 1));
    assert_eq!(noise.busiest.rounding, 3 + 1);
}

/// A sum of two equal operands, and of three, are multiples of it: by the same bit and by others.
#[test]
fn multiples_of_an_operand_are_its_twins() {
    let mut book = NoiseBook::new(SIZE);
    let mut results = Vec::new();
    for tree in 0..3 {
        book.start_tree(tree);
        let low = book.selection(0, CLEAR, CLEAR, &vec![(0, 1)]);
        let high = book.selection(1, CLEAR, low, &Plain::new());
        let down = book.shifted(high, 5);
        let terms = vec![(Sign::Plus, down); tree + 1];
        let sum = book.sum(&terms, vec![down]);
        results.push(book.selection(2, CLEAR, sum, &Plain::new()));
        results.push(book.selection(3 + tree, CLEAR, sum, &Plain::new()));
    }
    let of = units(&book);
    for pair in results.chunks(2) {
        // What is below: products with bit 1, the same in all trees.
        let [by_two, by_own] = [of[pair[0].0], of[pair[1].0]];
        assert_eq!((by_two.alike, by_two.rounding), (3 + 3, 3 + 3));
        assert_eq!((by_own.alike, by_own.rounding), (3 + 1, 3 + 3));
        assert_eq!(by_two.apart, 0);
    }
}

/// First products of multiples, their sums, and what they differ by from each other and from nothing, are multiples.
#[test]
fn multiples_of_first_products_are_twins() {
    let first = |book: &mut NoiseBook, at: usize, value: i64| {
        book.selection(0, CLEAR, CLEAR, &vec![(at, value), (at + 1, 3 * value)])
    };
    for case in 0..3 {
        let mut book = NoiseBook::new(SIZE);
        let mut results = Vec::new();
        for (tree, value) in [6, 10, 15].into_iter().enumerate() {
            book.start_tree(tree);
            let [low, high] = [0, 5].map(|at| first(&mut book, at, value));
            let terms = [(Sign::Plus, low), (Sign::Minus, high)];
            let (zero, one) = match case {
                0 => (low, CLEAR),
                1 => (low, high),
                _ => (CLEAR, book.sum(&terms, vec![low, high])),
            };
            results.push(book.selection(2, zero, one, &Plain::new()));
        }
        let of = units(&book);
        let alike: Vec<usize> = results.iter().map(|id| of[id.0].alike).collect();
        assert_eq!(alike, [3; 3], "{case}");
    }
}

#[test]
fn units_add_up() {
    let one = NoiseUnits {
        alike: 1,
        smooth: 2,
        rounding: 3,
        apart: 4,
        directions: 5,
    };
    let two = NoiseUnits {
        alike: 2,
        smooth: 4,
        rounding: 6,
        apart: 8,
        directions: 10,
    };
    assert_eq!(one.plus(one), two);
}

#[test]
fn trees_of_selections_are_noted() {
    let mut book = NoiseBook::new(SIZE);
    book.select_in_tree(4);
    book.select_in_tree(7);
    assert_eq!(book.finish(&[]).selections, [4, 7]);
}

/// What products of multiples add to masks is no multiple, and does not cancel: their difference is an operand of its own, below any bit.
#[test]
fn products_of_multiples_have_masks_of_their_own() {
    let mut book = NoiseBook::new(SIZE);
    let mut results = Vec::new();
    for tree in 0..4 {
        book.start_tree(tree);
        let low = book.selection(0, CLEAR, CLEAR, &vec![(0, 1)]);
        let high = book.selection(1, CLEAR, low, &Plain::new());
        let twice = book.sum(&[(Sign::Plus, high), (Sign::Plus, high)], vec![high]);
        let [one, two] = [high, twice].map(|of| book.selection(2, CLEAR, of, &Plain::new()));
        let difference = [(Sign::Plus, two), (Sign::Minus, one)];
        let difference = book.sum(&difference, vec![one, two]);
        assert_ne!(
            book.entries[difference.0].masks.as_ref().map(|of| of.value),
            Some(0)
        );
        results.push(book.selection(3 + tree, CLEAR, difference, &Plain::new()));
    }
    let below = units(&book)[results[0].0].rounding;
    // Three products of each of two operands, four times, and one of the difference by the tree's own bit.
    assert_eq!(below, 2 * (4 + 4) + 4);
}

/// Four trees have the same selection at three places: it is counted like slots that are read. One of the same place is not.
#[test]
fn twins_of_other_shifts_are_counted_like_slots() {
    let of = |shifts: &[usize]| {
        let mut book = NoiseBook::new(SIZE);
        let mut results = Vec::new();
        for (tree, shift) in shifts.iter().enumerate() {
            book.start_tree(tree);
            let low = book.selection(0, CLEAR, CLEAR, &vec![(*shift, 1)]);
            let high = book.selection(1, CLEAR, low, &Plain::new());
            results.push(book.selection(2 + tree, CLEAR, high, &Plain::new()));
        }
        let noise = book.finish(&results);
        (noise.units.apart, noise.slots, noise.most_slots)
    };
    // By bit 1, all four; those of two have one place. What follows is by other bits.
    assert_eq!(of(&[0, 1, 5, 5]), (1 + 1 + 2 * 2, 6, 4));
    assert_eq!(of(&[5, 5, 5]), (0, 0, 0));
    assert_eq!(of(&[7]), (0, 0, 0));
}

/// `bit ? a : clear` and `bit ? clear : a` have opposite noise; that of `bit ? clear : −a` adds up with the first.
#[test]
fn complements_are_twins() {
    let mut book = NoiseBook::new(SIZE);
    let mut selections = Vec::new();
    for tree in 0..3 {
        book.start_tree(tree);
        let low = book.selection(0, CLEAR, CLEAR, &vec![(0, 1)]);
        let negated = book.shifted(low, SIZE);
        let (zero, one) = [(CLEAR, low), (low, CLEAR), (negated, CLEAR)][tree];
        selections.push(book.selection(1, zero, one, &Plain::new()));
    }
    let of = units(&book);
    for selection in selections {
        assert_eq!(of[selection.0].alike, 2);
    }
}

/// Rotations of the same table, or of one that is shifted, are the same, whatever their index.
#[test]
fn rotations_are_compared_by_content() {
    for (table, alike) in [
        (vec![(0, 1), (1, 3)], 2 * 2),
        (vec![(5, 1), (6, 3)], 2 * 2),
        (vec![(0, 1), (1, 2)], 2),
    ] {
        let mut book = NoiseBook::new(SIZE);
        book.rotation(&rotation(0, vec![(0, 1), (1, 3)]));
        book.rotation(&rotation(0, table.clone()));
        book.start_tree(0);
        let first = book.slot(0, 0);
        book.start_tree(1);
        // What lies there comes down to 0.
        let second = book.slot(1, table[0].0);
        let units = units(&book);
        assert_eq!(units[first.0].alike, alike, "{table:?}");
        assert_eq!(units[second.0].alike, alike, "{table:?}");
    }
}

/// Trees whose operands differ but for their difference multiply the same digits: `(a + v) − a = (b + v) − b`.
#[test]
fn equal_differences_are_twins() {
    let mut book = NoiseBook::new(SIZE);
    let mut last = CLEAR;
    for (tree, value) in (0..4).zip(1..) {
        book.start_tree(tree);
        let zero = book.selection(0, CLEAR, CLEAR, &vec![(0, value), (1, 2 * value)]);
        let one = book.selection(0, CLEAR, CLEAR, &vec![(0, value + 1), (1, 2 * value)]);
        last = book.selection(1, zero, one, &Plain::new());
    }
    assert_eq!(units(&book)[last.0].alike, 4);
}

/// Interval sums differ by the operand of a tree that selects between the same two.
#[test]
fn sums_that_differ_by_a_subtree_are_its_twins() {
    let mut book = NoiseBook::new(SIZE);
    let value = |book: &mut NoiseBook, v| {
        let low = book.selection(0, CLEAR, CLEAR, &vec![(0, v), (2, 1)]);
        book.selection(1, CLEAR, low, &Plain::new())
    };
    book.start_tree(0);
    let (left, right) = (value(&mut book, 3), value(&mut book, 5));
    let inner = book.selection(2, left, right, &Plain::new());
    book.start_tree(1);
    let (left, right) = (value(&mut book, 3), value(&mut book, 5));
    book.start_tree(2);
    let first = book.sum(&[(Sign::Plus, left)], vec![left]);
    let change = [
        (Sign::Plus, first),
        (Sign::Plus, right),
        (Sign::Minus, left),
    ];
    let second = book.sum(&change, vec![right]);
    let group = book.selection(2, first, second, &Plain::new());
    let of = units(&book);
    // Each subtree twice, and the selection twice.
    assert_eq!(of[inner.0].alike, 2 + 2);
    assert_eq!(of[group.0].alike, 2 + 2);
}

/// Of a tree the path counts that has the most products with a bit; trees and groups are summed.
#[test]
fn the_busiest_bit_by_hand() {
    let mut book = NoiseBook::new(SIZE);
    let mut parts = Vec::new();
    for tree in 0..3 {
        book.start_tree(tree);
        let table = vec![(0, 1), (tree + 1, 7)];
        let clear = book.selection(0, CLEAR, CLEAR, &table);
        let left = book.selection(1, clear, CLEAR, &Plain::new());
        let twice = book.selection(1, left, CLEAR, &Plain::new());
        let right = book.selection(2, clear, CLEAR, &Plain::new());
        parts.push(book.selection(3, twice, right, &Plain::new()));
    }
    book.start_tree(3);
    let terms: Vec<(Sign, NoiseId)> = parts.iter().map(|id| (Sign::Plus, *id)).collect();
    let sum = book.sum(&terms, parts);
    let result = book.selection(4, sum, CLEAR, &Plain::new());
    let noise = book.finish(&[result]);
    assert_eq!(noise.units, unit(3 * 3 + 1, 3 * 3 + 1));
    assert_eq!(noise.busiest, unit(3 * 2, 3 * 2));
}

/// Products that slots of a rotation have in common, once for each tree, whichever slots it reads.
#[test]
fn slots_are_counted_by_tree() {
    let mut book = NoiseBook::new(SIZE);
    // Three turns, of which the first is of a clear table.
    book.rotation(&rotation(0, vec![(0, 1), (1, 3)]));
    book.rotation(&rotation(3, vec![(0, 2), (4, 5)]));
    let mut results = Vec::new();
    let reads = [
        (0, 0, 0),
        (0, 0, 8),
        (1, 0, 4),
        (1, 1, 0),
        (2, 0, 1),
        (3, 0, 2),
    ];
    for (tree, rotation, shift) in reads {
        book.start_tree(tree);
        results.push(book.slot(rotation, shift));
    }
    let noise = book.finish(&results);
    // Neither sums nor other pairings of two products and of four readers and one come to the same.
    assert_eq!((noise.slots, noise.most_slots), (2 * 4 + 2, 4));
}

/// Sums and differences of first products with one bit are first products of sums: up to a factor they are told by their tables. Those
/// with several bits are not.
#[test]
fn first_products_are_compared_by_their_tables() {
    let table = || vec![(0, 1), (3, 2)];
    let twice = || vec![(0, 2), (3, 4)];
    let alike = |of: &dyn Fn(&mut NoiseBook) -> (NoiseId, NoiseId)| {
        let mut book = NoiseBook::new(SIZE);
        book.start_tree(0);
        let low = book.selection(0, CLEAR, CLEAR, &table());
        book.selection(7, CLEAR, low, &Plain::new());
        book.start_tree(1);
        let (zero, one) = of(&mut book);
        let result = book.selection(7, zero, one, &Plain::new());
        units(&book)[result.0].alike
    };
    let product =
        |book: &mut NoiseBook, bit: usize, table: &Plain| book.selection(bit, CLEAR, CLEAR, table);
    let sum = |book: &mut NoiseBook, sign: Sign, bits: [usize; 2], tables: [Plain; 2]| {
        let parts: Vec<NoiseId> = bits
            .iter()
            .zip(&tables)
            .map(|(bit, table)| product(book, *bit, table))
            .collect();
        let terms = [(Sign::Plus, parts[0]), (sign, parts[1])];
        book.sum(&terms, parts)
    };
    // `a + a`, `3a − a`, and `2a` alone, are twins of `a`; so is the difference of `3a` and `a`, and `bit ? clear : 2a`.
    let triple = || vec![(0, 3), (3, 6)];
    let of =
        |sign, tables: [Plain; 2]| alike(&|book| (CLEAR, sum(book, sign, [0, 0], tables.clone())));
    assert_eq!(of(Sign::Plus, [table(), table()]), 2);
    assert_eq!(of(Sign::Minus, [triple(), table()]), 2);
    assert_eq!(of(Sign::Plus, [table(), vec![(0, 1)]]), 1);
    assert_eq!(alike(&|book| (CLEAR, product(book, 0, &twice()))), 2);
    assert_eq!(
        alike(&|book| (product(book, 0, &table()), product(book, 0, &triple()))),
        2
    );
    assert_eq!(
        alike(&|book| (product(book, 0, &vec![(0, -2), (3, -4)]), CLEAR)),
        2
    );
    // Of other bits the masks are others.
    assert_eq!(alike(&|book| (CLEAR, product(book, 1, &table()))), 1);
    let of_two_bits = alike(&|book| (CLEAR, sum(book, Sign::Plus, [0, 1], [table(), table()])));
    assert_eq!(of_two_bits, 1);
    let difference = alike(&|book| (product(book, 1, &table()), product(book, 0, &twice())));
    assert_eq!(difference, 1);
}

/// `X^by` takes what falls below 0 to the top, negated, however often it goes round.
#[test]
fn polynomials_are_shifted_by_hand() {
    let plain = vec![(1, 2), (4, -6), (5, 3)];
    for (by, expected) in [
        (0, vec![(1, 2), (4, -6), (5, 3)]),
        (1, vec![(0, 2), (3, -6), (4, 3)]),
        (5, vec![(12, -2), (15, 6), (0, 3)]),
        (16, vec![(1, -2), (4, 6), (5, -3)]),
        (31, vec![(2, 2), (5, -6), (6, 3)]),
        (32, vec![(1, 2), (4, -6), (5, 3)]),
        (37, vec![(12, -2), (15, 6), (0, 3)]),
    ] {
        assert_eq!(shift_plain(&plain, by, 16), expected, "{by}");
    }
}
