//! What trains: the ControlNet, adapters of the UNet, or the UNet itself.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use reliad_diffusion::painter;
use reliad_diffusion::predictor::Predictor;
use reliad_diffusion::{ControlNetModel, UNet2DConditionModel};
use reliad_training::error::{Error, Result};
use reliad_weights::lora::{self, Adapters};
use reliad_weights::{ModelDir, Precision};
use serde::{Deserialize, Serialize};

/// The weights that are tuned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trained {
    /// The ControlNet, as the paper has it.
    #[default]
    Controlnet,
    /// Low-rank adapters of the UNet.
    Lora,
    /// The UNet.
    Unet,
}

impl Trained {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Controlnet, Self::Lora, Self::Unet];

    /// Its name in files and on the command line, and the directory that it is written to.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Controlnet => "controlnet",
            Self::Lora => "lora",
            Self::Unet => "unet",
        }
    }
}

impl std::str::FromStr for Trained {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.into_iter().find(|trained| trained.slug() == text);
        found.ok_or_else(|| format!("{text} is none of controlnet, lora and unet"))
    }
}

/// The networks that train; one of the three is there.
#[derive(Module, Debug)]
pub struct Trainable {
    /// The ControlNet.
    pub controlnet: Option<ControlNetModel>,
    /// Adapters of the UNet.
    pub adapters: Option<Adapters>,
    /// The UNet.
    pub unet: Option<UNet2DConditionModel>,
}

impl Trainable {
    /// What `trained` names of `model`, on the autodiff `device`; adapters are for the frozen `base`, which stands there.
    ///
    /// # Errors
    /// [`Error::Setting`] when the model has no ControlNet to train, or adapters of its own on the UNet that is to train; or weights
    /// that can't be loaded.
    pub fn load(
        model: &ModelDir,
        base: &Predictor,
        trained: Trained,
        rank: usize,
        device: &Device,
    ) -> Result<Self> {
        let failed = Error::component::<reliad_diffusion::Error>;
        let nothing = Self {
            controlnet: None,
            adapters: None,
            unet: None,
        };
        Ok(match trained {
            Trained::Controlnet if base.controlnet.is_none() => {
                return Err(Error::Setting {
                    name: "train",
                    reason: "the model has no ControlNet; train lora or unet".to_owned(),
                });
            }
            Trained::Controlnet => {
                let controlnet = ControlNetModel::load(&model.sub("controlnet"), device);
                Self {
                    controlnet: Some(controlnet.map_err(failed("controlnet"))?),
                    ..nothing
                }
            }
            Trained::Lora => Self {
                adapters: Some(Adapters::fresh(&base.unet, rank)),
                ..nothing
            },
            // The tuned UNet would have them in its weights, and the model lay them on once more.
            Trained::Unet if model.contains(painter::ADAPTERS) => {
                return Err(Error::Setting {
                    name: "train",
                    reason: format!(
                        "the model has adapters of its own ({}/), which a tuned UNet would hold twice; train controlnet or lora",
                        painter::ADAPTERS
                    ),
                });
            }
            Trained::Unet => {
                let unet = painter::unet(model, device);
                Self {
                    unet: Some(unet.map_err(failed("unet"))?),
                    ..nothing
                }
            }
        })
    }

    /// `base` with what trains in its place. Both stand on a device with gradients, or both on one without.
    pub fn predictor(&self, base: &Predictor) -> Predictor {
        let unet = match (&self.unet, &self.adapters) {
            (Some(unet), _) => unet.clone(),
            (None, Some(adapters)) => adapters.lay_on(base.unet.clone()),
            (None, None) => base.unet.clone(),
        };
        Predictor {
            unet,
            controlnet: self.controlnet.clone().or_else(|| base.controlnet.clone()),
        }
    }

    /// Writes it below `out` as diffusers would, in half precision, with the configuration that `model` has for it; `unet` is
    /// the model's own, which adapters are for.
    ///
    /// # Errors
    /// [`Error::Component`] when a file can't be written.
    pub fn save(&self, model: &ModelDir, unet: &UNet2DConditionModel, out: &Path) -> Result<()> {
        let copied = |component: &'static str| -> Result<()> {
            let name = format!("{component}/config.json");
            let config: serde_json::Value = model
                .read_json(&name)
                .map_err(Error::component(component))?;
            reliad_weights::write_config(&out.join(name), &config)
                .map_err(Error::component(component))
        };
        const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";
        if let Some(controlnet) = &self.controlnet {
            let file = out.join("controlnet").join(WEIGHTS);
            let keys = ControlNetModel::key_map();
            reliad_weights::save(controlnet, &file, Precision::F16, &keys)
                .map_err(Error::component("controlnet"))?;
            copied("controlnet")?;
        }
        if let Some(adapters) = &self.adapters {
            let file = out.join("lora").join(lora::FILE);
            let keys = UNet2DConditionModel::key_map();
            adapters
                .save(unet, "unet", &keys, &file)
                .map_err(Error::component("lora"))?;
        }
        if let Some(unet) = &self.unet {
            let file = out.join("unet").join(WEIGHTS);
            let keys = UNet2DConditionModel::key_map();
            reliad_weights::save(unet, &file, Precision::F16, &keys)
                .map_err(Error::component("unet"))?;
            copied("unet")?;
        }
        Ok(())
    }
}
