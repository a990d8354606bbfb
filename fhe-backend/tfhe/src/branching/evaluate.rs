//! Evaluation of branching circuits, from the payload of a query to the payload of a response.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use aligned_vec::{AVec, avec};
use tenebra_client::bits::{BitWriter, round_high};
use tenebra_client::branching::ValidBranching;
use tenebra_client::random::MaskSeed;

use super::bits::{Bits, Made, ToMake};
use super::crew::{Crew, Crews, Helpers, lock};
use super::direct::DirectQuery;
use super::kernel::{CpuKernel, Kernel, KeyBits};
use super::memory::Memory;
use super::order::{Order, Orders};
use super::plan::{BranchingPlan, Gadget};
use super::ramp::subtract_half_ramp;
use super::select::{Part, Root, Roots, Splitter, read_packed, select, some_to_ggsws, to_ggsws};
use super::selections::Selections;
use super::steps::{Register, Slots, Steps};
use super::unpack::{UnpackingKey, scratch_len, to_key_of_bits};
use crate::error::EvaluateError;
use crate::modulus::switched_rest;

/// A GLWE: `k` masks, then the body, `N` words each. It begins at a cache line, for vectors that do not would cross one each.
pub(crate) type Glwe = AVec<u64>;
/// One of many that are kept from one evaluation to the next.
pub(crate) type KeptGlwe = Memory<u64>;

/// Evaluates one branching circuit. Memory is kept from one evaluation to the next: fresh pages cost more than the
/// arithmetic on them.
pub(crate) struct BranchingEvaluator<K: Kernel = CpuKernel> {
    gadget: Gadget,
    key_bits: KeyBits,
    selections: Selections,
    crews: Crews<Worker<K>>,
    /// By the number of threads that was asked for.
    orders: Mutex<Vec<(usize, Arc<Orders>)>>,
    /// One for each evaluation that ran at the same time so far.
    callers: Mutex<Vec<Worker<K>>>,
    /// One for each evaluation that ran at the same time so far.
    workspaces: Mutex<Vec<Workspace<K>>>,
}

/// What a thread works in.
struct Worker<K: Kernel> {
    kernel: K,
    registers: Vec<Register<K>>,
    scratch: AVec<u64>,
}

/// What one evaluation holds.
struct Workspace<K: Kernel> {
    /// Ciphertexts of a packed query, one a pair of slots in the end, with room for all rows.
    packed: Vec<KeptGlwe>,
    /// What the rows of a packed query have in common.
    of_masks: Vec<K::OfMask>,
    bits: Vec<K::Ggsw>,
    /// Which masks the bits of a direct query hold.
    masks: Option<MaskSeed>,
    values: Values,
}

/// Values of rotations, and what each thread adds to the result.
struct Values {
    slots: Vec<KeptGlwe>,
    results: Vec<KeptGlwe>,
}

impl<K: Kernel> BranchingEvaluator<K> {
    /// Bytes of memory of clear polynomials that are ready to be multiplied.
    pub(crate) fn clear_bytes(&self) -> usize {
        self.selections.bytes()
    }

    pub(crate) fn new(plan: &BranchingPlan) -> Self {
        let gadget = Gadget::of(&plan.layout);
        let key_bits = match plan.layout.layout().packing {
            Some(_) => KeyBits::Signs,
            None => KeyBits::Binary,
        };
        Self {
            gadget,
            key_bits,
            selections: Selections::new(&plan.diagram, gadget.polynomial_size, scale(plan)),
            crews: Crews::new(),
            orders: Mutex::new(vec![(1, Arc::new(Orders::new(&plan.diagram, 1)))]),
            callers: Mutex::new(vec![Worker::new(gadget, key_bits)]),
            workspaces: Mutex::new(Vec::new()),
        }
    }

