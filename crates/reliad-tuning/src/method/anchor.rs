//! What holds a tuned painter to the one it was.

use burn::tensor::Tensor;
use reliad_diffusion::guidance::Predicted;
use reliad_diffusion::scheduler::PlanStep;
use reliad_training::error::Result;
use serde::{Deserialize, Serialize};

use crate::config::Beta;

/// How Consistent Condition is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// As the authors' code has it: the mean squared difference of the directions.
    #[default]
    Code,
    /// As the paper has it: the 2-norm of the difference of the directions, each times `-1 / sqrt(1 - a_t)`.
    Paper,
}

/// A regulariser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// How much it counts.
    pub beta: Beta,
    /// How it is written; of Consistent Condition only.
    #[serde(default)]
    pub form: Form,
}

impl Anchor {
    /// Checks the range.
    ///
    /// # Errors
    /// [`reliad_training::Error::Setting`].
    pub fn check(&self) -> Result<()> {
        self.beta.check("beta")
    }
}

/// Consistent Condition (Du et al. 2024; METHOD): what the prompt changes, `d = eps(x_t, text, control) - eps(x_t, no text,
/// control)`, stays what the reference makes of it. `[1]`.
///
/// Predictions of any type count as the noise they say (`step.noise`).
///
/// # Panics
/// When one of the two has no unconditional part.
pub fn consistent_condition(
    tuned: &Predicted,
    reference: &Predicted,
    step: &PlanStep,
    form: Form,
) -> Tensor<1> {
    let direction = |predicted: &Predicted| {
        let free = predicted.unconditional.clone();
        predicted.conditional.clone() - free.expect("Consistent Condition asks for both parts")
    };
    let kept = direction(reference);
    let apart = beyond_rounding(direction(tuned) - kept.clone(), &kept);
    let apart = apart.mul_scalar(step.noise.of_output);
    match form {
        Form::Code => apart.square().mean(),
        Form::Paper => {
            let scale = step.level.noise / step.level.spread.max(1.0);
            // The root of nothing has no slope.
            (apart.div_scalar(scale).square().sum() + 1e-12).sqrt()
        }
    }
}

/// KL divergence of the step's distributions but for a factor: the mean squared difference of the guided noise (METHOD: the
/// form is ours). `[1]`.
pub fn kl(tuned: Tensor<4>, reference: Tensor<4>, step: &PlanStep) -> Tensor<1> {
    let apart =
        beyond_rounding(tuned - reference.clone(), &reference).mul_scalar(step.noise.of_output);
    apart.square().mean()
}

/// A difference below this share of what it is of is rounding of f32.
const ROUNDING: f64 = 1e-5;

/// `apart`, or nothing where it is rounding: before a tuned network differs from the reference, a ratio of slopes would blow
/// that up to the size of the reward's.
fn beyond_rounding(apart: Tensor<4>, of: &Tensor<4>) -> Tensor<4> {
    let norm = |tensor: &Tensor<4>| {
        let square = tensor.clone().without_autodiff().square().sum();
        f64::from(square.into_scalar::<f32>()).sqrt()
    };
    match norm(&apart) > ROUNDING * norm(of) {
        true => apart,
        false => apart.mul_scalar(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn rounding_is_no_difference() {
        let device = Device::flex().autodiff();
        let of = Tensor::<4>::ones([1, 1, 2, 2], &device);
        let slope = |apart: f32| -> f32 {
            let tuned = (of.clone().without_autodiff() + apart)
                .autodiff()
                .require_grad();
            let loss = beyond_rounding(tuned.clone() - of.clone(), &of)
                .square()
                .sum();
            let slope = tuned.grad(&loss.backward());
            slope.map_or(f32::NAN, |slope| slope.abs().max().into_scalar::<f32>())
        };
        assert_eq!(slope(1e-6), 0.0);
        assert!((slope(0.5) - 1.0).abs() < 1e-5);
    }
}
