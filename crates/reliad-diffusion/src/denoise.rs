//! The one denoising loop of the program: an iterator of DDIM steps that carries gradients when asked.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::inpaint::Inpainting;
use crate::perturbed::UnetParts;
use crate::scheduler::{Combination, DdimStep};
use crate::{ControlNetModel, UNet2DConditionModel};

/// How a run is sampled.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DenoiseSettings {
    /// Number of steps, at least 1.
    pub steps: usize,
    /// Guidance scale `w` of `u + w (t - u)`; 1 leaves the unconditional half out.
    pub guidance: f64,
    /// Share in `[0, 1]` by which the guided output is brought back to the spread of the conditional one (Lin et al.
    /// 2023, section 3.4); 0 is plain guidance.
    pub guidance_rescale: f64,
    /// Scale `s` of perturbed-attention guidance, which adds `s (t - p)`: `p` is the prediction for the prompt when pixels don't
    /// attend to each other in `perturbed_parts` of the UNet (Ahn et al. 2024, as diffusers combines the two); 0 is none.
    #[serde(default)]
    pub perturbed_attention: f64,
    /// Where the UNet's self-attention is perturbed for that.
    #[serde(default)]
    pub perturbed_parts: UnetParts,
    /// The steps that are guided, in either way; the others need one call of the network.
    #[serde(default)]
    pub guidance_interval: GuidanceInterval,
    /// Factor of the ControlNet's residuals.
    pub control_scale: f64,
    /// 0: deterministic DDIM; 1: as much fresh noise as ancestral sampling.
    pub eta: f64,
}

/// The part of a run that is guided, as two shares of its steps, `0 <= start <= stop <= 1`; all of it by default.
///
/// Guidance in the noisiest steps costs variety, and in the last ones it exaggerates (Kynkäänniemi et al. 2024). Steps are
/// counted as diffusers' guiders count them: of `n`, those from `floor(start n)` to before `floor(stop n)`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(from = "[f64; 2]", into = "[f64; 2]")]
pub struct GuidanceInterval {
    /// Where guidance starts.
    pub start: f64,
    /// Where it stops.
    pub stop: f64,
}

impl GuidanceInterval {
    /// Every step.
    pub const WHOLE: Self = Self {
        start: 0.0,
        stop: 1.0,
    };

    /// Whether this is every step.
    pub fn is_whole(&self) -> bool {
        *self == Self::WHOLE
    }

    /// Whether the two are shares in order.
    pub fn is_valid(&self) -> bool {
        0.0 <= self.start && self.start <= self.stop && self.stop <= 1.0
    }

    /// Whether the step `index` of `steps` is guided.
    pub fn covers(&self, index: usize, steps: usize) -> bool {
        let step = |share: f64| (share * steps as f64) as usize;
        (step(self.start)..step(self.stop)).contains(&index)
    }
}

impl Default for GuidanceInterval {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl From<[f64; 2]> for GuidanceInterval {
    fn from([start, stop]: [f64; 2]) -> Self {
        Self { start, stop }
    }
}

impl From<GuidanceInterval> for [f64; 2] {
    fn from(interval: GuidanceInterval) -> Self {
        [interval.start, interval.stop]
    }
}

impl std::fmt::Display for GuidanceInterval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.start, self.stop)
    }
}

impl std::str::FromStr for GuidanceInterval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shares = text
            .split_once(':')
            .and_then(|(start, stop)| Some([start.parse().ok()?, stop.parse().ok()?]));
        shares
            .map(Self::from)
            .filter(Self::is_valid)
            .ok_or_else(|| format!("{text} isn't START:STOP, two shares of the steps from 0 to 1"))
    }
}

/// What a batch of `n` items is painted from. Every tensor has `n` rows.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Text embeddings `[n, tokens, width]`.
    pub text: Tensor<3>,
    /// Embeddings of the negative prompt `[n, tokens, width]`.
    pub negative: Tensor<3>,
    /// The ControlNet's picture `[n, 3, 8h, 8w]`, in `[0, 1]`.
    pub control: Tensor<4>,
    /// Starting noise `[n, channels, h, w]`.
    pub noise: Tensor<4>,
    /// Fresh noise of every step, `steps` tensors as `noise`; may be empty when `eta` is 0.
    pub step_noise: Vec<Tensor<4>>,
    /// What is known of the picture, and where.
    pub inpainting: Option<Inpainting>,
}