    /// Evaluates the payload of a query on `threads` threads, of which the caller is one, unless `stop` is set before it is done: a result for
    /// each of its rows.
    pub(crate) fn results(
        &self,
        plan: &BranchingPlan,
        key: Option<&UnpackingKey<K>>,
        payload: &[u8],
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Vec<Glwe>, EvaluateError> {
        let key = match (plan.layout.layout().packing, key) {
            (Some(_), None) => return Err(EvaluateError::NoEvaluationKey),
            (Some(_), Some(key)) => Some(key),
            (None, _) => None,
        };
        let query = plan
            .layout
            .read_query(payload)
            .ok_or(EvaluateError::Query)?;
        let helpers = self.crews.helpers(threads, || self.worker())?;
        let orders = self.orders(plan, threads);
        let kept = lock(&self.workspaces).pop();
        let mut workspace = kept.unwrap_or_else(|| self.workspace(plan));
        let sums = self.run(
            plan,
            key,
            query,
            &mut workspace,
            (helpers.as_deref(), &orders),
            stop,
        );
        lock(&self.workspaces).push(workspace);
        if stop.load(Ordering::Relaxed) {
            return Err(EvaluateError::Stopped);
        }
        Ok(sums)
    }

    /// The orders for so many threads.
    fn orders(&self, plan: &BranchingPlan, threads: usize) -> Arc<Orders> {
        let mut orders = lock(&self.orders);
        if let Some((_, known)) = orders.iter().find(|(of, _)| *of == threads) {
            return Arc::clone(known);
        }
        let new = Arc::new(Orders::new(&plan.diagram, threads));
        orders.push((threads, Arc::clone(&new)));
        new
    }

    fn glwe(&self) -> KeptGlwe {
        KeptGlwe::zeros(self.gadget.glwe_len())
    }

    fn worker(&self) -> Worker<K> {
        Worker::new(self.gadget, self.key_bits)
    }

    fn workspace(&self, plan: &BranchingPlan) -> Workspace<K> {
        let slots = plan.diagram.rotations.iter().map(|_| self.glwe());
        let bits = (0..plan.diagram.input_bits).map(|_| K::empty_ggsw(self.gadget));
        Workspace {
            packed: Vec::new(),
            of_masks: Vec::new(),
            bits: bits.collect(),
            masks: None,
            values: Values {
                slots: slots.collect(),
                results: Vec::new(),
            },
        }
    }

    /// What it returns if `stop` is set means nothing.
    fn run(
        &self,
        plan: &BranchingPlan,
        key: Option<&UnpackingKey<K>>,
        (seed, bodies): (MaskSeed, &[u8]),
        workspace: &mut Workspace<K>,
        (helpers, orders): (Option<&Helpers<Worker<K>>>, &Orders),
        stop: &AtomicBool,
    ) -> Vec<Glwe> {
        let kept = lock(&self.callers).pop();
        let mut worker = kept.unwrap_or_else(|| self.worker());
        let mut crew = Crew {
            caller: &mut worker,
            helpers,
            stop,
        };
        let mut sums = Vec::new();
        if let Some(key) = key {
            let rows = plan.layout.bodies_of_rows(bodies);
            let count = rows.len();
            let roots = workspace.make_room(plan, key, count);
            let packed = &mut workspace.packed;
            let kept = u32::from(plan.layout.layout().body_bits);
            read_packed(&roots, (seed, rows), kept, packed);
            select(&mut crew, key, &roots, packed);
            for row in 0..count {
                let mut sum =
                    self.packed_row(plan, (key, &roots, row), workspace, &mut crew, orders);
                to_key_of_bits(&mut sum);
                sums.push(sum);
            }
        } else {
            let query = DirectQuery {
                layout: &plan.layout,
                gadget: self.gadget,
                seed,
                bodies,
            };
            sums.push(self.direct(plan, query, workspace, &mut crew, orders));
        }
        lock(&self.callers).push(worker);
        sums
    }

    /// A row of a packed query whose slots were selected.
    fn packed_row(
        &self,
        plan: &BranchingPlan,
        (key, roots, row): (&UnpackingKey<K>, &Roots, usize),
        workspace: &mut Workspace<K>,
        crew: &mut Crew<'_, Worker<K>>,
        orders: &Orders,
    ) -> Glwe {
        let Workspace {
            packed: pairs,
            of_masks,
            bits,
            values,
            ..
        } = workspace;
        let levels = self.gadget.level_count;
        match orders {
            Orders::Alone(order) => {
                let (kernel, registers, scratch) = crew.caller.all(self.gadget, order);
                let parts = roots.parts(levels);
                let of_bits = parts.iter().map(|part| part.bits.clone()).collect();
                let make = |kernel: &mut K, which: usize, ggsws: &mut [K::Ggsw]| {
                    let Part {
                        log_slots,
                        pairs: range,
                        ..
                    } = &parts[which];
                    let of_masks = of_masks.get_mut(range.clone()).unwrap_or_default();
                    let slots = (levels, *log_slots);
                    let worker = (kernel, &mut *scratch);
                    let made = (&pairs[range.clone()], ggsws);
                    some_to_ggsws(worker, key, slots, (row, of_masks), made);
                };
                let mut bits = ToMake::new(bits, of_bits, make);
                self.alone(
                    plan,
                    (kernel, registers),
                    &mut bits,
                    (order, values),
                    crew.stop,
                )
            }
            Orders::Shared(orders) => {
                let of_row = (row, &mut **of_masks);
                to_ggsws(crew, key, (0, levels), of_row, roots, (pairs, bits));
                self.shared(plan, crew, bits, (orders, values))
            }
        }
    }

    /// A direct query.
    fn direct(
        &self,
        plan: &BranchingPlan,
        query: DirectQuery<'_>,
        workspace: &mut Workspace<K>,
        crew: &mut Crew<'_, Worker<K>>,
        orders: &Orders,
    ) -> Glwe {
        let Workspace {
            masks,
            bits,
            values,
            ..
        } = workspace;
        match orders {
            Orders::Alone(order) => {
                let known = query.holds(masks);
                let (kernel, registers, _) = crew.caller.all(self.gadget, order);
                let make = |kernel: &mut K, bit: usize, ggsws: &mut [K::Ggsw]| {
                    query.expand_bit(kernel, bit, known, &mut ggsws[0]);
                };
                let each = (0..bits.len()).map(|bit| bit..bit + 1).collect();
                let mut bits = ToMake::new(bits, each, make);
                let sum = self.alone(
                    plan,
                    (kernel, registers),
                    &mut bits,
                    (order, values),
                    crew.stop,
                );
                query.hold(masks, crew.stop);
                sum
            }
            Orders::Shared(orders) => {
                query.expand(crew, |worker| &mut worker.kernel, masks, bits);
                self.shared(plan, crew, bits, (orders, values))
            }
        }
    }

    /// What one thread makes of the bits of a row, under the key that they are under.
    fn alone(
        &self,
        plan: &BranchingPlan,
        (kernel, registers): (&mut K, &mut [Register<K>]),
        bits: &mut dyn Bits<K>,
        (order, values): (&Order, &mut Values),
        stop: &AtomicBool,
    ) -> Glwe {
        let mut steps = self.steps(plan, bits, stop);
        values.results.resize_with(1, || self.glwe());
        let slots = Slots::ToMake(&mut values.slots);
        let sum = &mut values.results[0];
        steps.take(kernel, (&plan.diagram, order), registers, slots, sum);
        self.sum(plan, &steps, values)
    }

    /// The same by several threads, of bits that were made.
    fn shared(
        &self,
        plan: &BranchingPlan,
        crew: &mut Crew<'_, Worker<K>>,
        bits: &[K::Ggsw],
        (orders, values): (&[Order], &mut Values),
    ) -> Glwe {
        let (diagram, stop) = (&plan.diagram, crew.stop);
        let Values { slots, results } = values;
        results.resize_with(orders.len(), || self.glwe());
        crew.each(slots, |worker, index, slot| {
            let mut bits = Made(bits);
            let steps = self.steps(plan, &mut bits, stop);
            steps.rotation(&mut worker.kernel, &diagram.rotations[index], slot);
        });
        crew.each(results, |worker, index, sum| {
            let order = &orders[index];
            let (kernel, registers, _) = worker.all(self.gadget, order);
            let mut bits = Made(bits);
            let mut steps = self.steps(plan, &mut bits, stop);
            let slots = Slots::Made(slots);
            steps.take(kernel, (diagram, order), registers, slots, sum);
        });
        let mut bits = Made(bits);
        self.sum(plan, &self.steps(plan, &mut bits, stop), values)
    }

    fn steps<'a>(
        &'a self,
        plan: &BranchingPlan,
        bits: &'a mut dyn Bits<K>,
        stop: &'a AtomicBool,
    ) -> Steps<'a, K> {
        Steps {
            gadget: self.gadget,
            scale: scale(plan),
            bits,
            selections: &self.selections,
            stop,
        }
    }

    fn sum(&self, plan: &BranchingPlan, steps: &Steps<'_, K>, values: &Values) -> Glwe {
        let mut sum = avec![0; self.gadget.glwe_len()];
        steps.result(&plan.diagram.constant, &values.results, &mut sum);
        sum
    }
}

