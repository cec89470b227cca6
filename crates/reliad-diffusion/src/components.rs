//! Whether the components of a painter fit each other: asked of their configurations, before any weights are read.

use std::fmt::Debug;

use reliad_weights::ModelDir;
use serde_json::{Value, json};

use crate::clip_text::ClipTextConfig;
use crate::scheduler::{self, PredictionType};
use crate::{AutoencoderKlConfig, ClipTokenizer, ControlNetConfig, Error, UNet2DConditionConfig};

/// Channels of pictures, and of edges as a ControlNet is given them.
const PICTURE_CHANNELS: usize = 3;

/// The tokenizer and the configurations of a painter's networks.
#[derive(Debug)]
pub struct Components {
    model: String,
    tokenizer: Stated<ClipTokenizer>,
    text_encoder: Stated<ClipTextConfig>,
    unet: Stated<UNet2DConditionConfig>,
    vae: Stated<AutoencoderKlConfig>,
    controlnet: Option<Stated<ControlNetConfig>>,
    scheduler: Stated<Value>,
}

/// What a file says.
#[derive(Debug)]
struct Stated<T> {
    file: String,
    says: T,
}

/// One field of a file.
struct Field<'a, T> {
    file: &'a str,
    name: &'static str,
    value: T,
}

impl<T> Stated<T> {
    fn field<'a, V>(&'a self, name: &'static str, of: impl FnOnce(&'a T) -> V) -> Field<'a, V> {
        Field {
            file: &self.file,
            name,
            value: of(&self.says),
        }
    }
}

impl Components {
    /// Reads the tokenizer and the configurations of `model`; a ControlNet's where it has one.
    ///
    /// # Errors
    /// A file that is missing or can't be read, or [`Error::Config`] for a configuration that isn't supported in itself.
    pub fn read(model: &ModelDir) -> Result<Self, Error> {
        fn read<T>(
            model: &ModelDir,
            file: &str,
            parse: impl FnOnce(&Value) -> Result<T, Error>,
        ) -> Result<Stated<T>, Error> {
            Ok(Stated {
                says: parse(&model.read_json(file)?)?,
                file: model.display(file),
            })
        }
        let tokenizer = model.sub("tokenizer");
        Ok(Self {
            model: model.display(""),
            tokenizer: Stated {
                says: ClipTokenizer::load(&tokenizer)?,
                file: tokenizer.display(""),
            },
            text_encoder: read(model, "text_encoder/config.json", ClipTextConfig::from_json)?,
            unet: read(model, "unet/config.json", UNet2DConditionConfig::from_json)?,
            vae: read(model, "vae/config.json", AutoencoderKlConfig::from_json)?,
            controlnet: match model.contains("controlnet/config.json") {
                true => Some(read(
                    model,
                    "controlnet/config.json",
                    ControlNetConfig::from_json,
                )?),
                false => None,
            },
            scheduler: Stated {
                says: scheduler::config(model)?,
                file: model.display(scheduler::FILE),
            },
        })
    }

    /// The same with another ControlNet's configuration, which messages call `file`.
    #[must_use]
    pub fn with_controlnet(mut self, file: &str, config: ControlNetConfig) -> Self {
        self.controlnet = Some(Stated {
            file: file.to_owned(),
            says: config,
        });
        self
    }

    /// The tokenizer, which had to be read.
    pub fn into_tokenizer(self) -> ClipTokenizer {
        self.tokenizer.says
    }

    /// Checks that they can work together.
    ///
    /// # Errors
    /// [`Error::Misfit`] with every pair of values that don't fit, each with its file.
    pub fn check(self) -> Result<Self, Error> {
        let mut misfits = Misfits(Vec::new());
        self.check_latents(&mut misfits);
        self.check_text(&mut misfits);
        if let Some(controlnet) = &self.controlnet {
            self.check_controlnet(controlnet, &mut misfits);
        }
        self.check_prediction(&mut misfits);
        if misfits.0.is_empty() {
            return Ok(self);
        }
        Err(Error::Misfit {
            model: self.model,
            problems: misfits.0,
        })
    }

