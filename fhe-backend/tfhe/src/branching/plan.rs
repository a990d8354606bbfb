//! The planner of branching circuits: ring, gadget and radix with the least time a user waits whose noise fits.

use tenebra_circuit::{Options, QueryMode};
use tenebra_client::ValidGlwe;
use tenebra_client::branching::{BranchingLayout, ValidBranching};
use tenebra_client::branching::{MAX_DIGITS, Radix};

use super::cost::{bodies_us, clear_cmux_us, cmux_us, diagram_us, frames_us};
use super::diagram::{Diagram, build};
use super::digits::{DigitForm, cut, value_bits};
use super::form::BranchingForm;
use super::goal::{Found, Goal, response_width, sent_body_bits};
use super::kernel::MAX_MASKS;
use super::packed;
use super::variance::{result_noise, square_noise, switch_noise};
use crate::error::PlanError;
use crate::objective::{Answer, server_cost};

/// Shape of a GGSW and its external product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gadget {
    pub(crate) glwe_dimension: usize,
    pub(crate) polynomial_size: usize,
    pub(crate) base_log: u32,
    pub(crate) level_count: usize,
    /// Levels of the digits of clear values, which have fewer bits; the others are 0.
    pub(crate) clear_levels: usize,
    /// Products are exact, of rows in two limbs; transforms err in others.
    pub(crate) exact: bool,
}

impl Gadget {
    pub(crate) fn of(layout: &ValidBranching) -> Self {
        let plain = layout.layout();
        let clear = plain.plaintext_bits.div_ceil(plain.base_log.max(1));
        Self {
            glwe_dimension: layout.glwe().glwe_dimension(),
            polynomial_size: layout.glwe().polynomial_size(),
            base_log: u32::from(layout.layout().base_log),
            level_count: usize::from(layout.layout().level_count),
            clear_levels: usize::from(clear.min(plain.level_count)),
            exact: false,
        }
    }

    /// Words of a GLWE.
    pub(crate) fn glwe_len(&self) -> usize {
        (self.glwe_dimension + 1) * self.polynomial_size
    }
}

/// A schedule with parameters that keep it exact.
#[derive(Debug)]
pub(crate) struct BranchingPlan {
    pub(crate) layout: ValidBranching,
    pub(crate) p_fail_log2: f64,
    pub(crate) noise_variance: f64,
    pub(crate) digits: DigitForm,
    pub(crate) diagram: Diagram,
}

/// `(k, N)` that are tried. `(6, 256)` would send an eighth less than `(3, 512)`, but takes a tenth more of the server's time and twice
/// of the client's.
const RINGS: [(u8, u16); 12] = [
    (4, 256),
    (5, 256),
    (2, 512),
    (3, 512),
    (4, 512),
    (5, 512),
    (6, 512),
    (2, 1024),
    (3, 1024),
    (4, 1024),
    (1, 2048),
    (2, 2048),
];

/// `(b, ℓ)` that are tried.
const GADGETS: [(u8, u8); 12] = [
    (10, 1),
    (14, 1),
    (17, 1),
    (20, 1),
    (23, 1),
    (25, 1),
    (12, 2),
    (15, 2),
    (17, 2),
    (9, 3),
    (12, 3),
    (8, 5),
];

/// Digits of up to so many bits are tried.
const MAX_RADIX_LOG: u8 = 24;

/// Up to `2^3` parts are tried, of this many trees or more.
const MAX_PARTS_LOG: u8 = 3;
const TREES_OF_PART: usize = 32;

/// The cheapest plan of any of these forms of a circuit that fits `p_fail`, with direct or packed queries, whichever is asked for or
/// answers sooner.
pub(crate) fn plan(
    forms: &[BranchingForm],
    options: &Options,
    goal: Goal,
) -> Result<BranchingPlan, PlanError> {
    let mut best: Option<(f64, BranchingPlan)> = None;
    for form in forms {
        best = cheapest(form, options, goal, best)?;
    }
    let refused = |form: &BranchingForm| infeasible(form, options, goal);
    best.map(|(_, plan)| plan).ok_or_else(|| {
        forms.last().map_or(
            PlanError::Empty {
                inputs: 0,
                outputs: 0,
            },
            refused,
        )
    })
}

