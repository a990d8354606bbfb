//! Sums that weigh codes alike, two by two: their rotations are added up before the bits of these codes turn both at once.

use super::{Code, NetworkForm, Sum};

/// Readouts that are added up, and what is turned after that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) members: Vec<Member>,
    /// Terms that all members have, or their negatives in members that are negated.
    pub(crate) shared: Vec<(Code, i64)>,
}

/// One readout of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) readout: usize,
    /// Its sum is taken for its negative, its table from the other end.
    pub(crate) negated: bool,
}

/// Pairs are sought among so many readouts at a time.
const SOUGHT: usize = 512;

/// Two readouts, and what they share.
struct Pair {
    members: [usize; 2],
    negated: bool,
    shared: Vec<(Code, i64)>,
    /// Products that are spared.
    spared: u32,
}

/// Each readout once: those that share most first, in pairs of one layer, as long as any share something.
pub(crate) fn groups(form: &NetworkForm) -> Vec<Group> {
    let indices: Vec<usize> = (0..form.readouts.len()).collect();
    indices
        .chunks(SOUGHT)
        .flat_map(|part| groups_of(form, part))
        .collect()
}

fn groups_of(form: &NetworkForm, readouts: &[usize]) -> Vec<Group> {
    let later = readouts.iter().enumerate();
    let pairs = later.flat_map(|(at, one)| {
        let others = readouts[at + 1..].iter();
        others
            .flat_map(move |other| [false, true].map(|negated| pair(form, [*one, *other], negated)))
    });
    let mut pairs: Vec<Pair> = pairs.flatten().collect();
    pairs.sort_by_key(|pair| core::cmp::Reverse(pair.spared));
    let mut taken = vec![false; form.readouts.len()];
    let mut groups = Vec::new();
    for Pair {
        members: [one, other],
        negated,
        shared,
        ..
    } in pairs
    {
        if taken[one] || taken[other] {
            continue;
        }
        (taken[one], taken[other]) = (true, true);
        let member = |readout, negated| Member { readout, negated };
        groups.push(Group {
            members: vec![member(one, false), member(other, negated)],
            shared,
        });
    }
    let alone = readouts.iter().filter(|readout| !taken[**readout]);
    groups.extend(alone.map(|readout| Group {
        members: vec![Member {
            readout: *readout,
            negated: false,
        }],
        shared: Vec::new(),
    }));
    groups
}

/// What two readouts of a layer share, if anything; each keeps a term of its own, for a rotation has a turn.
fn pair(form: &NetworkForm, [one, other]: [usize; 2], negated: bool) -> Option<Pair> {
    let [a, b] = [one, other].map(|index| &form.readouts[index]);
    if a.place.layer != b.place.layer {
        return None;
    }
    let sign = if negated { -1 } else { 1 };
    let mut of_other = b.sum.terms.iter().peekable();
    let mut shared: Vec<(Code, i64)> = Vec::new();
    // Terms are in the order of their codes.
    for (code, weight) in &a.sum.terms {
        while of_other.next_if(|(other, _)| other < code).is_some() {}
        if of_other.peek() == Some(&&(*code, sign * weight)) {
            shared.push((*code, *weight));
        }
    }
    if shared.len() == a.sum.terms.len().min(b.sum.terms.len()) {
        shared.pop();
    }
    let spared = shared.iter().map(|(code, _)| form.bits(*code)).sum();
    (spared > 0).then_some(Pair {
        members: [one, other],
        negated,
        shared,
        spared,
    })
}

impl Sum {
    /// `span` less it.
    pub(crate) fn negated(&self) -> Self {
        let terms = self.terms.iter().map(|(code, weight)| (*code, -weight));
        Self {
            terms: terms.collect(),
            least: -self.least.saturating_add_unsigned(self.span),
            span: self.span,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branching::form::BranchingForm;
    use crate::network::form::{Place, Readout};

    fn form(sums: &[(usize, &[(usize, i64)])], input_bits: Vec<u32>) -> NetworkForm {
        let readouts = sums.iter().map(|(layer, terms)| {
            let terms: Vec<(Code, i64)> =
                terms.iter().map(|(i, w)| (Code::Input(*i), *w)).collect();
            let end = |sign: i64| {
                let ends = terms.iter().map(|(_, weight)| (sign * weight).max(0));
                ends.sum::<i64>()
            };
            Readout {
                sum: Sum {
                    least: -end(-1),
                    span: (end(1) + end(-1)).unsigned_abs(),
                    terms,
                },
                place: Place {
                    layer: *layer,
                    neuron: 0,
                },
            }
        });
        NetworkForm {
            input_bits: input_bits.clone(),
            hidden: Vec::new(),
            readouts: readouts.collect(),
            outputs: BranchingForm {
                input_bits,
                outputs: 1,
                bias: vec![0],
                trees: Vec::new(),
                tables: Vec::new(),
                joints: Vec::new(),
            },
            groups: Vec::new(),
        }
    }

    #[test]
    fn readouts_that_share_most_are_pairs() {
        // The first shares x0 and x1 with the second, all but a sign of x1 … x3 with the third, which are more bits.
        let form = form(
            &[
                (1, &[(0, 1), (1, 2), (2, -1), (3, 1)]),
                (1, &[(0, 1), (1, 2), (4, 3)]),
                (1, &[(0, 1), (1, -2), (2, 1), (3, -1)]),
                (2, &[(0, 1), (1, 2), (4, 3)]),
                (1, &[(5, 1)]),
            ],
            vec![1, 1, 2, 3, 1, 1],
        );
        let groups = groups(&form);
        let input = |input: usize, weight: i64| (Code::Input(input), weight);
        let member = |readout, negated| Member { readout, negated };
        assert_eq!(
            groups[0],
            Group {
                members: vec![member(0, false), member(2, true)],
                shared: vec![input(1, 2), input(2, -1), input(3, 1)],
            }
        );
        // Readouts of another layer, and such as share nothing, stay alone.
        let alone: Vec<usize> = groups[1..].iter().map(|g| g.members[0].readout).collect();
        assert_eq!(alone, [1, 3, 4]);
        assert!(groups[1..].iter().all(|group| group.members.len() == 1));
    }

    #[test]
    fn each_of_a_pair_keeps_a_term() {
        let form = form(
            &[(1, &[(0, 1), (1, 2)]), (1, &[(0, 1), (1, 2), (2, 1)])],
            vec![1; 3],
        );
        let groups = groups(&form);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].shared, [(Code::Input(0), 1)]);
    }

    #[test]
    fn negatives_run_from_the_other_end() {
        // 2·x − y over bits: −1 to 2; its negative −2 to 1.
        let sum = Sum {
            terms: vec![(Code::Input(0), 2), (Code::Input(1), -1)],
            least: -1,
            span: 3,
        };
        let negated = sum.negated();
        assert_eq!(negated.least, -2);
        assert_eq!(negated.span, 3);
        assert_eq!(negated.negated(), sum);
    }
}
