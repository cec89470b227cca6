//! ImageReward: how much people would like a picture painted for a prompt (Xu et al. 2023, arXiv 2304.05977).
//!
//! BLIP's image-grounded text encoder reads the prompt with the picture in sight, and a head turns its first token into
//! the reward. Names are those of the released `ImageReward.pt`:
//!
//! | key in the file | ours |
//! |---|---|
//! | `blip.visual_encoder.*` | the same, see `vision.rs` |
//! | `blip.text_encoder.*` | the same, see `text.rs` |
//! | `mlp.layers.0` / `2` / `4` / `6` / `7` | `mlp.layers.0` / `1` / `2` / `3` / `4`: between them stand dropouts |
//! | `blip.vision_proj`, `blip.text_proj` | none: they compare pictures with texts, which the reward doesn't |

mod config;
mod network;
mod text;
mod tokenizer;
mod vision;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_weights::ModelDir;

pub use config::{ImageRewardConfig, VisionConfig};
pub use network::ImageRewardNetwork;
pub use text::TextConfig;
pub use tokenizer::BertTokenizer;

use crate::error::{Error, Result};
use crate::preprocess::CentreSquare;

/// A loaded ImageReward: tokenizer, preprocessing and frozen network.
#[derive(Debug)]
pub struct ImageReward {
    network: ImageRewardNetwork,
    tokenizer: BertTokenizer,
    preprocess: CentreSquare,
    device: Device,
}

impl ImageReward {
    /// Loads a directory of `config.json`, `vocab.txt` and weights: `ImageReward.pt`, or `model.safetensors` of the same
    /// names.
    ///
    /// # Errors
    /// A missing file, an unsupported field, a vocabulary that the network has no room for, or weights that don't fit.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config: ImageRewardConfig = reliad_weights::read_config(dir, "config.json")?;
        let network = config.init(&dir.display("config.json"), device)?;
        let tokenizer = BertTokenizer::load(dir, config.max_tokens)?;
        let (words, rows) = (tokenizer.vocab_size(), config.text.vocab_size);
        if words > rows {
            return Err(Error::Tokenizer {
                dir: dir.display(""),
                reason: format!("vocab.txt makes {words} tokens, but the text encoder has {rows}"),
            });
        }
        let keys = ImageRewardNetwork::key_map();
        Ok(Self {
            network: reliad_weights::load(network, dir, &keys)?.freeze(),
            tokenizer,
            preprocess: config.preprocess(),
            device: device.clone(),
        })
    }

    /// The reward of each picture for its prompt: about 0 in the mean of the training data, with a deviation of 1; more
    /// is better liked. Differentiable in the pictures. Of a prompt the first `max_tokens` - 2 word pieces count.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in [0, 1]; output: `[n]`
    ///
    /// # Errors
    /// [`Error::Count`], or a prompt that the vocabulary can't spell.
    pub fn rewards<S: AsRef<str>>(&self, pictures: Tensor<4>, prompts: &[S]) -> Result<Tensor<1>> {
        Error::unless_paired(pictures.dims()[0], prompts.len())?;
        let tokens = self.tokenizer.encode_batch(prompts, &self.device)?;
        let pictures = self.preprocess.apply(pictures);
        Ok(self.network.forward(pictures, tokens))
    }
}
