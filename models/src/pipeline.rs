//! Pipelines: steps that change the columns of a table, then a model.
//!
//! [`Pipeline`] is trained, [`PipelineModel`] is what comes of it. Names, defaults and behaviour of the transformers are
//! scikit-learn's; each becomes functions of single rows ([`tenebra_quant::RowStep`]) that the client computes before it encrypts.
//! What the codes of an input can do by themselves is folded into them when the model is quantized, and costs nothing.

mod error;
mod fit;
mod frame;
mod model;
mod params;
mod parse;
mod quantize;
mod registry;
mod stage;
mod transform;

pub use error::PipelineError;
pub use fit::Pipeline;
pub(crate) use model::run;
pub use model::{Before, PipelineModel, PipelineParts, Step};
pub(crate) use quantize::quantize_pipeline;
pub use registry::{TransformerInfo, transformers};
pub use stage::{Branch, Selector, Stage, Transformer};