impl<K: Kernel> Workspace<K> {
    /// For the ciphertexts of a packed query of so many rows.
    fn make_room(&mut self, plan: &BranchingPlan, key: &UnpackingKey<K>, rows: usize) -> Roots {
        let roots = roots(&plan.layout, rows);
        if self.packed.is_empty() {
            let words = (1 + plan.layout.max_rows()) * roots.polynomial_size;
            let pairs = 0..roots.pairs();
            self.packed = pairs.map(|_| KeptGlwe::zeros(words)).collect();
            self.of_masks = (0..roots.pairs()).map_while(|_| key.of_mask()).collect();
        }
        roots
    }
}

/// Clear values are multiples of `2^scale`.
fn scale(plan: &BranchingPlan) -> u32 {
    64 - u32::from(plan.layout.layout().plaintext_bits)
}

/// The ciphertexts of a packed query of so many rows.
fn roots(layout: &ValidBranching, rows: usize) -> Roots {
    let levels = usize::from(layout.layout().level_count);
    let of = layout.packed_bits().map(|bits| Root {
        used: bits * levels,
        log_slots: layout.log_slots(),
    });
    Roots {
        of: of.collect(),
        lanes: rows,
        polynomial_size: layout.glwe().polynomial_size(),
    }
}

impl<K: Kernel> Splitter<K> for Worker<K> {
    fn splitter(&mut self, _: usize) -> (&mut K, &mut [u64]) {
        (&mut self.kernel, &mut self.scratch)
    }
}

