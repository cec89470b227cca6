//! Training of low-rank adapters of the UNet, beside the ControlNet and on top of weights that stay: a painter learns a
//! merchant's style, or what it still lacks, in a file of a few per cent of its size.

use burn::module::Module;
use burn::tensor::Tensor;
use reliad_diffusion::components::Components;
use reliad_diffusion::{ClipTextModel, ControlNetModel, ControlResiduals, UNet2DConditionModel};
use reliad_weights::ModelDir;
use reliad_weights::lora::{self, Adapters};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::painter::controlled::{Batch, Controlled, ControlledRecipe, WithoutProduct};
use crate::painter::noised::weighted_error;
use crate::stage::{Ended, Stage};

/// Settings of the adapters' training (`lora.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraTraining {
    /// Rows of each adapter's first factor: how much it can hold. Its scale is 1.
    pub rank: usize,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// What the loss counts and the prompts lose.
    #[serde(default)]
    pub recipe: ControlledRecipe,
}

/// Of reports and checkpoints, and of the component.
const NAME: &str = reliad_diffusion::painter::ADAPTERS;

/// Trains the adapters under the model's own schedule and ControlNet, where it has one, and writes
/// `lora/pytorch_lora_weights.safetensors`. Adapters that stand there are replaced, not trained on.
///
/// # Errors
/// A missing `vae/`, `tokenizer/`, `text_encoder/`, `scheduler/` or `unet/`, data that cannot be read, a configuration that
/// is not supported, or a failing disk.
pub fn train(config: &LoraTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    stage.on_one_device(NAME)?;
    if config.rank == 0 {
        return Err(Error::Setting {
            name: "rank",
            reason: "must be at least 1".to_owned(),
        });
    }
    let failed = Error::component::<reliad_diffusion::Error>;
    let model = ModelDir::open(&stage.out).map_err(Error::component("model directory"))?;
    let components = Components::read(&model).and_then(Components::check);
    components.map_err(failed(NAME))?;
    let device = stage.training_device();
    let text_encoder = ClipTextModel::load(&model.sub("text_encoder"), &stage.device)
        .map_err(failed("text_encoder"))?;
    let batch_size = config.fit.batch_size;
    let samples = Controlled::open(
        &model,
        text_encoder,
        stage,
        (config.recipe, WithoutProduct::Taken),
        batch_size,
        control,
    )?;
    let Some(samples) = samples else {
        return Ok(Ended::Stopped);
    };
    if samples.nothing_held_out() && config.fit.patience > 0 {
        return Err(Error::Setting {
            name: "fit.patience",
            reason: "needs samples that are held out; divide the data by `reliad data split`, or leave it out".to_owned(),
        });
    }
    // Large networks come after what may be wrong with the data.
    let unet =
        UNet2DConditionModel::load(&model.sub("unet"), &stage.device).map_err(failed("unet"))?;
    let controlnet = match model.contains("controlnet") {
        true => Some(
            ControlNetModel::load(&model.sub("controlnet"), &stage.device)
                .map_err(failed("controlnet"))?,
        ),
        false => None,
    };
    device.seed(stage.seed);
    let frozen = unet.clone().train().freeze();
    let start = Adapters::fresh(&frozen, config.rank);
    let mut task = LoraTask {
        samples,
        controlnet,
        plain_unet: unet.clone(),
        unet: frozen,
    };
    match fit(
        &mut task,
        start,
        &stage.training(NAME, &config.fit, &stage.checkpoints(NAME)),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            let file = stage.component(NAME).join(lora::FILE);
            model
                .save(&unet, "unet", &UNet2DConditionModel::key_map(), &file)
                .map_err(Error::component(NAME))?;
            Ok(Ended::Finished(figures))
        }
    }
}

struct LoraTask {
    samples: Controlled,
    controlnet: Option<ControlNetModel>,
    /// Stands on the training device, without gradients of its own.
    unet: UNet2DConditionModel,
    plain_unet: UNet2DConditionModel,
}

impl LoraTask {
    /// What the ControlNet adds to the UNet, which needs no gradient.
    fn residuals(&self, batch: &Batch) -> Option<ControlResiduals> {
        // It says nothing of samples without a product, not even that there are no edges.
        let controlnet = self.controlnet.as_ref()?;
        let (noised, text) = (&batch.noised, batch.text.clone());
        let (sample, timesteps) = (noised.sample.clone(), noised.timesteps.clone());
        let seen = controlnet.see(batch.edges.clone());
        let residuals = controlnet.forward(sample, timesteps, text, seen, 1.0);
        let Some(shown) = &batch.shown else {
            return Some(residuals);
        };
        let masked = |added: Tensor<4>| added * shown.clone();
        Some(ControlResiduals {
            down: residuals.down.into_iter().map(masked).collect(),
            mid: masked(residuals.mid),
        })
    }
}

/// Weighted error of what `unet` predicts.
fn error(
    unet: &UNet2DConditionModel,
    batch: Batch,
    residuals: Option<ControlResiduals>,
) -> Tensor<1> {
    let noised = &batch.noised;
    let (sample, timesteps) = (noised.sample.clone(), noised.timesteps.clone());
    let output = unet.forward(sample, timesteps, batch.text, residuals);
    weighted_error(output, noised, batch.region)
}

impl Task for LoraTask {
    type Model = Adapters;

    const SIDE_BY_SIDE: bool = true;

    fn samples(&self) -> usize {
        self.samples.samples()
    }

    fn loss(&self, model: &Adapters, step: &mut Step) -> Result<Loss> {
        let batch = self.samples.batch(step)?;
        let residuals = self.residuals(&batch).map(|plain| ControlResiduals {
            down: plain.down.into_iter().map(Tensor::from_inner).collect(),
            mid: Tensor::from_inner(plain.mid),
        });
        let unet = model.lay_on(self.unet.clone());
        Ok(Loss {
            gradients: None,
            total: error(&unet, batch.lifted(), residuals),
            parts: Vec::new(),
        })
    }

    fn validate(&mut self, average: &Adapters) -> Result<Vec<(String, f64)>> {
        if self.samples.nothing_held_out() {
            return Ok(Vec::new());
        }
        let unet = average.lay_on(self.plain_unet.clone());
        let mut sum = 0.0;
        for batch in self.samples.held_out() {
            let (share, batch) = batch?;
            let residuals = self.residuals(&batch);
            sum += share * error(&unet, batch, residuals).into_scalar::<f64>();
        }
        Ok(vec![("held_out_loss".to_owned(), sum)])
    }
}
