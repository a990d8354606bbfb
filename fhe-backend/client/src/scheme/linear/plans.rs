//! The linear scheme: plans of single rows and of batches, hidden or not.

use rand_core::CryptoRng;

use super::hiding::{self, Hiding, MAX_PLANS};
use super::{LinearLayout, ValidLinear};
use crate::cursor::Cursor;
use crate::key::SecretKey;
use crate::params::{GlweParams, ValidGlwe};
use crate::ports::Ports;
use crate::scheme::cipher::{
    Cipher, KeySection, KeySections, Keys, MAX_SECRETS, MAX_SECTIONS, SectionKind, Source,
};
use crate::scheme::layout::{CipherError, RESPONSE_PREFIX, plan_of, read_rows};
use crate::spec::error::SpecError;

/// Layouts of single rows, and of batches if there is one; keys of different plans are independent.
#[derive(Clone, Debug)]
pub struct LinearScheme {
    plans: [Option<ValidLinear>; MAX_PLANS],
    hiding: Option<Hiding>,
}

impl LinearScheme {
    /// Reads the parameters of a circuit of so many inputs and outputs.
    pub(crate) fn read(
        cursor: &mut Cursor<'_>,
        (features, outputs): (u32, u32),
    ) -> Result<Self, SpecError> {
        const MALFORMED: SpecError = SpecError::Malformed("hiding");
        let mut hiding = match cursor.u8() {
            Some(0) => None,
            Some(1) => Some(Hiding::read(cursor).ok_or(MALFORMED)?),
            _ => return Err(MALFORMED),
        };
        let count = usize::from(cursor.u8().unwrap_or(0));
        if count == 0 || count > MAX_PLANS {
            return Err(SpecError::Malformed("number of plans"));
        }
        let mut plans = [None; MAX_PLANS];
        for (plan, slot) in plans.iter_mut().take(count).enumerate() {
            let layout =
                read_layout(cursor, features, outputs).ok_or(SpecError::Malformed("plans"))?;
            let layout = layout
                .validate()
                .map_err(|source| SpecError::Layout { plan, source })?;
            if let Some(hiding) = &mut hiding {
                let noise_bits = cursor.u8().filter(|bits| hiding::fits(*bits, &layout));
                hiding.noise_bits[plan] = noise_bits.ok_or(MALFORMED)?;
            }
            *slot = Some(layout);
        }
        Ok(Self { plans, hiding })
    }

    /// The layouts, of single rows first.
    pub fn plans(&self) -> impl Iterator<Item = &ValidLinear> {
        self.plans.iter().flatten()
    }

    /// Layout `index`.
    #[must_use]
    pub fn plan(&self, index: u8) -> Option<&ValidLinear> {
        self.plans.get(usize::from(index))?.as_ref()
    }

    /// The layout for a query of `rows` rows: the first that holds so many.
    #[must_use]
    pub fn plan_for(&self, rows: usize) -> Option<(u8, &ValidLinear)> {
        let mut plans = (0..).zip(self.plans());
        plans.find(|(_, plan)| rows <= usize::from(plan.layout().max_rows))
    }

    /// How the model is hidden from its clients, if it is.
    #[must_use]
    pub fn hiding(&self) -> Option<&Hiding> {
        self.hiding.as_ref()
    }

    /// The layout that a response names.
    fn plan_of_response(&self, payload: &[u8]) -> Result<(u8, &ValidLinear), CipherError> {
        let plan = plan_of(payload).ok_or(CipherError::Response)?;
        Ok((plan, self.plan(plan).ok_or(CipherError::Response)?))
    }
}