    fn check_latents(&self, misfits: &mut Misfits) {
        let latents = self.vae.field("latent_channels", |vae| vae.latent_channels);
        let sees = self
            .unet
            .field("in_channels", |unet| unet.encoder.in_channels);
        let predicts = self.unet.field("out_channels", |unet| unet.out_channels);
        // Latents, a mask and the latents of what stays.
        if sees.value == 2 * predicts.value + 1 {
            misfits.0.push(format!(
                "{}: a UNet made for inpainting, which isn't supported yet; {}",
                sees.told(),
                latents.told()
            ));
            return;
        }
        misfits.unless_equal(&sees, &latents);
        misfits.unless_equal(&predicts, &sees);
        for (name, value) in [
            ("in_channels", self.vae.says.in_channels),
            ("out_channels", self.vae.says.out_channels),
        ] {
            let channels = self.vae.field(name, |_| value);
            misfits.unless_given(&channels, "pictures", PICTURE_CHANNELS);
        }
    }

    fn check_text(&self, misfits: &mut Misfits) {
        let reads = self.unet.field("cross_attention_dim", |unet| {
            unet.encoder.cross_attention_dim
        });
        let text = &self.text_encoder;
        misfits.unless_equal(&reads, &text.field("hidden_size", |text| text.hidden_size));
        let tokenizer = &self.tokenizer;
        let entries = tokenizer.field("entries", ClipTokenizer::vocab_size);
        let rows = text.field("vocab_size", |text| text.vocab_size);
        if entries.value > rows.value {
            misfits.add(&entries, &rows, "it must not be smaller");
        }
        misfits.unless_equal(
            &tokenizer.field("model_max_length", ClipTokenizer::max_len),
            &text.field("max_position_embeddings", |text| {
                text.max_position_embeddings
            }),
        );
    }

    fn check_controlnet(&self, controlnet: &Stated<ControlNetConfig>, misfits: &mut Misfits) {
        let unet = &self.unet;
        misfits.unless_equal(
            &controlnet.field("in_channels", |net| net.encoder.in_channels),
            &unet.field("in_channels", |net| net.encoder.in_channels),
        );
        misfits.unless_equal(
            &controlnet.field("cross_attention_dim", |net| net.encoder.cross_attention_dim),
            &unet.field("cross_attention_dim", |net| net.encoder.cross_attention_dim),
        );
        misfits.unless_equal(
            &controlnet.field("block_out_channels", |net| &net.encoder.block_out_channels),
            &unet.field("block_out_channels", |net| &net.encoder.block_out_channels),
        );
        misfits.unless_equal(
            &controlnet.field("layers_per_block", |net| net.encoder.layers_per_block),
            &unet.field("layers_per_block", |net| net.encoder.layers_per_block),
        );
        let sees = controlnet.field("conditioning_channels", |net| net.conditioning_channels);
        misfits.unless_given(&sees, "edges", PICTURE_CHANNELS);
        // Each level but the last halves the picture of edges; the VAE's do so with pictures.
        let widths = controlnet.field("conditioning_embedding_out_channels", |net| {
            &net.conditioning_embedding_out_channels
        });
        let levels = self
            .vae
            .field("block_out_channels", |vae| &vae.block_out_channels);
        if widths.value.len() != levels.value.len() {
            misfits.add(&widths, &levels, "both must have as many levels");
        }
    }

    fn check_prediction(&self, misfits: &mut Misfits) {
        let prediction = &self.scheduler.says["prediction_type"];
        let known = [
            PredictionType::Epsilon,
            PredictionType::Velocity,
            PredictionType::Sample,
        ];
        if !prediction.is_null() && known.iter().all(|known| json!(known) != *prediction) {
            let known: Vec<String> = known.iter().map(|known| json!(known).to_string()).collect();
            misfits.0.push(format!(
                "{} has `prediction_type` = {prediction} (supported: {})",
                self.scheduler.file,
                known.join(", ")
            ));
        }
    }
}

impl<T: Debug> Field<'_, T> {
    fn told(&self) -> String {
        format!("{} has `{}` = {:?}", self.file, self.name, self.value)
    }
}

/// What doesn't fit, a sentence each.
struct Misfits(Vec<String>);

impl Misfits {
    fn add<A: Debug, B: Debug>(&mut self, one: &Field<'_, A>, other: &Field<'_, B>, rule: &str) {
        let (one, other) = (one.told(), other.told());
        self.0.push(format!("{one}, but {other}; {rule}"));
    }

    fn unless_equal<T: Debug + PartialEq>(&mut self, one: &Field<'_, T>, other: &Field<'_, T>) {
        if one.value != other.value {
            self.add(one, other, "they must be equal");
        }
    }

    fn unless_given(&mut self, field: &Field<'_, usize>, of: &str, channels: usize) {
        if field.value != channels {
            let told = field.told();
            self.0.push(format!("{told}, but {of} have {channels}"));
        }
    }
}
