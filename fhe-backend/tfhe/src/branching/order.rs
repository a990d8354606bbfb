//! In which order an evaluation takes the steps of a diagram, and where it keeps their values.
//!
//! The GGSWs of a query fill more than the caches that are close, values of steps do not. So steps of all trees that select by one bit are
//! taken together, as far as what they read is there: list scheduling (Graham 1966), which visits the bit next of whose steps the largest
//! part can be taken. Bits of forests are then visited two to five times less often than steps select by them. Large tables are the exception:
//! all their first selections could be taken at once, and their values would fill the caches instead.

use alloc::collections::BTreeMap;

use super::diagram::{Diagram, Group, Operand, Step};

/// Steps that are put in order together, as many as a few caches hold values of: of more, the first ones come first.
const WINDOW: usize = 2048;
/// The same for trees of selections between clear polynomials.
const SELECTIONS: usize = 32;

/// Steps of a diagram, and registers for their values.
#[derive(Debug)]
pub(crate) struct Order {
    pub(super) places: Vec<Place>,
    /// Registers of the values of each group's steps.
    registers_of: Vec<Vec<u32>>,
    /// How many there are.
    pub(super) registers: usize,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Turn a rotation by one of its bits.
    Turn { rotation: usize, turn: usize },
    /// A step of a group.
    Step { group: usize, step: usize },
    /// Add the result of a group to the sum.
    Result { group: usize },
}

impl Place {
    /// The bit that it selects by.
    pub(super) fn bit(self, diagram: &Diagram) -> Option<usize> {
        match self {
            Self::Turn { rotation, turn } => Some(diagram.rotations[rotation].turns[turn].bit),
            Self::Step { group, step } => match &diagram.groups[group].steps[step] {
                Step::Cmux { bit, .. } => Some(*bit),
                Step::Sum { .. } => None,
            },
            Self::Result { .. } => None,
        }
    }
}

/// Everything that threads do.
#[derive(Debug)]
pub(crate) enum Orders {
    /// One thread takes all steps.
    Alone(Order),
    /// Each thread takes the steps of some groups, when all rotations are made.
    Shared(Vec<Order>),
}

impl Orders {
    /// For at most so many threads.
    pub(crate) fn new(diagram: &Diagram, threads: usize) -> Self {
        if threads > 1 {
            let shares = shares(diagram, threads);
            let orders = shares.iter().map(|share| Order::new(diagram, false, share));
            Self::Shared(orders.collect())
        } else {
            let all: Vec<usize> = (0..diagram.groups.len()).collect();
            Self::Alone(Order::new(diagram, true, &all))
        }
    }
}

/// Groups for each thread, of about as many steps: the largest first, each to whom has the fewest.
fn shares(diagram: &Diagram, threads: usize) -> Vec<Vec<usize>> {
    let count = threads.min(diagram.groups.len());
    let mut shares = vec![(0, Vec::new()); count];
    let mut groups: Vec<usize> = (0..diagram.groups.len()).collect();
    groups.sort_by_key(|group| core::cmp::Reverse(diagram.groups[*group].steps.len()));
    for group in groups {
        if let Some((steps, share)) = shares.iter_mut().min_by_key(|(steps, _)| *steps) {
            *steps += diagram.groups[group].steps.len();
            share.push(group);
        }
    }
    shares.into_iter().map(|(_, share)| share).collect()
}

impl Order {
    /// Of groups, and of all rotations with `turns`.
    fn new(diagram: &Diagram, turns: bool, groups: &[usize]) -> Self {
        let tasks = Tasks::new(diagram, turns, groups);
        let order = tasks.in_order(diagram.input_bits);
        tasks.with_registers(diagram, &order)
    }

    /// The registers of the values of a group's steps.
    pub(super) fn registers_of(&self, group: usize) -> &[u32] {
        &self.registers_of[group]
    }
}

/// What is to be put in order, in an order in which it could be done.
struct Tasks {
    places: Vec<Place>,
    /// The bit that it selects by.
    bits: Vec<Option<usize>>,
    /// The tasks whose values it reads, each once.
    reads: Vec<Vec<usize>>,
    /// Whether it is a selection in a tree.
    selects: Vec<bool>,
}

