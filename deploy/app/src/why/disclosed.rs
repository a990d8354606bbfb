//! What responses say of a model, in numbers.

use serde::Serialize;
use tenebra_client::ClientSpec;
use tenebra_client::linear::LinearScheme;
use tenebra_client::scheme::Scheme;
use tenebra_quant::Output;

/// What responses say to the client that asked for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Disclosed {
    /// Those of a linear model that is not hidden: its weights.
    Weights {
        /// Weights of the model.
        weights: usize,
        /// Integers of the masks of a response to one row: sums of weights times numbers that the client knows, rounded.
        equations: usize,
        /// Chosen rows whose scores give the weights, whatever else responses say.
        chosen_rows: usize,
        /// Most rows of one query.
        rows_a_query: usize,
    },
    /// Those of a hidden linear model: its scores.
    Scores {
        /// Weights of the model.
        weights: usize,
        /// Chosen rows whose scores give the weights.
        chosen_rows: usize,
        /// Most rows of one query.
        rows_a_query: usize,
        /// Responses, to all clients together, that say no more but with an advantage that is as small as asked for.
        responses: u64,
        /// log2 of that advantage.
        advantage_log2: i32,
        /// log2 of the bound of the noise that hides, in a response to one row, as a fraction of the torus.
        noise_bound_log2: i32,
        /// log2 of half the distance of two output values there.
        half_step_log2: i32,
    },
    /// Those of trees, tables and networks: the digit sums that scores are made of.
    DigitSums {
        /// Scores of a row.
        scores: usize,
        /// Bits that number every value of each score, of all scores together.
        score_bits: u32,
        /// Digit sums of a response.
        sums: u32,
        /// Bits of the largest of them.
        sum_bits: u32,
        /// Parts of a forest whose digits are summed apart; 1 where all are summed up.
        parts: u32,
    },
}

impl Disclosed {
    /// By the responses to queries of a spec.
    #[must_use]
    pub fn of(spec: &ClientSpec<'_>) -> Self {
        let (layout, radix) = match spec.scheme() {
            Scheme::Linear(linear) => return Self::of_linear(spec, linear),
            Scheme::Branching(branching) => (branching.layout().layout(), branching.radix()),
            Scheme::Network(network) => (network.layout().branching().layout(), network.radix()),
        };
        let bits = |output: Output| u64::BITS - output.max.abs_diff(output.min).leading_zeros();
        Self::DigitSums {
            scores: spec.output_count(),
            score_bits: spec.outputs().map(bits).sum(),
            sums: layout.coefficients,
            sum_bits: layout.plaintext_bits.into(),
            parts: 1 << radix.parts_log,
        }
    }

    fn of_linear(spec: &ClientSpec<'_>, linear: &LinearScheme) -> Self {
        let weights = spec.input_count().saturating_mul(spec.output_count());
        let chosen_rows = spec.input_count() + 1;
        let rows_a_query = spec.max_rows();
        let single = linear.plans().next();
        let Some(hiding) = linear.hiding() else {
            return Self::Weights {
                weights,
                equations: single.map_or(0, |plan| plan.groups() * plan.glwe().dimension()),
                chosen_rows,
                rows_a_query,
            };
        };
        let [noise_bits, ..] = hiding.noise_bits;
        let plaintext_bits = single.map_or(0, |plan| plan.layout().plaintext_bits);
        Self::Scores {
            weights,
            chosen_rows,
            rows_a_query,
            responses: 1 << hiding.responses_log2,
            advantage_log2: -i32::from(hiding.advantage_bits),
            noise_bound_log2: i32::from(noise_bits) - 64,
            half_step_log2: -1 - i32::from(plaintext_bits),
        }
    }
}

