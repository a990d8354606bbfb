//! Evaluation of networks, from the payload of a query to its result.

use core::iter;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use aligned_vec::{AVec, avec};
use tenebra_client::network::ValidNetwork;
use tenebra_client::random::MaskSeed;

use super::layers::{BLOCK, HiddenRotation, Layer, Readouts};
use super::plan::NetworkPlan;
use super::turns::{Turned, Turner};
use crate::branching::crew::{Crew, Crews, lock};
use crate::branching::direct::DirectQuery;
use crate::branching::evaluate::{Glwe, KeptGlwe, write_row};
use crate::branching::kernel::{CpuKernel, Kernel, KeyBits};
use crate::branching::plan::Gadget;
use crate::branching::select::{Root, Roots, Splitter, divide, read_packed, select, to_ggsws};
use crate::branching::steps::add;
use crate::branching::unpack::{UnpackingKey, scratch_len, to_key_of_signs};
use crate::error::EvaluateError;

/// Evaluates one network. Memory is kept from one evaluation to the next.
pub(crate) struct NetworkEvaluator<K: Kernel = CpuKernel> {
    stages: Vec<Stage>,
    crews: Crews<Worker<K>>,
    /// One for each evaluation that ran at the same time so far.
    callers: Mutex<Vec<Worker<K>>>,
    /// One for each evaluation that ran at the same time so far.
    workspaces: Mutex<Vec<Workspace<K>>>,
}

/// Bits of one gadget, under one key.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    pub(super) gadget: Gadget,
    pub(super) key_bits: KeyBits,
}

/// What a thread works in.
pub(super) struct Worker<K> {
    /// One for each stage.
    pub(super) kernels: Vec<K>,
    accumulators: Vec<KeptGlwe>,
    scratch: AVec<u64>,
}

/// What one evaluation holds.
struct Workspace<K: Kernel> {
    /// Ciphertexts with a pair of slots each, of the query or of a layer.
    pairs: Vec<KeptGlwe>,
    bits: Vec<K::Ggsw>,
    /// Which masks the bits of a direct query hold.
    masks: Option<MaskSeed>,
    results: Vec<KeptGlwe>,
}

fn stages(plan: &NetworkPlan) -> Vec<Stage> {
    let of_query = Gadget::of(plan.layout.branching());
    let query = Stage {
        gadget: Gadget {
            // Tables of hidden layers hold rows of the next gadget.
            clear_levels: of_query.level_count,
            exact: plan.exact,
            ..of_query
        },
        key_bits: match plan.layout.layout().packed_bits {
            0 => KeyBits::Binary,
            _ => KeyBits::Signs,
        },
    };
    let hidden = plan.gadgets.iter().map(|(base_log, level_count)| Stage {
        gadget: Gadget {
            base_log: u32::from(*base_log),
            level_count: usize::from(*level_count),
            clear_levels: usize::from(*level_count),
            ..query.gadget
        },
        key_bits: KeyBits::Signs,
    });
    core::iter::once(query).chain(hidden).collect()
}

impl<K: Kernel> Worker<K> {
    pub(super) fn new(stages: &[Stage]) -> Self {
        let kernels = stages
            .iter()
            .map(|stage| K::new(stage.gadget, stage.key_bits));
        Self {
            kernels: kernels.collect(),
            accumulators: Vec::new(),
            scratch: avec![0; scratch_len(stages[0].gadget.polynomial_size)],
        }
    }
}

impl<K: Kernel> Splitter<K> for Worker<K> {
    fn splitter(&mut self, stage: usize) -> (&mut K, &mut [u64]) {
        (&mut self.kernels[stage], &mut self.scratch)
    }
}

impl<K: Kernel> NetworkEvaluator<K> {
    pub(crate) fn new(plan: &NetworkPlan) -> Self {
        let stages = stages(plan);
        Self {
            crews: Crews::new(),
            callers: Mutex::new(vec![Worker::new(&stages)]),
            workspaces: Mutex::new(Vec::new()),
            stages,
        }
    }

