//! What a spec says of the scheme: layouts, and how digits make up outputs.

use super::{MAX_PLANS, Section, SpecError, codec, read_section};
use crate::branching::{BranchingLayout, ValidBranching};
use crate::cursor::Cursor;
use crate::hiding::{self, Hiding};
use crate::linear::{LinearLayout, ValidLinear};
use crate::packing::{MAX_SPLITS, Packing, SwitchGadget};
use crate::params::GlweParams;

/// Number of the linear scheme on the wire.
pub(super) const LINEAR: u8 = 1;
/// Number of the branching scheme with direct queries.
pub(super) const DIRECT: u8 = 2;
/// Number of the branching scheme with packed queries.
pub(super) const PACKED: u8 = 3;
/// Number of the linear scheme with hidden models on the wire.
pub(super) const HIDDEN: u8 = 4;

/// Most digit sums of one output.
pub const MAX_DIGITS: usize = 62;

#[derive(Clone, Debug)]
pub(super) enum Scheme {
    Linear {
        plans: [Option<ValidLinear>; MAX_PLANS],
        hiding: Option<Hiding>,
    },
    Branching {
        layout: ValidBranching,
        radix: Radix,
        digits: Section,
    },
}

/// How values are cut into digits, and the digits summed: those of `2^parts_log` parts of a forest apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radix {
    /// log2 of the digits' radix, 1 to 31.
    pub log: u8,
    /// log2 of the number of parts, 0 to 7.
    pub parts_log: u8,
}

/// Bits of a radix' byte that hold its `log`; the others hold `parts_log`.
const RADIX_LOG_BITS: u8 = 5;

impl Radix {
    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let byte = cursor.u8()?;
        let radix = Self {
            log: byte & ((1 << RADIX_LOG_BITS) - 1),
            parts_log: byte >> RADIX_LOG_BITS,
        };
        (radix.log > 0).then_some(radix)
    }

    #[cfg(feature = "alloc")]
    pub(super) fn byte(self) -> u8 {
        self.log | self.parts_log << RADIX_LOG_BITS
    }
}

/// How an output is put together: `base + Σ_i 2^(u·(i mod D))·sum_i` over `count` digit sums, `u` being the radix' log and `D` the
/// digits of each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    /// Digit sums of the output: of each part, lowest first.
    pub count: u8,
    /// Value where all digit sums are 0.
    pub base: i64,
}

impl Digits {
    /// The output whose digit sums are `sums`, part by part, lowest first.
    #[must_use]
    pub fn value(self, radix: Radix, sums: &[u64]) -> i64 {
        let of_part = (sums.len() >> radix.parts_log).max(1);
        let parts = sums.chunks(of_part).map(|sums| {
            (0..)
                .zip(sums)
                .map(|(digit, sum)| sum << (digit * u32::from(radix.log)))
                .sum::<u64>()
        });
        self.base.wrapping_add(parts.sum::<u64>().cast_signed())
    }
}

impl Scheme {
    pub(super) fn read(
        cursor: &mut Cursor<'_>,
        code: u8,
        ports: (u32, u32),
    ) -> Result<Self, SpecError> {
        match code {
            LINEAR => read_plans(cursor, ports, None),
            HIDDEN => {
                let hiding = Hiding::read(cursor).ok_or(SpecError::Malformed("hiding"))?;
                read_plans(cursor, ports, Some(hiding))
            }
            DIRECT | PACKED => read_branching(cursor, ports.1, code == PACKED),
            _ => Err(SpecError::UnknownScheme(code)),
        }
    }

    pub(super) fn plans(&self) -> &[Option<ValidLinear>] {
        match self {
            Self::Linear { plans, .. } => plans,
            Self::Branching { .. } => &[],
        }
    }

    pub(super) fn hiding(&self) -> Option<&Hiding> {
        match self {
            Self::Linear { hiding, .. } => hiding.as_ref(),
            Self::Branching { .. } => None,
        }
    }

    pub(super) fn branching(&self) -> Option<(&ValidBranching, Radix)> {
        match self {
            Self::Linear { .. } => None,
            Self::Branching { layout, radix, .. } => Some((layout, *radix)),
        }
    }

    pub(super) fn digits<'a>(
        &self,
        outputs: u32,
        payload: &'a [u8],
    ) -> impl Iterator<Item = Digits> + use<'a> {
        let (count, bytes): (u32, &'a [u8]) = match self {
            Self::Linear { .. } => (0, &[]),
            Self::Branching { digits, .. } => (outputs, digits.bytes(payload)),
        };
        let mut cursor = Cursor::new(bytes);
        (0..count).map_while(move |_| read_digits(&mut cursor))
    }

    /// Bits that an output's range may have.
    pub(super) fn output_bits(&self) -> u8 {
        match self {
            Self::Linear { plans, .. } => plans
                .iter()
                .flatten()
                .map(|plan| plan.layout().plaintext_bits)
                .min()
                .unwrap_or(0),
            Self::Branching { .. } => 62,
        }
    }

    /// The bits of the codes are those that the parameters were chosen for.
    pub(super) fn check_inputs(
        &self,
        inputs: &Section,
        payload: &[u8],
        columns: u32,
    ) -> Result<(), SpecError> {
        let Self::Branching { layout, .. } = self else {
            return Ok(());
        };
        let mut cursor = Cursor::new(inputs.bytes(payload));
        let mut bits = 0u64;
        for index in 0..inputs.count {
            bits += u64::from(codec::read_input(&mut cursor, index, columns)?.bits());
        }
        if bits == u64::from(layout.layout().input_bits) {
            Ok(())
        } else {
            Err(SpecError::Disagree("input bits"))
        }
    }
}