impl core::fmt::Display for Disclosed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let chosen = |chosen_rows: usize, rows_a_query: usize| {
            let fit = if chosen_rows <= rows_a_query {
                ", which fit one query,"
            } else {
                ""
            };
            format!("the scores of {chosen_rows} chosen rows{fit}")
        };
        match *self {
            Self::Weights {
                weights,
                equations,
                chosen_rows,
                rows_a_query,
            } => write!(
                f,
                "all weights ({weights}): one response is {equations} rounded equations in them, which lattice reduction solves where the weights are few; {} say the same",
                chosen(chosen_rows, rows_a_query)
            ),
            Self::Scores {
                weights,
                chosen_rows,
                rows_a_query,
                responses,
                advantage_log2,
                noise_bound_log2,
                half_step_log2,
            } => write!(
                f,
                "the scores: {responses} responses, to all clients together, say more with an advantage of 2^{advantage_log2} at most, by noise within 2^{noise_bound_log2} of the torus where half a step is 2^{half_step_log2}; {} give all weights ({weights})",
                chosen(chosen_rows, rows_a_query)
            ),
            Self::DigitSums {
                scores,
                sums,
                sum_bits,
                ..
            } if sums as usize == scores => write!(
                f,
                "a digit sum of up to {sum_bits} bits for each score, which says no more than it"
            ),
            Self::DigitSums {
                score_bits,
                sums,
                sum_bits,
                parts,
                ..
            } => {
                let all = sums * sum_bits;
                write!(
                    f,
                    "{sums} digit sums of up to {sum_bits} bits, {all} together, where the scores have {score_bits}"
                )?;
                if parts > 1 {
                    write!(f, ", for those of {parts} sub-forests are apart")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tenebra_client::branching::{BranchingLayout, Digits, OwnedBranching, Radix};
    use tenebra_client::linear::{LinearLayout, OwnedLinear};
    use tenebra_client::{Hiding, OwnedScheme, OwnedSpec, ValidGlwe};
    use tenebra_quant::Interface;

    /// What is disclosed with so many inputs of 8 bits and an output of 19.
    fn disclosed(scheme: OwnedScheme, inputs: usize) -> Disclosed {
        let interface = Interface::of_codes(&vec![(0, 255); inputs], &[(-1, 400_000)]);
        let spec = OwnedSpec {
            p_fail_log2: -128.0,
            scheme,
            interface: interface.unwrap(),
        };
        Disclosed::of(&ClientSpec::parse(&spec.encode().unwrap()).unwrap())
    }

    /// 30 inputs, one row in a ring of 256, up to `rows` in one of 2048.
    fn linear(rows: u16, hiding: Option<Hiding>) -> Disclosed {
        let plan = |(glwe_dimension, polynomial_size, max_rows)| LinearLayout {
            glwe: ValidGlwe::secure(glwe_dimension, polynomial_size)
                .unwrap()
                .params(),
            plaintext_bits: 19,
            body_bits: 64,
            response_bits: 26,
            features: 30,
            outputs: 1,
            group: 1,
            blocks: 1,
            max_rows,
        };
        let plans = [(6, 256, 1), (1, 2048, rows)].map(plan).to_vec();
        disclosed(OwnedScheme::Linear(OwnedLinear { plans, hiding }), 30)
    }

    /// Two inputs, and so many digit sums.
    fn branching(count: u8, plaintext_bits: u8, radix: Radix) -> Disclosed {
        let layout = BranchingLayout {
            glwe: ValidGlwe::secure(1, 2048).unwrap().params(),
            base_log: 15,
            level_count: 2,
            body_bits: 50,
            plaintext_bits,
            response_bits: 30,
            input_bits: 16,
            coefficients: count.into(),
            packing: None,
            max_rows: 1,
            packed_bits: 0,
        };
        let digits = vec![Digits { count, base: 0 }];
        let scheme = OwnedBranching {
            layout,
            radix,
            digits,
        };
        disclosed(OwnedScheme::Branching(scheme), 2)
    }

    #[test]
    fn linear_models_disclose_their_weights() {
        let of = linear(68, None);
        let expected = Disclosed::Weights {
            weights: 30,
            equations: 6 * 256,
            chosen_rows: 31,
            rows_a_query: 68,
        };
        assert_eq!(of, expected);
        assert_eq!(
            of.to_string(),
            "all weights (30): one response is 1536 rounded equations in them, which lattice reduction solves where the weights are few; the scores of 31 chosen rows, which fit one query, say the same"
        );
        let few_rows = linear(30, None).to_string();
        assert!(few_rows.ends_with("; the scores of 31 chosen rows say the same"));
        let json = json!({
            "kind": "weights",
            "weights": 30,
            "equations": 1536,
            "chosen_rows": 31,
            "rows_a_query": 68,
        });
        assert_eq!(serde_json::to_value(of).unwrap(), json);
    }

    #[test]
    fn hidden_models_disclose_their_scores() {
        let hiding = Hiding {
            responses_log2: 20,
            advantage_bits: 16,
            noise_bits: [38, 40],
        };
        let of = linear(68, Some(hiding));
        let expected = Disclosed::Scores {
            weights: 30,
            chosen_rows: 31,
            rows_a_query: 68,
            responses: 1 << 20,
            advantage_log2: -16,
            noise_bound_log2: -26,
            half_step_log2: -20,
        };
        assert_eq!(of, expected);
        assert_eq!(
            of.to_string(),
            "the scores: 1048576 responses, to all clients together, say more with an advantage of 2^-16 at most, by noise within 2^-26 of the torus where half a step is 2^-20; the scores of 31 chosen rows, which fit one query, give all weights (30)"
        );
    }

    #[test]
    fn forests_disclose_digit_sums_and_parts() {
        let radix = |log, parts_log| Radix { log, parts_log };
        let of = branching(4, 9, radix(8, 1));
        let expected = Disclosed::DigitSums {
            scores: 1,
            score_bits: 19,
            sums: 4,
            sum_bits: 9,
            parts: 2,
        };
        assert_eq!(of, expected);
        assert_eq!(
            of.to_string(),
            "4 digit sums of up to 9 bits, 36 together, where the scores have 19, for those of 2 sub-forests are apart"
        );
        assert_eq!(
            branching(3, 19, radix(8, 0)).to_string(),
            "3 digit sums of up to 19 bits, 57 together, where the scores have 19"
        );
        assert_eq!(
            branching(1, 19, radix(20, 0)).to_string(),
            "a digit sum of up to 19 bits for each score, which says no more than it"
        );
    }
}
