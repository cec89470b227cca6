//! The networks that predict: a UNet, steered by a ControlNet where there is one.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::conditions::Conditions;
use crate::guidance::{Parts, Predicted};
use crate::{ControlNetModel, UNet2DConditionModel};

/// A UNet and its ControlNet.
#[derive(Module, Debug)]
pub struct Predictor {
    /// The denoiser.
    pub unet: UNet2DConditionModel,
    /// Its steering network.
    pub controlnet: Option<ControlNetModel>,
}

impl Predictor {
    /// What the networks say of one item, in the parts that are wanted.
    ///
    /// Items never share a call of the network, so that an item's numbers do not depend on its batch; the halves for the
    /// prompt and for the negative prompt of one item do.
    ///
    /// # Shapes
    /// - samples: `[n, channels, h, w]`, of which row `item` is looked at; output: `[1, channels, h, w]`
    pub fn predict(
        &self,
        samples: &Tensor<4>,
        timestep: f64,
        conditions: &Conditions,
        item: usize,
        control_scale: f64,
        wanted: &Parts,
    ) -> Predicted {
        let sample = samples.clone().narrow(0, item, 1);
        let text = conditions.text.clone().narrow(0, item, 1);
        let control = conditions.control.clone().narrow(0, item, 1);
        let timesteps = |n: usize| Tensor::<1>::full([n], timestep, &samples.device());
        // Away from the negative prompt: one more row.
        let rows = if wanted.unconditional { 2 } else { 1 };
        let texts = match wanted.unconditional {
            true => {
                let negative = conditions.negative.clone().narrow(0, item, 1);
                Tensor::cat(vec![negative, text.clone()], 0)
            }
            false => text.clone(),
        };
        let repeated = sample.clone().repeat_dim(0, rows);
        let residuals = self.controlnet.as_ref().map(|net| {
            net.forward(
                repeated.clone(),
                timesteps(rows),
                texts.clone(),
                control.repeat_dim(0, rows),
                control_scale,
            )
        });
        let output = self
            .unet
            .forward(repeated, timesteps(rows), texts, residuals.clone());
        let perturbed = wanted.perturbed.map(|parts| {
            self.unet.forward_perturbed(
                sample,
                timesteps(1),
                text,
                residuals.map(|residuals| residuals.row(rows - 1)),
                parts,
            )
        });
        Predicted {
            conditional: output.clone().narrow(0, rows - 1, 1),
            unconditional: wanted.unconditional.then(|| output.narrow(0, 0, 1)),
            perturbed,
        }
    }
}