/// Diagrams of more products take seconds to build, and minutes to evaluate: the first radix that fits is taken.
const LARGE: usize = 250_000;

/// The cheapest plan of a form, with its cost, unless `best` is cheaper.
fn cheapest(
    form: &BranchingForm,
    options: &Options,
    goal: Goal,
    mut best: Option<(f64, BranchingPlan)>,
) -> Result<Option<(f64, BranchingPlan)>, PlanError> {
    let mut large = false;
    for radix in radices(form) {
        for size in [512u16, 256, 1024, 2048] {
            // Packed queries have one size, direct ones of so many products take one of few.
            if large && matches!(size, 256 | 1024) {
                continue;
            }
            let digits = cut(form, radix);
            if !fits_response(&digits, size) {
                continue;
            }
            if best
                .as_ref()
                .is_some_and(|(least, _)| *least < server_cost(tables_us(&digits, size), options))
            {
                continue;
            }
            let diagram = build(&digits, usize::from(size));
            large = diagram.cmuxes > LARGE;
            if diagram.input_bits == 0 {
                return Err(PlanError::Empty {
                    inputs: 0,
                    outputs: form.outputs,
                });
            }
            let direct = (options.query != QueryMode::Packed)
                .then(|| search_direct(&digits, &diagram, size, goal, options))
                .flatten();
            let packed = (options.query != QueryMode::Direct && size == 2048)
                .then(|| packed::search(&digits, &diagram, goal, options))
                .flatten();
            let cheapest = [direct, packed]
                .into_iter()
                .flatten()
                .min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((cost, (layout, p_fail_log2, noise_variance))) = cheapest
                && best.as_ref().is_none_or(|(least, _)| cost < *least)
            {
                best = Some((
                    cost,
                    BranchingPlan {
                        layout,
                        p_fail_log2,
                        noise_variance,
                        digits,
                        diagram,
                    },
                ));
            }
        }
        if large && best.is_some() {
            break;
        }
    }
    Ok(best)
}

/// Whether one response holds all digit sums, and a client takes as many an output.
fn fits_response(digits: &DigitForm, size: u16) -> bool {
    let mut outputs = digits.outputs.iter();
    digits.coefficients <= usize::from(size) && outputs.all(|output| output.count <= MAX_DIGITS)
}

/// The radices that are tried. Summing parts apart spares as many bits as narrower digits would, so it is for the narrowest. Tables are
/// cheapest with the fewest digits, so the widest come first; where nothing else is summed, of those with as many digits the narrowest
/// does as well as others.
fn radices(form: &BranchingForm) -> Vec<Radix> {
    let widest = value_bits(form).min(MAX_RADIX_LOG);
    let whole = |log| Radix { log, parts_log: 0 };
    let summed = form.trees.len() + form.tables.len();
    if !form.joints.is_empty() {
        let value = value_bits(form);
        let digits = |log: u8| value.div_ceil(log);
        let alone = |log: &u8| *log == 1 || digits(log - 1) > digits(*log);
        let logs = (1..=widest).rev().filter(|log| summed > 0 || alone(log));
        return logs.map(whole).collect();
    }
    let whole = (1..=widest).map(whole);
    let parts = (1..=MAX_PARTS_LOG).filter(|log| summed >= TREES_OF_PART << log);
    whole
        .chain(parts.map(|parts_log| Radix { log: 1, parts_log }))
        .collect()
}

/// Microseconds that selections of joint tables take in any ring of this size, or more: half of them are of clear polynomials.
fn tables_us(digits: &DigitForm, size: u16) -> f64 {
    let fitting = (usize::from(size) / digits.coefficients.max(1))
        .max(1)
        .ilog2();
    let products = digits.joints.iter().map(|joint| {
        let inputs = joint.table.inputs.iter();
        let bits: u32 = inputs.map(|input| digits.input_bits[*input]).sum();
        f64::from(bits.saturating_sub(fitting)).exp2() - 1.0
    });
    let (size, columns) = (f64::from(size), 2.0);
    let two = cmux_us(size, (columns, 1.0), 1, false) + clear_cmux_us(size, columns, 1);
    products.sum::<f64>() / 2.0 * two
}