/// The networks that predict: a UNet, steered by a ControlNet where there is one.
#[derive(Module, Debug)]
pub struct Predictor {
    /// The denoiser.
    pub unet: UNet2DConditionModel,
    /// Its steering network.
    pub controlnet: Option<ControlNetModel>,
}

impl Predictor {
    /// The guided output of the network, `u + w (t - u) + s (t - p)`, item by item; `t` unless `is_guided`.
    ///
    /// Items never share a call of the network, so that an item's numbers do not depend on its batch; the two halves
    /// `u` and `t` of one item do.
    ///
    /// # Shapes
    /// - latents: `[n, channels, h, w]`; output: the same
    pub fn guided(
        &self,
        latents: Tensor<4>,
        timestep: usize,
        conditions: &Conditions,
        is_guided: bool,
        settings: &DenoiseSettings,
    ) -> Tensor<4> {
        let outputs = (0..latents.dims()[0])
            .map(|item| self.guided_item(&latents, timestep, conditions, item, is_guided, settings))
            .collect();
        Tensor::cat(outputs, 0)
    }

    fn guided_item(
        &self,
        latents: &Tensor<4>,
        timestep: usize,
        conditions: &Conditions,
        item: usize,
        is_guided: bool,
        settings: &DenoiseSettings,
    ) -> Tensor<4> {
        let sample = latents.clone().narrow(0, item, 1);
        let text = conditions.text.clone().narrow(0, item, 1);
        let control = conditions.control.clone().narrow(0, item, 1);
        let timesteps = |n: usize| Tensor::<1>::full([n], timestep as f64, &latents.device());
        // Away from the negative prompt: one more row.
        let away = is_guided && settings.guidance != 1.0;
        let rows = if away { 2 } else { 1 };
        let texts = if away {
            let negative = conditions.negative.clone().narrow(0, item, 1);
            Tensor::cat(vec![negative, text.clone()], 0)
        } else {
            text.clone()
        };
        let samples = sample.clone().repeat_dim(0, rows);
        let residuals = self.controlnet.as_ref().map(|net| {
            net.forward(
                samples.clone(),
                timesteps(rows),
                texts.clone(),
                control.repeat_dim(0, rows),
                settings.control_scale,
            )
        });
        let output = self
            .unet
            .forward(samples, timesteps(rows), texts, residuals.clone());
        let prompted = output.clone().narrow(0, rows - 1, 1);
        let perturb = is_guided && settings.perturbed_attention != 0.0;
        if !(away || perturb) {
            return prompted;
        }
        let mut guided = prompted.clone();
        if away {
            let free = output.narrow(0, 0, 1);
            guided = free.clone() + (guided - free).mul_scalar(settings.guidance);
        }
        if perturb {
            let perturbed = self.unet.forward_perturbed(
                sample,
                timesteps(1),
                text,
                residuals.map(|residuals| residuals.row(rows - 1)),
                settings.perturbed_parts,
            );
            let from = prompted.clone() - perturbed;
            guided = guided + from.mul_scalar(settings.perturbed_attention);
        }
        rescale(guided, prompted, settings.guidance_rescale)
    }
}

/// Mixes the guided output with itself at the spread of the conditional one, per item.
fn rescale(guided: Tensor<4>, prompted: Tensor<4>, share: f64) -> Tensor<4> {
    if share == 0.0 {
        return guided;
    }
    let spread = |tensor: Tensor<4>| {
        let [_, channels, height, width] = tensor.dims();
        let flat = tensor.reshape([1, channels * height * width]);
        flat.var(1).sqrt().reshape([1, 1, 1, 1])
    };
    let factor = spread(prompted) / spread(guided.clone());
    guided.clone() * factor.mul_scalar(share) + guided.mul_scalar(1.0 - share)
}