fn read_plans(
    cursor: &mut Cursor<'_>,
    (features, outputs): (u32, u32),
    mut hiding: Option<Hiding>,
) -> Result<Scheme, SpecError> {
    let count = usize::from(cursor.u8().ok_or(SpecError::Malformed("number of plans"))?);
    if count == 0 || count > MAX_PLANS {
        return Err(SpecError::Malformed("number of plans"));
    }
    let mut plans = [None; MAX_PLANS];
    for (plan, slot) in plans.iter_mut().take(count).enumerate() {
        let layout = read_layout(cursor, features, outputs).ok_or(SpecError::Malformed("plans"))?;
        let layout = layout
            .validate()
            .map_err(|source| SpecError::Layout { plan, source })?;
        if let Some(hiding) = &mut hiding {
            let noise_bits = cursor.u8().filter(|bits| hiding::fits(*bits, &layout));
            hiding.noise_bits[plan] = noise_bits.ok_or(SpecError::Malformed("hiding"))?;
        }
        *slot = Some(layout);
    }
    Ok(Scheme::Linear { plans, hiding })
}

fn read_layout(cursor: &mut Cursor<'_>, features: u32, outputs: u32) -> Option<LinearLayout> {
    Some(LinearLayout {
        glwe: GlweParams {
            glwe_dimension: cursor.u8()?,
            polynomial_size: cursor.u16()?,
            noise_bound_log2: cursor.u8()?,
        },
        plaintext_bits: cursor.u8()?,
        body_bits: cursor.u8()?,
        response_bits: cursor.u8()?,
        features,
        outputs,
        group: cursor.u32()?,
        blocks: cursor.u32()?,
        max_rows: cursor.u16()?,
    })
}

fn read_branching(
    cursor: &mut Cursor<'_>,
    outputs: u32,
    packed: bool,
) -> Result<Scheme, SpecError> {
    const MALFORMED: SpecError = SpecError::Malformed("parameters");
    let layout = read_branching_layout(cursor, packed).ok_or(MALFORMED)?;
    let layout = layout.validate().map_err(SpecError::Branching)?;
    let radix = Radix::read(cursor).ok_or(MALFORMED)?;
    let mut coefficients = 0u32;
    let digits = read_section(cursor, outputs, "digits", |cursor, _| {
        let digits = read_digits(cursor).ok_or(SpecError::Malformed("digits"))?;
        let of_part = digits.count >> radix.parts_log;
        let whole = of_part > 0 && of_part << radix.parts_log == digits.count;
        // An output must lie within 62 bits whatever its digit sums are.
        let top = u32::from(of_part.max(1) - 1) * u32::from(radix.log);
        let bits = top + u32::from(layout.layout().plaintext_bits + radix.parts_log);
        let fits = bits <= 61 && usize::from(digits.count) <= MAX_DIGITS;
        let sound = whole && fits && digits.base.unsigned_abs() <= 1 << 62;
        coefficients += u32::from(digits.count);
        if sound {
            Ok(())
        } else {
            Err(SpecError::Malformed("digits"))
        }
    })?;
    if coefficients != layout.layout().coefficients {
        return Err(SpecError::Disagree("digits"));
    }
    Ok(Scheme::Branching {
        layout,
        radix,
        digits,
    })
}

fn read_branching_layout(cursor: &mut Cursor<'_>, packed: bool) -> Option<BranchingLayout> {
    let mut layout = BranchingLayout {
        glwe: GlweParams {
            glwe_dimension: cursor.u8()?,
            polynomial_size: cursor.u16()?,
            noise_bound_log2: cursor.u8()?,
        },
        base_log: cursor.u8()?,
        level_count: cursor.u8()?,
        body_bits: cursor.u8()?,
        plaintext_bits: cursor.u8()?,
        response_bits: cursor.u8()?,
        input_bits: cursor.u32()?,
        coefficients: cursor.u32()?,
        packing: None,
    };
    if packed {
        layout.packing = Some(read_packing(cursor)?);
    }
    Some(layout)
}

fn read_packing(cursor: &mut Cursor<'_>) -> Option<Packing> {
    let mut gadget = || {
        Some(SwitchGadget {
            base_log: cursor.u8()?,
            level_count: cursor.u8()?,
        })
    };
    let mut splits = [SwitchGadget::default(); MAX_SPLITS];
    for split in &mut splits {
        *split = gadget()?;
    }
    Some(Packing {
        splits,
        scheme_switch: gadget()?,
    })
}

fn read_digits(cursor: &mut Cursor<'_>) -> Option<Digits> {
    Some(Digits {
        count: cursor.u8()?,
        base: cursor.i64()?,
    })
}