impl Cipher for LinearScheme {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn query_mode(&self) -> &'static str {
        "direct"
    }

    fn secrets(&self) -> [Option<ValidGlwe>; MAX_SECRETS] {
        self.plans.map(|plan| plan.as_ref().map(ValidLinear::glwe))
    }

    fn max_rows(&self) -> usize {
        let rows = self.plans().map(|plan| plan.layout().max_rows.into());
        rows.max().unwrap_or(1)
    }

    fn output_bits(&self) -> u8 {
        let bits = self.plans().map(|plan| plan.layout().plaintext_bits);
        bits.min().unwrap_or(0)
    }

    fn query_len(&self, rows: usize) -> usize {
        self.plan_for(rows)
            .map_or(0, |(_, plan)| plan.query_len(rows))
    }

    fn each_query_len(&self, take: &mut dyn FnMut(usize)) {
        for plan in self.plans() {
            let rows = 1..=usize::from(plan.layout().max_rows);
            rows.for_each(|rows| take(plan.query_len(rows)));
        }
    }

    fn response_len(&self, rows: usize) -> usize {
        self.plan_for(rows)
            .map_or(0, |(_, plan)| plan.response_len(rows))
    }

    fn scratch_len(&self, rows: usize) -> usize {
        self.plan_for(rows)
            .map_or(0, |(_, plan)| plan.scratch_len(rows))
    }

    fn encrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        codes: &[i64],
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        let features = ports.sections.inputs.count as usize;
        let rows = codes.len().div_ceil(features);
        let (plan, layout) = self.plan_for(rows).ok_or(CipherError::Rows {
            codes: codes.len(),
            features,
            max_rows: self.max_rows(),
        })?;
        layout.encrypt(plan, keys.of(plan)?, codes, rng, scratch, out)
    }

    fn response_rows(&self, payload: &[u8]) -> Result<usize, CipherError> {
        self.plan_of_response(payload)?.1.response_rows(payload)
    }

    fn decrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        payload: &[u8],
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        let (plan, layout) = self.plan_of_response(payload)?;
        let minimum = |index| ports.output(index).map_or(0, |output| output.min);
        layout.decrypt(keys.of(plan)?, payload, minimum, out)
    }

    fn decrypt_from(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        source: &mut impl Source,
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        let mut prefix = [0; RESPONSE_PREFIX];
        prefix.fill_with(|| source.byte());
        let (plan, layout) = self.plan_of_response(&prefix)?;
        let rows = read_rows(&prefix).ok_or(CipherError::Response)?;
        let fits = (1..=usize::from(layout.layout().max_rows)).contains(&rows)
            && source.payload_len() == layout.response_len(rows) as u64;
        if !fits {
            return Err(CipherError::Response);
        }
        let minimum = |index| ports.output(index).map_or(0, |output| output.min);
        layout.decrypt_bits(
            keys.of(plan)?,
            rows,
            |width| source.bits(width),
            minimum,
            out,
        )?;
        Ok(rows)
    }

    fn key_sections(&self) -> KeySections {
        match self.hiding {
            Some(_) => public_key_sections(self.plans()),
            None => [None; MAX_SECTIONS],
        }
    }

    fn key_scratch_len(&self) -> usize {
        let sizes = self.plans().map(|plan| plan.glwe().polynomial_size());
        2 * sizes.max().unwrap_or(0)
    }

    fn write_key_section<E>(
        &self,
        index: usize,
        key: &SecretKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match (0..).zip(self.plans()).nth(index) {
            Some((plan, layout)) => layout.write_public_key(plan, key, rng, scratch, push),
            None => Ok(()),
        }
    }

    /// Bodies, and the masks that a seed stands for in the file, as two transformed limbs each.
    fn prepared_key_bytes(&self) -> u64 {
        let sections = self.key_sections();
        let file: u64 = sections.iter().flatten().map(|key| key.len as u64).sum();
        let masks = self
            .plans()
            .map(|plan| plan.glwe().glwe_dimension() as u64)
            .max();
        file * 2 * (1 + masks.unwrap_or(0))
    }
}

/// The public keys of hidden plans.
pub fn public_key_sections<'p>(plans: impl Iterator<Item = &'p ValidLinear>) -> KeySections {
    let mut sections = [None; MAX_SECTIONS];
    for (secret, (slot, plan)) in (0..).zip(sections.iter_mut().zip(plans)) {
        *slot = Some(KeySection {
            kind: SectionKind::Public,
            secret,
            len: plan.public_key_len(),
        });
    }
    sections
}

fn read_layout(cursor: &mut Cursor<'_>, features: u32, outputs: u32) -> Option<LinearLayout> {
    Some(LinearLayout {
        glwe: GlweParams::read(cursor)?,
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

/// A linear scheme in the making.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct OwnedLinear {
    /// Layouts of single rows, and of batches if there is one; all with the same features and outputs.
    pub plans: alloc::vec::Vec<LinearLayout>,
    /// How the model is hidden from its clients, if it is.
    pub hiding: Option<Hiding>,
}

#[cfg(feature = "alloc")]
impl OwnedLinear {
    /// Of a model that is not hidden.
    #[must_use]
    pub fn plain(plans: alloc::vec::Vec<LinearLayout>) -> Self {
        let hiding = None;
        Self { plans, hiding }
    }

    /// Appends the parameters; the counterpart of [`LinearScheme::read`].
    pub(crate) fn write(&self, out: &mut alloc::vec::Vec<u8>) {
        out.push(u8::from(self.hiding.is_some()));
        if let Some(hiding) = &self.hiding {
            out.extend([hiding.responses_log2, hiding.advantage_bits]);
        }
        out.push(u8::try_from(self.plans.len()).unwrap_or(u8::MAX));
        for (plan, layout) in self.plans.iter().enumerate() {
            layout.glwe.write(out);
            out.extend([
                layout.plaintext_bits,
                layout.body_bits,
                layout.response_bits,
            ]);
            out.extend(layout.group.to_le_bytes());
            out.extend(layout.blocks.to_le_bytes());
            out.extend(layout.max_rows.to_le_bytes());
            let noise_bits = self
                .hiding
                .as_ref()
                .map(|hiding| hiding.noise_bits.get(plan));
            out.extend(noise_bits.flatten());
        }
    }
}
