//! CLIP: how well a picture and a text agree (Radford et al. 2021, arXiv 2103.00020), from a directory as transformers
//! writes a `CLIPModel`.
//!
//! | transformers key | ours |
//! |---|---|
//! | `text_model.*` | the same, see [`ClipTextModel`](reliad_diffusion::ClipTextModel) |
//! | `vision_model.embeddings.class_embedding` / `patch_embedding` / `position_embedding` | the same |
//! | `vision_model.pre_layrnorm` (so spelt), `encoder.layers.N.*`, `post_layernorm` | the same |
//! | `visual_projection`, `text_projection` | the same, without bias |
//! | `logit_scale` | none: agreement is the cosine times 100, whatever scale the training ended with |

mod config;
mod network;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use reliad_diffusion::ClipTokenizer;
use reliad_weights::ModelDir;

pub use config::{ClipConfig, ClipVisionConfig, Pooled};
pub use network::{ClipNetwork, ClipVision};

use crate::error::{Error, Result};
use crate::preprocess::CentreSquare;

/// A loaded CLIP: tokenizer, preprocessing and frozen networks.
#[derive(Debug)]
pub struct Clip {
    network: ClipNetwork,
    tokenizer: ClipTokenizer,
    preprocess: CentreSquare,
    pooled: Pooled,
    device: Device,
}

impl Clip {
    /// Loads a directory: `config.json`, weights, the tokenizer's files, and `preprocessor_config.json` where it stands.
    ///
    /// # Errors
    /// A missing file, an unsupported field, a tokenizer that the network has no room for, or weights that don't fit.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config = ClipConfig::read(dir)?;
        let tokenizer = ClipTokenizer::load(dir)?;
        let text = &config.text;
        for (what, found, room) in [
            ("tokens", tokenizer.vocab_size(), text.vocab_size),
            ("places", tokenizer.max_len(), text.max_position_embeddings),
        ] {
            if found > room {
                return Err(Error::Tokenizer {
                    dir: dir.display(""),
                    reason: format!("it has {found} {what}, but the text encoder {room}"),
                });
            }
        }
        let network = config.init(device);
        let keys = ClipNetwork::key_map();
        Ok(Self {
            network: reliad_weights::load(network, dir, &keys)?.freeze(),
            tokenizer,
            pooled: config.pooled,
            preprocess: config.preprocess,
            device: device.clone(),
        })
    }

    /// Cosine of each picture and its prompt, times 100: -100 to 100, of trained networks about 15 to 40. Differentiable in
    /// the pictures. A prompt that is too long is cut.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in [0, 1]; output: `[n]`
    ///
    /// # Errors
    /// [`Error::Count`], or a prompt that the vocabulary can't spell.
    pub fn similarities<S: AsRef<str>>(
        &self,
        pictures: Tensor<4>,
        prompts: &[S],
    ) -> Result<Tensor<1>> {
        Error::unless_paired(pictures.dims()[0], prompts.len())?;
        let texts = self.texts(prompts)?;
        Ok((self.pictures(pictures) * texts)
            .sum_dim(1)
            .flatten::<1>(0, 1)
            * 100.0)
    }

    /// Unit vectors of pictures in the space that texts share.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in [0, 1]; output: `[n, projection_dim]`
    pub fn pictures(&self, pictures: Tensor<4>) -> Tensor<2> {
        self.network.pictures(self.preprocess.apply(pictures))
    }

    /// Unit vectors of texts in the space that pictures share: `[n, projection_dim]`.
    ///
    /// # Errors
    /// A text that the vocabulary can't spell.
    pub fn texts<S: AsRef<str>>(&self, texts: &[S]) -> Result<Tensor<2>> {
        let mut ids = Vec::new();
        let mut ends = Vec::new();
        for text in texts {
            let tokens = self.tokenizer.encode(text.as_ref())?;
            ends.push(self.pooled.place(&tokens.ids) as i64);
            ids.extend(tokens.ids);
        }
        let shape = [texts.len(), self.tokenizer.max_len()];
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, shape), &self.device);
        let ends = TensorData::new(ends, [texts.len()]);
        let ends = Tensor::<1, Int>::from_data(ends, &self.device);
        Ok(self.network.texts(ids, ends))
    }
}
