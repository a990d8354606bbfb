//! Numbers that change at some points of one value of a row and are the same in between: what comparisons with constants make.

/// `numbers[i]` where `i` of the cuts are at most the value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pieces {
    /// The variable of the value.
    pub(super) variable: usize,
    /// Strictly increasing.
    pub(super) cuts: Vec<f64>,
    /// One more than cuts.
    pub(super) numbers: Vec<f64>,
}

/// Most cuts of all pieces together, so that comparisons cannot multiply without end.
const MAX_CUTS: usize = 1 << 14;

impl Pieces {
    /// A function of pieces of one value, number by number.
    pub(super) fn map(
        operands: &[&Self],
        function: impl Fn(&[f64]) -> Option<f64>,
    ) -> Option<Self> {
        let variable = operands.first()?.variable;
        let mut cuts: Vec<f64> = operands.iter().flat_map(|p| p.cuts.clone()).collect();
        if cuts.len() > MAX_CUTS || operands.iter().any(|p| p.variable != variable) {
            return None;
        }
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        let number = |piece: usize| {
            let passed = |cut: &f64| piece > 0 && *cut <= cuts[piece - 1];
            let at = |p: &&Self| p.numbers[p.cuts.iter().take_while(|cut| passed(cut)).count()];
            let numbers: Vec<f64> = operands.iter().map(at).collect();
            function(&numbers)
        };
        let numbers = (0..=cuts.len()).map(number).collect::<Option<_>>()?;
        Some(Self {
            variable,
            cuts,
            numbers,
        })
    }

    /// The number at a value.
    pub(super) fn at(&self, x: f64) -> f64 {
        self.numbers[self.cuts.partition_point(|cut| *cut <= x)]
    }

    /// The same number everywhere.
    pub(super) fn constant(&self, number: f64) -> Self {
        Self {
            variable: self.variable,
            cuts: Vec::new(),
            numbers: vec![number],
        }
    }
}