    /// Evaluates the payload of a query on `threads` threads, of which the caller is one, unless `stop` is set before it is done.
    pub(crate) fn result(
        &self,
        plan: &NetworkPlan,
        key: Option<&UnpackingKey<K>>,
        payload: &[u8],
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Glwe, EvaluateError> {
        if plan.layout.layout().keys.is_some() && key.is_none() {
            return Err(EvaluateError::NoEvaluationKey);
        }
        let query = plan
            .layout
            .read_query(payload)
            .ok_or(EvaluateError::Query)?;
        let helpers = self.crews.helpers(threads, || Worker::new(&self.stages))?;
        let kept = lock(&self.workspaces).pop();
        let mut workspace = kept.unwrap_or_else(|| self.workspace(plan));
        let kept = lock(&self.callers).pop();
        let mut worker = kept.unwrap_or_else(|| Worker::new(&self.stages));
        let mut crew = Crew {
            caller: &mut worker,
            helpers: helpers.as_deref(),
            stop,
        };
        let sum = self.run(plan, key, query, &mut workspace, &mut crew);
        lock(&self.callers).push(worker);
        lock(&self.workspaces).push(workspace);
        if stop.load(Ordering::Relaxed) {
            return Err(EvaluateError::Stopped);
        }
        Ok(sum)
    }

    fn workspace(&self, plan: &NetworkPlan) -> Workspace<K> {
        let bits = plan.bits.stages.windows(2).zip(&self.stages);
        let bits =
            bits.flat_map(|(ends, stage)| (ends[0]..ends[1]).map(|_| K::empty_ggsw(stage.gadget)));
        Workspace {
            pairs: Vec::new(),
            masks: None,
            bits: bits.collect(),
            results: Vec::new(),
        }
    }

    /// What it returns if the crew is told to stop means nothing.
    fn run(
        &self,
        plan: &NetworkPlan,
        key: Option<&UnpackingKey<K>>,
        (seed, bodies): (MaskSeed, &[u8]),
        workspace: &mut Workspace<K>,
        crew: &mut Crew<'_, Worker<K>>,
    ) -> Glwe {
        let Workspace {
            pairs,
            masks,
            bits,
            results,
        } = workspace;
        let glwe_len = self.stages[0].gadget.glwe_len();
        let of_query = plan.bits.of_query();
        self.query(
            crew,
            plan,
            key,
            (seed, bodies),
            (pairs, masks, &mut bits[..of_query]),
        );
        let mut sum = avec![0; glwe_len];
        for (stage, layer) in (1..).zip(&plan.layers) {
            let (known, others) = bits.split_at_mut(plan.bits.stages[stage]);
            self.add_readouts(crew, plan, layer, (known, results), &mut sum);
            if let Some(key) = key.filter(|_| !layer.hidden.is_empty()) {
                let made = plan.bits.stages[stage + 1] - known.len();
                let made = &mut others[..made];
                self.hidden(crew, plan, (stage, layer), key, (known, made, pairs));
            }
        }
        sum
    }

    /// The bits of a query.
    fn query(
        &self,
        crew: &mut Crew<'_, Worker<K>>,
        plan: &NetworkPlan,
        key: Option<&UnpackingKey<K>>,
        (seed, bodies): (MaskSeed, &[u8]),
        (pairs, masks, bits): (&mut Vec<KeptGlwe>, &mut Option<MaskSeed>, &mut [K::Ggsw]),
    ) {
        let gadget = self.stages[0].gadget;
        let layout = &plan.layout;
        if let Some(key) = key.filter(|_| layout.layout().packed_bits > 0) {
            let roots = of_query(layout);
            let pairs = room(pairs, &roots, gadget);
            let kept = u32::from(layout.layout().branching.body_bits);
            read_packed(&roots, (seed, iter::once(bodies)), kept, pairs);
            select(crew, key, &roots, pairs);
            to_ggsws(
                crew,
                key,
                (0, gadget.level_count),
                (0, &mut []),
                &roots,
                (pairs, bits),
            );
        } else {
            let query = DirectQuery {
                layout: plan.layout.branching(),
                gadget,
                seed,
                bodies,
            };
            query.expand(crew, |worker| &mut worker.kernels[0], masks, bits);
        }
    }

    /// What rotations of a plan read.
    fn turner<'a>(
        &'a self,
        plan: &'a NetworkPlan,
        ggsws: &'a [K::Ggsw],
        stop: &'a AtomicBool,
    ) -> Turner<'a, K> {
        Turner {
            stages: &self.stages,
            bits: &plan.bits,
            ggsws,
            stop,
        }
    }

    /// Adds the rotations that enter the outputs to the sum.
    fn add_readouts(
        &self,
        crew: &mut Crew<'_, Worker<K>>,
        plan: &NetworkPlan,
        layer: &Layer,
        (bits, results): (&[K::Ggsw], &mut Vec<KeptGlwe>),
        sum: &mut [u64],
    ) {
        let scale = 64 - u32::from(plan.layout.layout().branching.plaintext_bits);
        let of_block = block(crew, layer.readouts.len());
        let mut blocks: Vec<&[Readouts]> = layer.readouts.chunks(of_block).collect();
        results.resize_with(blocks.len().max(results.len()), || {
            KeptGlwe::zeros(sum.len())
        });
        let turner = self.turner(plan, bits, crew.stop);
        let mut pairs: Vec<_> = blocks.iter_mut().zip(results.iter_mut()).collect();
        crew.each(&mut pairs, |worker, _, (block, result)| {
            self.add_block(worker, &turner, block, scale, result);
        });
        results[..blocks.len()]
            .iter()
            .for_each(|result| add(sum, result));
    }

    /// The sum of the rotations of a block.
    fn add_block(
        &self,
        worker: &mut Worker<K>,
        turner: &Turner<'_, K>,
        block: &[Readouts],
        scale: u32,
        result: &mut [u64],
    ) {
        let size = self.stages[0].gadget.polynomial_size;
        let Worker {
            kernels,
            accumulators,
            ..
        } = worker;
        let rotations = block.iter().flat_map(|group| &group.rotations);
        let count = rotations.clone().count();
        accumulators.resize_with(count.max(accumulators.len()), || {
            KeptGlwe::zeros(result.len())
        });
        let turned = rotations.zip(&mut *accumulators);
        let turned = turned.map(|(of, accumulator)| Turned::table(of, accumulator, size, scale));
        turner.turn_all(kernels, &mut turned.collect::<Vec<_>>());
        let mut rest = accumulators.as_mut_slice();
        let mut turned: Vec<Turned<'_>> = Vec::new();
        for group in block {
            let (of_group, others) = rest.split_at_mut(group.rotations.len());
            rest = others;
            let Some((accumulator, parts)) = of_group.split_first_mut() else {
                continue;
            };
            parts.iter().for_each(|part| add(accumulator, part));
            turned.push(Turned {
                turns: &group.shared,
                accumulator,
                clear: false,
            });
        }
        turner.turn_all(kernels, &mut turned);
        result.fill(0);
        turned.iter().for_each(|of| add(result, of.accumulator));
    }

    /// The bits of a layer's codes, `made`, from those that are known.
    fn hidden(
        &self,
        crew: &mut Crew<'_, Worker<K>>,
        plan: &NetworkPlan,
        (stage, layer): (usize, &Layer),
        key: &UnpackingKey<K>,
        (bits, made, pairs): (&[K::Ggsw], &mut [K::Ggsw], &mut Vec<KeptGlwe>),
    ) {
        let gadget = self.stages[stage].gadget;
        let levels = gadget.level_count;
        let roots = of_layer(&layer.hidden, levels, gadget.polynomial_size);
        let pairs = room(pairs, &roots, gadget);
        // What enters a table is a multiple of the last digit of the bits that are made.
        let scale = 64 - gadget.base_log * u32::try_from(levels).unwrap_or(0);
        let of_roots = roots.first(pairs).map(|(_, glwe)| glwe);
        let mut turned: Vec<(&HiddenRotation, &mut [u64])> =
            layer.hidden.iter().zip(of_roots).collect();
        let size = block(crew, turned.len());
        let mut blocks: Vec<_> = turned.chunks_mut(size).collect();
        let turner = self.turner(plan, bits, crew.stop);
        crew.each(&mut blocks, |worker, _, block| {
            let turned = block.iter_mut().map(|(hidden, accumulator)| {
                Turned::table(&hidden.rotation, accumulator, gadget.polynomial_size, scale)
            });
            turner.turn_all(&mut worker.kernels, &mut turned.collect::<Vec<_>>());
            for (hidden, accumulator) in block.iter_mut() {
                divide(accumulator, hidden.log_slots);
                to_key_of_signs(accumulator);
            }
        });
        select(crew, key, &roots, pairs);
        to_ggsws(
            crew,
            key,
            (stage, levels),
            (0, &mut []),
            &roots,
            (pairs, made),
        );
    }
}

