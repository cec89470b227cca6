//! Guidance: which parts of a prediction a step needs, and how they become one.

use burn::tensor::Tensor;

use crate::perturbed::UnetParts;

/// How predictions are guided.
#[derive(Debug, Clone, PartialEq)]
pub struct Guidance {
    /// Scale `w` of classifier-free guidance, `u + w (t - u)` (Ho & Salimans 2022); 1 is none.
    pub scale: f64,
    /// Share in `[0, 1]` by which the guided output is brought back to the spread of the conditional one (Lin et al.
    /// 2023, section 3.4); 0 is plain guidance.
    pub rescale: f64,
    /// Scale `s` of perturbed-attention guidance, which adds `s (t - p)` (Ahn et al. 2024, as diffusers combines the two);
    /// 0 is none.
    pub perturbed_attention: f64,
    /// Where the UNet's self-attention is perturbed for that.
    pub perturbed_parts: UnetParts,
    /// The steps that are guided, in either way.
    pub interval: GuidanceInterval,
}

impl Guidance {
    /// The conditional prediction as it is.
    pub const NONE: Self = Self {
        scale: 1.0,
        rescale: 0.0,
        perturbed_attention: 0.0,
        perturbed_parts: UnetParts::NONE,
        interval: GuidanceInterval::WHOLE,
    };

    /// What the step `index` of a whole schedule of `total` needs beside the conditional prediction.
    pub fn parts(&self, index: usize, total: usize) -> Parts {
        let is_guided = self.interval.covers(index, total);
        let perturbed = is_guided && self.perturbed_attention != 0.0;
        Parts {
            unconditional: is_guided && self.scale != 1.0,
            perturbed: perturbed.then_some(self.perturbed_parts),
        }
    }

    /// Combines the parts of one item's prediction, as far as `used` names them; others are kept but not used.
    ///
    /// # Shapes
    /// - all tensors: `[1, channels, h, w]`
    pub fn guide(&self, predicted: Predicted, used: &Parts) -> Prediction {
        let Predicted {
            conditional,
            unconditional,
            perturbed,
        } = predicted;
        let away = unconditional.as_ref().filter(|_| used.unconditional);
        let from = perturbed.as_ref().filter(|_| used.perturbed.is_some());
        let mut guided = conditional.clone();
        if let Some(free) = away {
            guided = free.clone() + (guided - free.clone()).mul_scalar(self.scale);
        }
        if let Some(perturbed) = from {
            let from = conditional.clone() - perturbed.clone();
            guided = guided + from.mul_scalar(self.perturbed_attention);
        }
        if away.is_some() || from.is_some() {
            guided = rescale(guided, conditional.clone(), self.rescale);
        }
        Prediction {
            conditional,
            unconditional,
            perturbed,
            guided,
        }
    }
}

/// Predictions beside the conditional one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// For the negative prompt.
    pub unconditional: bool,
    /// For the prompt, with perturbed self-attention in these parts of the UNet.
    pub perturbed: Option<UnetParts>,
}

/// What the networks said, before guidance. Every tensor is `[n, channels, h, w]`.
#[derive(Debug, Clone)]
pub struct Predicted {
    /// For the prompt.
    pub conditional: Tensor<4>,
    /// For the negative prompt, where it was asked for.
    pub unconditional: Option<Tensor<4>>,
    /// For the prompt with perturbed self-attention, where it was asked for.
    pub perturbed: Option<Tensor<4>>,
}

/// A guided prediction with its parts. Every tensor is `[n, channels, h, w]`, in the units that the network predicts
/// ([`crate::scheduler::PredictionType`]).
#[derive(Debug, Clone)]
pub struct Prediction {
    /// For the prompt.
    pub conditional: Tensor<4>,
    /// For the negative prompt, where it was asked for.
    pub unconditional: Option<Tensor<4>>,
    /// For the prompt with perturbed self-attention, where it was asked for.
    pub perturbed: Option<Tensor<4>>,
    /// What the step goes by.
    pub guided: Tensor<4>,
}

impl Prediction {
    /// The same without the graph behind it.
    pub fn detached(self) -> Self {
        Self {
            conditional: self.conditional.without_autodiff(),
            unconditional: self.unconditional.map(Tensor::without_autodiff),
            perturbed: self.perturbed.map(Tensor::without_autodiff),
            guided: self.guided.without_autodiff(),
        }
    }

    /// Puts the predictions of several items into one batch.
    pub fn stack(items: Vec<Self>) -> Self {
        let all = |part: fn(&Self) -> Option<Tensor<4>>| -> Option<Tensor<4>> {
            let tensors: Option<Vec<_>> = items.iter().map(part).collect();
            tensors.map(|tensors| Tensor::cat(tensors, 0))
        };
        let always = |part: fn(&Self) -> &Tensor<4>| {
            Tensor::cat(items.iter().map(|item| part(item).clone()).collect(), 0)
        };
        Self {
            conditional: always(|item| &item.conditional),
            unconditional: all(|item| item.unconditional.clone()),
            perturbed: all(|item| item.perturbed.clone()),
            guided: always(|item| &item.guided),
        }
    }
}

/// Mixes the guided output with itself at the spread of the conditional one, per item.
fn rescale(guided: Tensor<4>, prompted: Tensor<4>, share: f64) -> Tensor<4> {
    if share == 0.0 {
        return guided;
    }
    let spread = |tensor: Tensor<4>| {
        let [items, channels, height, width] = tensor.dims();
        let flat = tensor.reshape([items, channels * height * width]);
        flat.var(1).sqrt().reshape([items, 1, 1, 1])
    };
    let factor = spread(prompted) / spread(guided.clone());
    guided.clone() * factor.mul_scalar(share) + guided.mul_scalar(1.0 - share)
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
