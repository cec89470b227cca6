//! RoBERTa: its config, the encoder, and its byte-level BPE tokenizer.

mod config;
mod masked_lm;
mod model;
mod tokenizer;

pub use config::{HiddenAct, RobertaConfig};
pub use masked_lm::RobertaForMaskedLm;
pub use model::{Roberta, RobertaAttention, RobertaIntermediate, RobertaLayer, RobertaOutput};
pub use tokenizer::{CaptionTokens, RobertaTokenizer};