/// Rotations of a block: as many as a thread turns together, and some for every thread.
fn block<W: Send>(crew: &Crew<'_, W>, rotations: usize) -> usize {
    rotations.div_ceil(crew.size()).clamp(1, BLOCK)
}

/// The ciphertexts of a packed query.
fn of_query(layout: &ValidNetwork) -> Roots {
    let levels = usize::from(layout.layout().branching.level_count);
    let of = layout.packed_bits().map(|bits| Root {
        used: bits * levels,
        log_slots: layout.log_slots(),
    });
    Roots {
        of: of.collect(),
        lanes: 1,
        polynomial_size: layout.glwe().polynomial_size(),
    }
}

/// Those of a layer, a bit of whose codes takes `levels` slots.
fn of_layer(rotations: &[HiddenRotation], levels: usize, polynomial_size: usize) -> Roots {
    let of = rotations.iter().map(|hidden| Root {
        used: hidden.bits * levels,
        log_slots: hidden.log_slots,
    });
    Roots {
        of: of.collect(),
        lanes: 1,
        polynomial_size,
    }
}

/// Ciphertexts for the pairs of slots.
fn room<'a>(pairs: &'a mut Vec<KeptGlwe>, roots: &Roots, gadget: Gadget) -> &'a mut [KeptGlwe] {
    let count = roots.pairs();
    pairs.resize_with(count.max(pairs.len()), || {
        KeptGlwe::zeros(gadget.glwe_len())
    });
    &mut pairs[..count]
}

/// The response to the payload of a query: a result, rounded to its width, of which mask and digit sums are packed.
pub(crate) fn respond(layout: &ValidNetwork, query: &[u8], glwe: &mut [u64]) -> Vec<u8> {
    let stride = usize::from(layout.layout().stride);
    let mut response = vec![0; layout.response_len()];
    for writer in layout.branching().start_response(query, &mut response) {
        write_row(layout.branching(), (&mut *glwe, stride), writer);
    }
    response
}

#[cfg(test)]
pub(crate) mod tests;