/// The cheapest direct layout of polynomials of `size` coefficients, with its cost.
fn search_direct(
    digits: &DigitForm,
    diagram: &Diagram,
    size: u16,
    goal: Goal,
    options: &Options,
) -> Option<(f64, Found)> {
    let rings = RINGS.into_iter().filter(|(_, n)| *n == size);
    rings
        .flat_map(|ring| GADGETS.into_iter().map(move |gadget| (ring, gadget)))
        .filter_map(|(ring, gadget)| fit(digits, diagram, ring, gadget, goal))
        .map(|found| (cost(&found.0, diagram, options), found))
        .min_by(|a, b| a.0.total_cmp(&b.0))
}

/// The cheapest plan of any of these forms of a circuit with a given layout, radix and digits, if one fits and its noise reaches `p_fail`.
pub(crate) fn check_any(
    forms: &[BranchingForm],
    layout: ValidBranching,
    radix: Radix,
    same_digits: impl Fn(&BranchingPlan) -> bool,
    p_fail: f64,
) -> Result<BranchingPlan, PlanError> {
    let plans = forms.iter().map(|form| {
        let plan = check(form, layout, radix, p_fail)?;
        let what = "its digits are others";
        if same_digits(&plan) {
            Ok(plan)
        } else {
            Err(PlanError::Layout { what })
        }
    });
    let (plans, refusals): (Vec<_>, Vec<_>) = plans.partition(Result::is_ok);
    let cost = |plan: &BranchingPlan| diagram_us(&plan.layout, &plan.diagram);
    let plans = plans.into_iter().flatten();
    let best = plans.min_by(|a, b| cost(a).total_cmp(&cost(b)));
    let refusal = refusals.into_iter().find_map(Result::err);
    best.ok_or_else(|| {
        refusal.unwrap_or(PlanError::Layout {
            what: "it is of no circuit",
        })
    })
}

/// The plan of a given layout and radix, if it fits the circuit and its noise reaches `p_fail`.
pub(crate) fn check(
    form: &BranchingForm,
    layout: ValidBranching,
    radix: Radix,
    p_fail: f64,
) -> Result<BranchingPlan, PlanError> {
    let mismatch = |what| PlanError::Layout { what };
    if radix.log > MAX_RADIX_LOG || radix.parts_log > MAX_PARTS_LOG {
        return Err(mismatch("its radix is not one"));
    }
    if layout.glwe().glwe_dimension() > MAX_MASKS {
        return Err(mismatch(
            "its ciphertexts have more masks than are computed with",
        ));
    }
    if layout.max_rows() > 1 && packed::exact_switches(layout.glwe()) {
        return Err(mismatch("queries in its ring have one row"));
    }
    let digits = cut(form, radix);
    let plain = layout.layout();
    if digits.coefficients != plain.coefficients as usize {
        return Err(mismatch("numbers of digit sums differ"));
    }
    if u32::from(plain.plaintext_bits) < digits.plaintext_bits {
        return Err(mismatch("the digit sums need more bits"));
    }
    // As in `fit`.
    if plain.plaintext_bits > gadget_bits(plain.base_log, plain.level_count) {
        return Err(mismatch("its gadget has fewer bits than its digit sums"));
    }
    let mut diagram = build(&digits, layout.glwe().polynomial_size());
    if diagram.input_bits != plain.input_bits as usize {
        return Err(mismatch("numbers of input bits differ"));
    }
    let decoded = digits.coefficients * layout.max_rows();
    let noise = |diagram: &Diagram| {
        let noise = result_noise(&layout, &diagram.noise).plus_normal(switch_noise(&layout));
        let p_fail_log2 = noise.p_fail_log2(u32::from(plain.plaintext_bits), decoded);
        (noise, p_fail_log2)
    };
    // Plans of before there were any do without.
    if diagram.has_selections() && noise(&diagram).1 > p_fail {
        diagram = diagram.without_selections();
    }
    let products = result_noise(&layout, &diagram.noise);
    if plain.packing.is_some()
        && packed::hangs_on_the_key(
            square_noise(&layout, &diagram.noise),
            products.variance(),
            p_fail,
        )
    {
        return Err(mismatch("its noise hangs on the key"));
    }
    let (noise, p_fail_log2) = noise(&diagram);
    if p_fail_log2 > p_fail {
        return Err(mismatch("its noise does not reach the failure probability"));
    }
    Ok(BranchingPlan {
        layout,
        p_fail_log2,
        noise_variance: noise.variance(),
        digits,
        diagram,
    })
}

