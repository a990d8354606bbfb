use alloc::collections::BTreeSet;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::branching::diagram::{DiagramNoise, Plain, Rotation, Sign, Turn};

const BITS: usize = 24;

/// Rotations of three turns, and groups of steps that read any steps before them, some of the last ones most often.
fn diagram(groups: usize, steps: usize, rng: &mut ChaCha20Rng) -> Diagram {
    let mut below = |limit: usize| rng.next_u32() as usize % limit;
    let rotations: Vec<Rotation> = (0..8)
        .map(|_| Rotation {
            table: Plain::new(),
            turns: (0..3)
                .map(|shift| Turn {
                    bit: below(BITS),
                    shift,
                })
                .collect(),
        })
        .collect();
    let mut operand = |step: usize| match below(4) {
        0 => Operand::Plain(Plain::new()),
        1 => Operand::Slot {
            rotation: below(8),
            shift: 0,
            sign: Sign::Plus,
        },
        _ if step == 0 => Operand::Plain(Plain::new()),
        _ => Operand::Step {
            step: step - 1 - below(step.min(6)),
            shift: 0,
        },
    };
    let mut group = || {
        let of_group = (0..steps).map(|step| {
            let (zero, one) = (operand(step), operand(step));
            if step % 5 == 4 {
                return Step::Sum {
                    plain: Plain::new(),
                    terms: vec![(Sign::Plus, zero), (Sign::Minus, one)],
                };
            }
            Step::Cmux {
                bit: step * 7 % BITS,
                zero,
                one,
            }
        });
        Group {
            steps: of_group.collect(),
            selections: 0,
            result: Operand::Step {
                step: steps - 1,
                shift: 0,
            },
        }
    };
    Diagram {
        first_bits: Vec::new(),
        input_bits: BITS,
        rotations,
        groups: (0..groups).map(|_| group()).collect(),
        constant: Plain::new(),
        clear_cmuxes: 0,
        cmuxes: 0,
        clear_values: 0,
        noise: DiagramNoise::default(),
    }
}

/// How often the bit that steps select by changes.
fn visits(diagram: &Diagram, places: &[Place]) -> usize {
    let bits = places.iter().filter_map(|place| place.bit(diagram));
    let mut bits: Vec<usize> = bits.collect();
    bits.dedup();
    bits.len()
}

/// Follows an order: what steps read is there, in the register that it was left in, and every place comes once. Returns the places.
fn follow(diagram: &Diagram, order: &Order, turned: bool) -> Vec<Place> {
    let mut turns = vec![if turned { 3 } else { 0 }; diagram.rotations.len()];
    // Which step's value is in a register.
    let mut registers = vec![None; order.registers];
    for place in &order.places {
        let (group, read): (usize, Vec<&Operand>) = match *place {
            Place::Turn { rotation, turn } => {
                assert_eq!(turns[rotation], turn);
                turns[rotation] += 1;
                continue;
            }
            Place::Step { group, step } => (
                group,
                diagram.groups[group].steps[step].operands().collect(),
            ),
            Place::Result { group } => (group, vec![&diagram.groups[group].result]),
        };
        let of_group = order.registers_of(group);
        for operand in read {
            match operand {
                Operand::Plain(_) => {}
                Operand::Slot { rotation, .. } => assert_eq!(turns[*rotation], 3),
                Operand::Step { step, .. } => {
                    assert_eq!(registers[of_group[*step] as usize], Some((group, *step)));
                }
            }
        }
        if let Place::Step { step, .. } = *place {
            registers[of_group[step] as usize] = Some((group, step));
        }
    }
    order.places.clone()
}

/// The most values that wait for a reader at a time; those that nobody reads stay.
fn most_waiting(diagram: &Diagram, order: &Order) -> usize {
    let reads = |place: &Place| -> BTreeSet<(usize, usize)> {
        let (group, operands): (usize, Vec<&Operand>) = match *place {
            Place::Turn { .. } => return BTreeSet::new(),
            Place::Step { group, step } => (
                group,
                diagram.groups[group].steps[step].operands().collect(),
            ),
            Place::Result { group } => (group, vec![&diagram.groups[group].result]),
        };
        let steps = operands.into_iter().filter_map(|operand| match operand {
            Operand::Step { step, .. } => Some((group, *step)),
            _ => None,
        });
        steps.collect()
    };
    let mut last = BTreeMap::new();
    for (at, place) in order.places.iter().enumerate() {
        last.extend(reads(place).into_iter().map(|value| (value, at)));
    }
    let (mut waiting, mut most) = (BTreeSet::new(), 0);
    for (at, place) in order.places.iter().enumerate() {
        reads(place)
            .iter()
            .filter(|value| last[*value] == at)
            .for_each(|value| assert!(waiting.remove(value)));
        if let Place::Step { group, step } = *place {
            waiting.insert((group, step));
        }
        most = most.max(waiting.len());
    }
    most
}

/// Of diagrams within a window and beyond it.
#[test]
fn steps_come_after_what_they_read_and_bits_are_visited_seldom() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    // As often as before by these factors, rounded down.
    for (groups, steps, seldom) in [(1, 5, 1), (12, 30, 3), (9, 600, 9)] {
        let diagram = diagram(groups, steps, &mut rng);
        let Orders::Alone(order) = Orders::new(&diagram, 1) else {
            panic!("orders of one thread are shared");
        };
        let places = follow(&diagram, &order, false);
        assert_eq!(places.len(), 8 * 3 + groups * (steps + 1));
        let distinct: BTreeSet<String> = places.iter().map(|place| format!("{place:?}")).collect();
        assert_eq!(distinct.len(), places.len());
        let all: Vec<usize> = (0..groups).collect();
        let before = visits(&diagram, &Tasks::new(&diagram, true, &all).places);
        let after = visits(&diagram, &places);
        println!(
            "{groups} groups of {steps}: {before} visits, then {after}; {} registers",
            order.registers
        );
        assert!(seldom * after < before, "{before}, {after}");
        assert_eq!(order.registers, most_waiting(&diagram, &order));
    }
}

#[test]
fn threads_share_all_groups() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let diagram = diagram(7, 20, &mut rng);
    for threads in [2, 3, 7, 50] {
        let Orders::Shared(orders) = Orders::new(&diagram, threads) else {
            panic!("orders of {threads} threads are not shared");
        };
        assert_eq!(orders.len(), threads.min(7));
        let mut results = Vec::new();
        for order in &orders {
            let places = follow(&diagram, order, true).into_iter();
            let of_thread = places.filter_map(|place| match place {
                Place::Result { group } => Some(group),
                _ => None,
            });
            let of_thread: Vec<usize> = of_thread.collect();
            // Groups are as long as each other.
            assert!(of_thread.len() <= 7_usize.div_ceil(threads));
            results.extend(of_thread);
        }
        results.sort_unstable();
        assert_eq!(results, [0, 1, 2, 3, 4, 5, 6]);
    }
}