impl Tasks {
    fn new(diagram: &Diagram, turns: bool, groups: &[usize]) -> Self {
        let mut tasks = Self {
            places: Vec::new(),
            bits: Vec::new(),
            reads: Vec::new(),
            selects: Vec::new(),
        };
        let rotations = diagram.rotations.iter().enumerate().filter(|_| turns);
        let turned: Vec<usize> = rotations
            .map(|(index, rotation)| {
                tasks.push_turns(index, rotation.turns.iter().map(|turn| turn.bit))
            })
            .collect();
        for group in groups {
            tasks.push_group(*group, &diagram.groups[*group], &turned);
        }
        tasks
    }

    fn push(&mut self, place: Place, bit: Option<usize>, mut reads: Vec<usize>) {
        reads.sort_unstable();
        reads.dedup();
        self.places.push(place);
        self.bits.push(bit);
        self.reads.push(reads);
        self.selects.push(false);
    }

    /// The last turn of a rotation.
    fn push_turns(&mut self, rotation: usize, bits: impl Iterator<Item = usize>) -> usize {
        for (turn, bit) in bits.enumerate() {
            let before = (turn > 0).then(|| self.places.len() - 1);
            let place = Place::Turn { rotation, turn };
            self.push(place, Some(bit), before.into_iter().collect());
        }
        self.places.len() - 1
    }

    /// `turned` are the last turns of the rotations, if they are tasks.
    fn push_group(&mut self, index: usize, group: &Group, turned: &[usize]) {
        let first = self.places.len();
        let task = |operand: &Operand| match operand {
            Operand::Plain(_) => None,
            Operand::Step { step, .. } => Some(first + step),
            Operand::Slot { rotation, .. } => turned.get(*rotation).copied(),
        };
        for (at, step) in group.steps.iter().enumerate() {
            let bit = match step {
                Step::Cmux { bit, .. } => Some(*bit),
                Step::Sum { .. } => None,
            };
            let place = Place::Step {
                group: index,
                step: at,
            };
            self.push(place, bit, step.operands().filter_map(task).collect());
        }
        self.selects[first..][..group.selections].fill(true);
        let result = task(&group.result).into_iter().collect();
        self.push(Place::Result { group: index }, None, result);
    }

    fn in_order(&self, bits: usize) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.places.len());
        let all: Vec<usize> = (0..self.places.len()).collect();
        for alike in all.chunk_by(|one, next| self.selects[*one] == self.selects[*next]) {
            let selects = alike.first().is_some_and(|task| self.selects[*task]);
            for window in alike.chunks(if selects { SELECTIONS } else { WINDOW }) {
                Window::new(self, window, bits).put_in_order(&mut order);
            }
        }
        order
    }

    /// Gives registers out, each free again after its last reader.
    fn with_registers(&self, diagram: &Diagram, order: &[usize]) -> Order {
        let mut readers = vec![0u32; self.places.len()];
        self.reads
            .iter()
            .flatten()
            .for_each(|read| readers[*read] += 1);
        let mut registers_of: Vec<Vec<u32>> = vec![Vec::new(); diagram.groups.len()];
        let mut held = vec![0u32; self.places.len()];
        let (mut free, mut count) = (Vec::new(), 0);
        for task in order {
            for read in &self.reads[*task] {
                readers[*read] -= 1;
                if readers[*read] == 0 && matches!(self.places[*read], Place::Step { .. }) {
                    free.push(held[*read]);
                }
            }
            if let Place::Step { group, step } = self.places[*task] {
                // What is read for the last time may be written: a step writes elsewhere, and the two are swapped.
                let register = free.pop().unwrap_or_else(|| {
                    count += 1;
                    count - 1
                });
                held[*task] = register;
                let of_group = &mut registers_of[group];
                if of_group.is_empty() {
                    of_group.resize(diagram.groups[group].steps.len(), 0);
                }
                of_group[step] = register;
            }
        }
        Order {
            places: order.iter().map(|task| self.places[*task]).collect(),
            registers_of,
            registers: count as usize,
        }
    }
}