/// The layout with the smallest response that reaches `p_fail`, its probability and its variance.
fn fit(
    digits: &DigitForm,
    diagram: &Diagram,
    (k, n): (u8, u16),
    (base_log, level_count): (u8, u8),
    goal: Goal,
) -> Option<Found> {
    let glwe = ValidGlwe::secure(k, n).ok()?;
    let plaintext_bits = u8::try_from(digits.plaintext_bits).ok()?;
    // Clear values must be multiples of q/B^ℓ, or the products of clear polynomials would be rounded.
    if plaintext_bits > gadget_bits(base_log, level_count) {
        return None;
    }
    let layout = BranchingLayout {
        glwe: glwe.params(),
        base_log,
        level_count,
        body_bits: sent_body_bits(glwe),
        plaintext_bits,
        response_bits: 64,
        input_bits: u32::try_from(diagram.input_bits).ok()?,
        coefficients: u32::try_from(digits.coefficients).ok()?,
        packing: None,
        max_rows: 1,
        packed_bits: 0,
    };
    let layout = layout.validate().ok()?;
    let products = result_noise(&layout, &diagram.noise);
    response_width(&layout, products, digits.coefficients, goal)
}

/// What the digits of a gadget hold.
fn gadget_bits(base_log: u8, level_count: u8) -> u8 {
    base_log.saturating_mul(level_count)
}

fn cost(layout: &ValidBranching, diagram: &Diagram, options: &Options) -> f64 {
    let words = (layout.layout().input_bits as usize
        * layout.ggsw_rows()
        * layout.glwe().dimension()) as f64;
    // Client: masks, transforms of two limbs, noise.
    let answer = Answer {
        bytes: layout.query_len(1) + layout.response_len(1),
        key_bytes: 0,
        client_us: words * 12e-3,
        server_us: evaluate_us(layout, diagram, 1),
    };
    answer.cost(options)
}

/// Predicted server time of a query of so many rows on one core.
pub(crate) fn evaluate_us(layout: &ValidBranching, diagram: &Diagram, rows: usize) -> f64 {
    if layout.layout().packing.is_some() {
        return packed::evaluate_us(layout, diagram, rows);
    }
    let size = layout.glwe().polynomial_size() as f64;
    let columns = (layout.glwe().glwe_dimension() + 1) as f64;
    let bit = bodies_us(size, columns, layout.layout().level_count);
    let bits = f64::from(layout.layout().input_bits) * bit;
    frames_us(layout.query_len(1)) + bits + diagram_us(layout, diagram)
}

/// Says how many bits the narrowest digit sums need and how many fit.
fn infeasible(form: &BranchingForm, options: &Options, goal: Goal) -> PlanError {
    let narrow = radices(form).into_iter().filter(|radix| radix.log == 1);
    let mut fitting = narrow.filter(|radix| fits_response(&cut(form, *radix), 2048));
    let narrowest = fitting.next_back().unwrap_or(Radix {
        log: 1,
        parts_log: 0,
    });
    let digits = cut(form, narrowest);
    if digits.coefficients > 2048 {
        return PlanError::TooManyDigits {
            coefficients: digits.coefficients,
        };
    }
    let diagram = build(&digits, 2048);
    let fits = |bits: &u32| {
        let narrower = DigitForm {
            plaintext_bits: *bits,
            ..cut(form, narrowest)
        };
        let ring = RINGS
            .into_iter()
            .flat_map(|ring| GADGETS.into_iter().map(move |gadget| (ring, gadget)));
        let mut rings = ring.into_iter();
        rings.any(|(ring, gadget)| fit(&narrower, &diagram, ring, gadget, goal).is_some())
    };
    if options.query == QueryMode::Packed && fits(&digits.plaintext_bits) {
        return PlanError::NotPackable {
            input_bits: diagram.input_bits,
        };
    }
    PlanError::OutputTooWide {
        needed_bits: digits.plaintext_bits,
        fitting_bits: (1..digits.plaintext_bits).rev().find(fits).unwrap_or(0),
        p_fail_log2: goal.p_fail_log2,
    }
}

#[cfg(test)]
mod tests;
