//! Evaluation of branching circuits, from the payload of a query to the payload of a response.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use aligned_vec::{AVec, avec};
use tenebra_client::bits::round_high;
use tenebra_client::branching::ValidBranching;
use tenebra_client::random::MaskSeed;

use super::crew::{Crew, Crews, Helpers, lock};
use super::direct::DirectQuery;
use super::kernel::{CpuKernel, Kernel, KeyBits};
use super::memory::Memory;
use super::order::{Order, Orders};
use super::plan::{BranchingPlan, Gadget};
use super::ramp::subtract_half_ramp;
use super::select::{Root, Roots, Splitter, read_packed, select, to_ggsws};
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
    /// Ciphertexts of a packed query, one a pair of slots in the end.
    packed: Vec<KeptGlwe>,
    bits: Vec<K::Ggsw>,
    /// Which masks the bits of a direct query hold.
    masks: Option<MaskSeed>,
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

    /// Evaluates the payload of a query on `threads` threads, of which the caller is one, unless `stop` is set before it is done.
    pub(crate) fn result(
        &self,
        plan: &BranchingPlan,
        key: Option<&UnpackingKey<K>>,
        payload: &[u8],
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Glwe, EvaluateError> {
        let key = match (plan.layout.layout().packing, key) {
            (Some(_), None) => return Err(EvaluateError::NoEvaluationKey),
            (Some(_), Some(key)) => Some(key),
            (None, _) => None,
        };
        let (seed, bodies) = plan
            .layout
            .read_query(payload)
            .ok_or(EvaluateError::Query)?;
        let helpers = self.crews.helpers(threads, || self.worker())?;
        let orders = self.orders(plan, threads);
        let kept = lock(&self.workspaces).pop();
        let mut workspace = kept.unwrap_or_else(|| self.workspace(plan));
        let sum = self.run(
            plan,
            key,
            (seed, bodies),
            &mut workspace,
            (helpers.as_deref(), &orders),
            stop,
        );
        lock(&self.workspaces).push(workspace);
        if stop.load(Ordering::Relaxed) {
            return Err(EvaluateError::Stopped);
        }
        Ok(sum)
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
        let glwes = |count: usize| (0..count).map(|_| self.glwe()).collect();
        let bits = (0..plan.diagram.input_bits).map(|_| K::empty_ggsw(self.gadget));
        Workspace {
            packed: glwes(roots(&plan.layout).map_or(0, |roots| roots.pairs())),
            bits: bits.collect(),
            masks: None,
            slots: glwes(plan.diagram.rotations.len()),
            results: Vec::new(),
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
    ) -> Glwe {
        let kept = lock(&self.callers).pop();
        let mut worker = kept.unwrap_or_else(|| self.worker());
        let mut crew = Crew {
            caller: &mut worker,
            helpers,
            stop,
        };
        let Workspace {
            packed,
            bits,
            masks,
            slots,
            results,
        } = workspace;
        if let Some((key, roots)) = key.zip(roots(&plan.layout)) {
            let kept = u32::from(plan.layout.layout().body_bits);
            read_packed(&roots, (seed, bodies), kept, packed);
            select(&mut crew, key, &roots, packed);
            let levels = self.gadget.level_count;
            to_ggsws(&mut crew, key, (0, levels), &roots, (packed, bits));
        } else {
            let query = DirectQuery {
                layout: &plan.layout,
                gadget: self.gadget,
                seed,
                bodies,
            };
            query.expand(&mut crew, |worker| &mut worker.kernel, masks, bits);
        }
        let steps = Steps::<K> {
            gadget: self.gadget,
            scale: scale(plan),
            bits,
            selections: &self.selections,
            stop,
        };
        let diagram = &plan.diagram;
        match orders {
            Orders::Alone(order) => {
                results.resize_with(1, || self.glwe());
                let (kernel, registers) = crew.caller.with_registers(self.gadget, order);
                let slots = Slots::ToMake(slots);
                let sum = &mut results[0];
                steps.take(kernel, (diagram, order), registers, slots, sum);
            }
            Orders::Shared(orders) => {
                results.resize_with(orders.len(), || self.glwe());
                crew.each(slots, |worker, index, slot| {
                    steps.rotation(&mut worker.kernel, &diagram.rotations[index], slot);
                });
                crew.each(results, |worker, index, sum| {
                    let order = &orders[index];
                    let (kernel, registers) = worker.with_registers(self.gadget, order);
                    let slots = Slots::Made(slots);
                    steps.take(kernel, (diagram, order), registers, slots, sum);
                });
            }
        }
        let mut sum = avec![0; self.gadget.glwe_len()];
        steps.result(&diagram.constant, results, &mut sum);
        if key.is_some() {
            to_key_of_bits(&mut sum);
        }
        lock(&self.callers).push(worker);
        sum
    }
}

/// Clear values are multiples of `2^scale`.
fn scale(plan: &BranchingPlan) -> u32 {
    64 - u32::from(plan.layout.layout().plaintext_bits)
}

/// The ciphertext of a packed query.
fn roots(layout: &ValidBranching) -> Option<Roots> {
    layout.layout().packing.map(|_| Roots {
        of: vec![Root {
            used: layout.slots(),
            log_slots: layout.log_slots(),
        }],
    })
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
    /// The kernel, and as many registers as an order needs, and one more: what a step writes may be what it reads.
    fn with_registers(&mut self, gadget: Gadget, order: &Order) -> (&mut K, &mut [Register<K>]) {
        let count = order.registers + 1;
        if self.registers.len() < count {
            self.registers.resize_with(count, || Register::new(gadget));
        }
        (&mut self.kernel, &mut self.registers)
    }
}

impl<K: Kernel> core::fmt::Debug for BranchingEvaluator<K> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BranchingEvaluator")
            .field("gadget", &self.gadget)
            .finish_non_exhaustive()
    }
}

/// The response to the payload of a query: a GLWE, rounded to its width, of which masks and first coefficients are packed.
pub(crate) fn respond(layout: &ValidBranching, query: &[u8], glwe: &mut [u64]) -> Vec<u8> {
    respond_at(layout, query, 1, glwe)
}

/// The same for coefficients that lie `stride` apart. What rounding leaves out of the masks
/// meets the key; the part that meets its mean ½ is known, and moved to the body.
pub(crate) fn respond_at(
    layout: &ValidBranching,
    query: &[u8],
    stride: usize,
    glwe: &mut [u64],
) -> Vec<u8> {
    let width = u32::from(layout.layout().response_bits);
    let mut response = vec![0; layout.response_len()];
    let mut writer = layout.start_response(query, &mut response);
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
    response
}

#[cfg(test)]
mod tests;