/// Tasks that are put in order together; what they read of earlier ones is there.
struct Window<'a> {
    tasks: &'a Tasks,
    first: usize,
    /// For each task, those that read its value.
    readers: Vec<Vec<usize>>,
    /// For each task, values that it still waits for.
    waits: Vec<usize>,
    /// For bits, tasks that select by them and wait for nothing else.
    ready: BTreeMap<usize, Vec<usize>>,
    /// For each bit, how many tasks select by it.
    left: Vec<usize>,
}

impl<'a> Window<'a> {
    /// `window` is a range.
    fn new(tasks: &'a Tasks, window: &[usize], bits: usize) -> Self {
        let first = window.first().copied().unwrap_or(0);
        let mut readers = vec![Vec::new(); window.len()];
        let mut left = vec![0; bits];
        let waits = window.iter().map(|task| {
            if let Some(bit) = tasks.bits[*task] {
                left[bit] += 1;
            }
            let reads = tasks.reads[*task].iter();
            let in_window = reads.filter(|read| **read >= first);
            in_window
                .map(|read| readers[read - first].push(*task))
                .count()
        });
        Self {
            tasks,
            first,
            waits: waits.collect(),
            readers,
            ready: BTreeMap::new(),
            left,
        }
    }

    fn put_in_order(mut self, order: &mut Vec<usize>) {
        let free: Vec<usize> = (0..self.waits.len())
            .filter(|task| self.waits[*task] == 0)
            .map(|task| self.first + task)
            .collect();
        // Those that select by no bit are taken at once, the others wait for their bit.
        let (mut now, waiting): (Vec<usize>, Vec<usize>) = free
            .into_iter()
            .partition(|task| self.tasks.bits[*task].is_none());
        for task in waiting {
            self.wait_for_bit(task);
        }
        loop {
            self.take(None, &mut now, order);
            let Some(bit) = self.next_bit() else { return };
            now = self.ready.remove(&bit).unwrap_or_default();
            now.reverse();
            self.take(Some(bit), &mut now, order);
        }
    }

    fn wait_for_bit(&mut self, task: usize) {
        if let Some(bit) = self.tasks.bits[task] {
            self.ready.entry(bit).or_default().push(task);
        }
    }

    /// Takes tasks, and those that then wait for nothing but `bit`.
    fn take(&mut self, bit: Option<usize>, now: &mut Vec<usize>, order: &mut Vec<usize>) {
        while let Some(task) = now.pop() {
            order.push(task);
            if let Some(bit) = self.tasks.bits[task] {
                self.left[bit] -= 1;
            }
            for at in 0..self.readers[task - self.first].len() {
                let reader = self.readers[task - self.first][at];
                self.waits[reader - self.first] -= 1;
                if self.waits[reader - self.first] > 0 {
                    continue;
                }
                let of_reader = self.tasks.bits[reader];
                if of_reader.is_none() || of_reader == bit {
                    now.push(reader);
                } else {
                    self.wait_for_bit(reader);
                }
            }
        }
    }

    /// The bit of whose tasks the largest part could be taken, and among those of equal parts the one with the most.
    fn next_bit(&mut self) -> Option<usize> {
        let mut best: Option<(usize, usize, usize)> = None;
        let bits: Vec<usize> = self.ready.keys().copied().collect();
        for bit in bits {
            let (count, left) = (self.reach(bit), self.left[bit]);
            let better = best.is_none_or(|(_, of_best, left_of_best)| {
                (count * left_of_best, count) > (of_best * left, of_best)
            });
            if better {
                best = Some((bit, count, left));
            }
        }
        best.map(|(bit, _, _)| bit)
    }

    /// How many tasks that select by `bit` could be taken now, one after the other.
    fn reach(&mut self, bit: usize) -> usize {
        let mut now = self.ready.get(&bit).cloned().unwrap_or_default();
        let mut passed = Vec::new();
        let mut count = 0;
        while let Some(task) = now.pop() {
            count += usize::from(self.tasks.bits[task].is_some());
            for reader in &self.readers[task - self.first] {
                let waits = &mut self.waits[reader - self.first];
                *waits -= 1;
                passed.push(*reader);
                if *waits == 0 && self.tasks.bits[*reader].is_none_or(|of_reader| of_reader == bit)
                {
                    now.push(*reader);
                }
            }
        }
        for reader in passed {
            self.waits[reader - self.first] += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests;
