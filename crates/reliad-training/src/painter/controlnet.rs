//! Training of the ControlNet on edges of the product, beside a frozen UNet.

use burn::module::Module;
use burn::tensor::Tensor;
use reliad_diffusion::components::Components;
use reliad_diffusion::painter;
use reliad_diffusion::{
    ControlNetConfig, ControlNetModel, UNet2DConditionConfig, UNet2DConditionModel,
};
use reliad_weights::{ModelDir, Precision};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::fit::parameters::preserve_variance;
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::painter::controlled::{Batch, Controlled, ControlledRecipe, WithoutProduct};
use crate::painter::noised::weighted_error;
use crate::stage::{Ended, Stage};

/// Settings of the ControlNet's training (`controlnet.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlNetTraining {
    /// The fields of `controlnet/config.json` that a UNet has not; the others are the UNet's. Unused in a warm start: the weights that
    /// are there have their own.
    pub network: Value,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// What the loss counts and the prompts lose.
    #[serde(default)]
    pub recipe: ControlledRecipe,
}

const NAME: &str = "controlnet";

/// Trains the ControlNet and writes `controlnet/`.
///
/// # Errors
/// A missing `vae/`, `tokenizer/`, `text_encoder/`, `scheduler/` or `unet/`, data that cannot be read, a
/// configuration that is not supported, or a failing disk.
pub fn train(
    config: &ControlNetTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) -> Result<Ended> {
    stage.on_one_device(NAME)?;
    let failed = Error::component::<reliad_diffusion::Error>;
    let model = ModelDir::open(&stage.out).map_err(Error::component("model directory"))?;
    let device = stage.training_device();
    let unet_config: Value = model
        .read_json("unet/config.json")
        .map_err(Error::component("unet"))?;
    // Weights that are there have their own shape.
    let network = if stage.warm_start {
        let own = model.read_json("controlnet/config.json");
        let own: Value = own.map_err(Error::component(NAME))?;
        ControlNetConfig::from_json(&own).map_err(Error::component(NAME))?
    } else {
        network_config(&unet_config, &config.network)?
    };
    let components = Components::read(&model).map_err(failed(NAME))?;
    let named = match stage.warm_start {
        true => model.display("controlnet/config.json"),
        false => "the training's network".to_owned(),
    };
    let components = components.with_controlnet(&named, network.clone());
    components.check().map_err(failed(NAME))?;
    let text_encoder =
        painter::text_encoder(&model, &stage.device).map_err(failed("text_encoder"))?;
    let batch_size = config.fit.batch_size;
    let samples = Controlled::open(
        &model,
        text_encoder,
        stage,
        (config.recipe, WithoutProduct::LeftOut),
        batch_size,
        control,
    )?;
    let Some(samples) = samples else {
        return Ok(Ended::Stopped);
    };
    let frozen = painter::unet(&model, &stage.device)
        .map_err(failed("unet"))?
        .train();
    device.seed(stage.seed);
    let start = if stage.warm_start {
        reliad_weights::load(
            network.init(&device),
            &model.sub(NAME),
            &ControlNetModel::key_map(),
        )
        .map_err(Error::component(NAME))?
    } else {
        let mut start = ControlNetModel::from_unet(&frozen, &network, &device);
        // Two zero convolutions in a row would leave the edges without a gradient for hundreds of
        // steps, and PyTorch's own initialisation lets sparse edges fade on their way: those before the
        // UNet's copy start with full variance, those behind it still start at zero.
        start.controlnet_cond_embedding =
            preserve_variance(start.controlnet_cond_embedding, stage.seed, 1.6, |_| true);
        start
    };
    let mut task = ControlNetTask {
        samples,
        plain_unet: frozen.valid(),
        unet: frozen.freeze(),
    };
    match fit(
        &mut task,
        start,
        &stage.training(NAME, &config.fit, &stage.checkpoints(NAME)),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            let dir = stage.component(NAME);
            reliad_weights::save(
                &model,
                &dir.join("diffusion_pytorch_model.safetensors"),
                Precision::F16,
                &ControlNetModel::key_map(),
            )
            .map_err(Error::component(NAME))?;
            reliad_weights::write_config(&dir.join("config.json"), &network.to_json())
                .map_err(Error::component(NAME))?;
            Ok(Ended::Finished(figures))
        }
    }
}

/// The ControlNet's configuration: what it shares with the UNet, and `own`. Fields that diffusers writes for a UNet alone are
/// none of a ControlNet's.
fn network_config(unet: &Value, own: &Value) -> Result<ControlNetConfig> {
    let unet = UNet2DConditionConfig::from_json(unet).map_err(Error::component("unet"))?;
    let mut json = json!(unet.encoder);
    if let (Some(fields), Some(own)) = (json.as_object_mut(), own.as_object()) {
        fields.extend(own.clone());
    }
    ControlNetConfig::from_json(&json).map_err(Error::component("controlnet config"))
}

struct ControlNetTask {
    samples: Controlled,
    unet: UNet2DConditionModel,
    plain_unet: UNet2DConditionModel,
}

/// Weighted error of the frozen UNet under the ControlNet, or without one.
fn error(
    unet: &UNet2DConditionModel,
    controlnet: Option<&ControlNetModel>,
    batch: Batch,
) -> Tensor<1> {
    let Batch {
        noised,
        text,
        edges,
        region,
        // Samples without edges are left out.
        shown: _,
    } = batch;
    let (sample, timesteps) = (noised.sample.clone(), noised.timesteps.clone());
    let residuals = controlnet.map(|network| {
        let seen = network.see(edges);
        network.forward(sample.clone(), timesteps.clone(), text.clone(), seen, 1.0)
    });
    let output = unet.forward(sample, timesteps, text, residuals);
    weighted_error(output, &noised, region)
}

impl Task for ControlNetTask {
    type Model = ControlNetModel;

    const SIDE_BY_SIDE: bool = true;

    fn samples(&self) -> usize {
        self.samples.samples()
    }

    fn loss(&self, model: &ControlNetModel, step: &mut Step) -> Result<Loss> {
        let batch = self.samples.batch(step)?.lifted();
        Ok(Loss {
            gradients: None,
            total: error(&self.unet, Some(model), batch),
            parts: Vec::new(),
        })
    }

    fn validate(&mut self, average: &ControlNetModel) -> Result<Vec<(String, f64)>> {
        let (mut with, mut without) = (0.0, 0.0);
        for batch in self.samples.held_out() {
            let (share, batch) = batch?;
            let measure = |controlnet, batch| {
                share * error(&self.plain_unet, controlnet, batch).into_scalar::<f64>()
            };
            with += measure(Some(average), batch.clone());
            without += measure(None, batch);
        }
        Ok(vec![
            ("held_out_loss".to_owned(), with),
            ("held_out_loss_without".to_owned(), without),
        ])
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use super::*;

    #[test]
    fn a_unet_that_diffusers_saved_gives_its_shape() {
        let unet =
            include_str!("../../../reliad-diffusion/tests/fixtures/inpaint/unet/config.json");
        let unet: Value = serde_json::from_str(unet).unwrap();
        let own = json!({"_class_name": "ControlNetModel", "conditioning_embedding_out_channels": [4, 8]});
        let network = network_config(&unet, &own).unwrap();
        assert_eq!(network.encoder.block_out_channels, [8, 16]);
        assert_eq!(network.encoder.cross_attention_dim, 12);
        assert_eq!(network.conditioning_embedding_out_channels, [4, 8]);
        assert!(network_config(&unet, &json!({"only_own": 1})).is_err());
    }
}
