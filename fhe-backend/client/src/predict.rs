//! What decrypted integers say, on hosts.

use tenebra_quant::Prediction;

use crate::spec::ClientSpec;

impl ClientSpec<'_> {
    /// What one row of decrypted integers says: scores, predictions or probabilities, and the class.
    #[must_use]
    pub fn predict(&self, integers: &[i64]) -> Prediction {
        let scores = self.outputs().zip(integers);
        let scores = scores.map(|(output, integer)| output.score(*integer));
        Prediction::from_scores(scores.collect(), self.inverse_link(), self.decision())
    }
}
