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

/// How an item is steered.
#[derive(Debug, Clone)]
pub struct Control {
    /// What the ControlNet sees of the item's control picture, `[1, channels, h, w]`; `None` where there is no ControlNet.
    seen: Option<Tensor<4>>,
    /// The factor of the ControlNet's residuals.
    scale: f64,
}

impl Predictor {
    /// How one item is steered: the same in every step of a run, so that it is looked at once.
    pub fn control(&self, conditions: &Conditions, item: usize, scale: f64) -> Control {
        let picture = || conditions.control.clone().narrow(0, item, 1);
        Control {
            seen: self.controlnet.as_ref().map(|net| net.see(picture())),
            scale,
        }
    }

    /// What the networks say of one item, in the parts that are wanted.
    ///
    /// Items never share a call of the network, so that an item's numbers do not depend on its batch; the halves for the
    /// prompt and for the negative prompt of one item do.
    ///
    /// # Shapes
    /// - samples: `[n, channels, h, w]`, of which row `item` is looked at; output: `[1, channels, h, w]`
    /// - control: of this item, by these networks
    pub fn predict(
        &self,
        samples: &Tensor<4>,
        timestep: f64,
        conditions: &Conditions,
        item: usize,
        control: &Control,
        wanted: &Parts,
    ) -> Predicted {
        let sample = samples.clone().narrow(0, item, 1);
        let text = conditions.text.clone().narrow(0, item, 1);
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
        let steered = self.controlnet.as_ref().zip(control.seen.clone());
        let residuals = steered.map(|(net, seen)| {
            net.forward(
                repeated.clone(),
                timesteps(rows),
                texts.clone(),
                seen.repeat_dim(0, rows),
                control.scale,
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