impl<K: Kernel> Worker<K> {
    fn new(gadget: Gadget, key_bits: KeyBits) -> Self {
        Self {
            kernel: K::new(gadget, key_bits),
            registers: Vec::new(),
            scratch: avec![0; scratch_len(gadget.polynomial_size)],
        }
    }
}

impl<K: Kernel> Worker<K> {
    /// The kernel, as many registers as an order needs, and one more, for what a step writes may be what it reads, and scratch.
    fn all(&mut self, gadget: Gadget, order: &Order) -> (&mut K, &mut [Register<K>], &mut [u64]) {
        let count = order.registers + 1;
        if self.registers.len() < count {
            self.registers.resize_with(count, || Register::new(gadget));
        }
        (&mut self.kernel, &mut self.registers, &mut self.scratch)
    }
}

impl<K: Kernel> core::fmt::Debug for BranchingEvaluator<K> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BranchingEvaluator")
            .field("gadget", &self.gadget)
            .finish_non_exhaustive()
    }
}

/// The response to the payload of a query: a GLWE for each of its rows, rounded to its width, of which masks and first coefficients are packed.
pub(crate) fn respond(layout: &ValidBranching, query: &[u8], glwes: &mut [Glwe]) -> Vec<u8> {
    let mut response = vec![0; layout.response_len(glwes.len())];
    let rows = layout.start_response(query, &mut response);
    for (glwe, writer) in glwes.iter_mut().zip(rows) {
        write_row(layout, (glwe, 1), writer);
    }
    response
}

/// Writes a row of a response of coefficients that lie `stride` apart. What rounding leaves out of the masks
/// meets the key; the part that meets its mean ½ is known, and moved to the body.
pub(crate) fn write_row(
    layout: &ValidBranching,
    (glwe, stride): (&mut [u64], usize),
    mut writer: BitWriter<'_>,
) {
    let width = u32::from(layout.layout().response_bits);
    let size = layout.glwe().polynomial_size();
    let (masks, body) = glwe.split_at_mut(layout.glwe().dimension());
    let mut rest = vec![0u64; size];
    for mask in masks.chunks_exact(size) {
        for (rest, word) in rest.iter_mut().zip(mask) {
            *rest = rest.wrapping_add(switched_rest(*word, width));
            writer.write(round_high(*word, width), width);
        }
    }
    subtract_half_ramp(body, &rest);
    let kept = body.iter().step_by(stride);
    kept.take(layout.layout().coefficients as usize)
        .for_each(|word| writer.write(round_high(*word, width), width));
    writer.finish();
}

#[cfg(test)]
mod tests;
