//! Pipelines: steps that change the columns of a table, then a model.
//!
//! `Pipeline`, with the feature `train`, is trained; [`PipelineModel`] is what comes of it. Names, defaults and behaviour of the transformers are
//! scikit-learn's; each becomes functions of single rows ([`tenebra_quant::RowStep`]) that the client computes before it encrypts.
//! What the codes of an input can do by themselves is folded into them when the model is quantized, and costs nothing.

#[cfg(feature = "train")]
mod error;
#[cfg(feature = "train")]
mod fit;
#[cfg(feature = "train")]
mod frame;
mod model;
#[cfg(feature = "train")]
mod params;
#[cfg(feature = "train")]
mod parse;
mod quantize;
#[cfg(feature = "train")]
mod registry;
#[cfg(feature = "train")]
mod stage;
#[cfg(feature = "train")]
mod transform;
mod values;

#[cfg(feature = "train")]
pub use error::PipelineError;
#[cfg(feature = "train")]
pub use fit::Pipeline;
pub use model::{Before, PipelineModel, PipelineParts, Step};
pub(crate) use quantize::quantize_pipeline;
#[cfg(feature = "train")]
pub use registry::{TransformerInfo, transformers};
#[cfg(feature = "train")]
pub use stage::{Branch, Selector, Stage, Transformer};
#[cfg(feature = "import")]
pub(crate) use values::needed;
pub(crate) use values::run;