/// What one step leaves behind.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its place in the run, from 0.
    pub index: usize,
    /// The training timestep that the network was told.
    pub timestep: usize,
    /// The guided prediction of the clean latents `[n, channels, h, w]`; carries gradients at the chosen step only.
    pub x0: Tensor<4>,
    /// The latents after the step, without gradients.
    pub latents: Tensor<4>,
}

/// A run under way. Draining it paints; taking steps one by one lets a caller look, stop, or learn.
#[derive(Debug)]
pub struct Denoising {
    predictor: Predictor,
    /// The same networks without autodiff.
    plain: Predictor,
    conditions: Conditions,
    settings: DenoiseSettings,
    steps: Vec<DdimStep>,
    clip: Option<f64>,
    index: usize,
    latents: Tensor<4>,
    gradients_at: Option<usize>,
}

impl Denoising {
    /// Starts a run. The predictor may stand on a device with or without autodiff.
    pub fn new(
        predictor: Predictor,
        conditions: Conditions,
        settings: DenoiseSettings,
        steps: Vec<DdimStep>,
        clip: Option<f64>,
    ) -> Self {
        Self {
            latents: conditions.noise.clone(),
            plain: predictor.valid(),
            predictor,
            conditions,
            settings,
            steps,
            clip,
            index: 0,
            gradients_at: None,
        }
    }

    /// Tracks gradients through the step of this index, and through no other.
    ///
    /// The predictor must stand on an autodiff device; the conditions need not. The step's [`Step::x0`] then leads
    /// back to the predictor's parameters; the latents it started from are constants.
    pub fn with_gradients_at(mut self, index: usize) -> Self {
        self.gradients_at = Some(index);
        self
    }

    /// How many steps the run has in all.
    pub fn total(&self) -> usize {
        self.steps.len()
    }

    /// The latents as they stand.
    pub fn latents(&self) -> Tensor<4> {
        self.latents.clone()
    }
}

impl Iterator for Denoising {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let step = *self.steps.get(self.index)?;
        let tracked = self.gradients_at == Some(self.index);
        let predictor = if tracked {
            &self.predictor
        } else {
            &self.plain
        };
        let sample = self.latents.clone();
        let output = predictor.guided(
            sample.clone(),
            step.timestep,
            &self.conditions,
            self.settings
                .guidance_interval
                .covers(self.index, self.settings.steps),
            &self.settings,
        );
        let mut x0 = combine(step.x0, sample.clone(), output.clone());
        if let Some(range) = self.clip {
            x0 = x0.clamp(-range, range);
        }
        let noise = combine(step.noise, sample, output);
        let (clean, noise) = (x0.clone().without_autodiff(), noise.without_autodiff());
        let x0 = if tracked { x0 } else { clean.clone() };
        let direction = (1.0 - step.alpha_next - step.sigma * step.sigma).max(0.0);
        let mut latents =
            clean.mul_scalar(step.alpha_next.sqrt()) + noise.mul_scalar(direction.sqrt());
        if step.sigma > 0.0
            && let Some(fresh) = self.conditions.step_noise.get(self.index)
        {
            latents = latents + fresh.clone().mul_scalar(step.sigma);
        }
        if let Some(inpainting) = &self.conditions.inpainting {
            let next = self.steps.get(self.index + 1);
            let alpha = next.map_or(1.0, |next| next.alpha);
            latents = inpainting.blend(latents, self.conditions.noise.clone(), alpha);
        }
        self.latents = latents.clone();
        self.index += 1;
        Some(Step {
            index: self.index - 1,
            timestep: step.timestep,
            x0,
            latents,
        })
    }
}

fn combine(factors: Combination, sample: Tensor<4>, output: Tensor<4>) -> Tensor<4> {
    match (factors.of_sample, factors.of_output) {
        (0.0, 1.0) => output,
        (of_sample, of_output) => sample.mul_scalar(of_sample) + output.mul_scalar(of_output),
    }
}
