//! What a model is best sampled with: `sampling.json` of its directory, else the paper's settings.

use reliad_diffusion::denoise::GuidanceInterval;
use reliad_diffusion::perturbed::UnetParts;
use reliad_weights::ModelDir;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::recipe::Sampling;

/// The file in a model directory that holds its sampling defaults.
pub const FILE_NAME: &str = "sampling.json";

/// Sampling defaults of a model. Every field may be left out of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingDefaults {
    /// Width of the pictures in pixels; 8 times the UNet's `sample_size` when left out.
    pub width: Option<u32>,
    /// Height of the pictures in pixels, likewise.
    pub height: Option<u32>,
    /// Denoising steps.
    pub steps: usize,
    /// Classifier-free guidance.
    pub guidance: f64,
    /// Rescale of the guided prediction, 0 to 1.
    pub guidance_rescale: f64,
    /// Scale of perturbed-attention guidance; 0 is none.
    pub perturbed_attention: f64,
    /// The parts of the UNet in which it perturbs.
    pub perturbed_parts: UnetParts,
    /// The part of the steps that is guided, in either way.
    pub guidance_interval: GuidanceInterval,
    /// Strength of the ControlNet's residuals.
    pub control_scale: f64,
    /// 0 is DDIM, 1 adds DDPM's amount of noise.
    pub eta: f64,
    /// Canny's thresholds.
    pub canny: [f32; 2],
    /// Side of the square the background mask is dilated with, in pixels.
    pub mask_kernel: u32,
}

impl Default for SamplingDefaults {
    /// The settings of Du et al. 2024, with which Stable Diffusion 1.5 is sampled.
    fn default() -> Self {
        Self {
            width: None,
            height: None,
            steps: 40,
            guidance: 7.5,
            guidance_rescale: 0.0,
            perturbed_attention: 0.0,
            perturbed_parts: UnetParts::default(),
            guidance_interval: GuidanceInterval::WHOLE,
            control_scale: 1.0,
            eta: 0.0,
            canny: reliad_imaging::canny::THRESHOLDS,
            mask_kernel: 20,
        }
    }
}

impl SamplingDefaults {
    /// The defaults of `model`.
    ///
    /// # Errors
    /// [`Error::Weights`] when `sampling.json` or `unet/config.json` isn't what it should be.
    pub fn of(model: &ModelDir) -> Result<Self> {
        let mut defaults = if model.contains(FILE_NAME) {
            model.read_json(FILE_NAME)?
        } else {
            Self::default()
        };
        let unet: serde_json::Value = if model.contains("unet/config.json") {
            model.read_json("unet/config.json")?
        } else {
            return Err(Error::MissingPart {
                model: model.display(""),
                part: "unet",
            });
        };
        let side = unet["sample_size"]
            .as_u64()
            .and_then(|side| u32::try_from(side).ok());
        let side = side.and_then(|side| side.checked_mul(8)).unwrap_or(512);
        defaults.width = defaults.width.or(Some(side));
        defaults.height = defaults.height.or(Some(side));
        Ok(defaults)
    }

    /// Sampling settings with these defaults.
    pub fn sampling(&self, prompt: &str, negative_prompt: &str) -> Sampling {
        Sampling {
            prompt: prompt.to_owned(),
            negative_prompt: negative_prompt.to_owned(),
            width: self.width.unwrap_or(512),
            height: self.height.unwrap_or(512),
            steps: self.steps,
            guidance: self.guidance,
            guidance_rescale: self.guidance_rescale,
            perturbed_attention: self.perturbed_attention,
            // What isn't used names no picture.
            perturbed_parts: match self.perturbed_attention {
                0.0 => UnetParts::default(),
                _ => self.perturbed_parts,
            },
            guidance_interval: self.guidance_interval,
            control_scale: self.control_scale,
            eta: self.eta,
            canny: self.canny,
            mask_kernel: self.mask_kernel,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use std::fs;

    use super::*;

    #[test]
    fn a_file_overrides_the_papers_settings_field_by_field() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("unet")).unwrap();
        fs::write(
            root.path().join("unet/config.json"),
            r#"{"sample_size": 32}"#,
        )
        .unwrap();
        let model = ModelDir::open(root.path()).unwrap();
        let plain = SamplingDefaults::of(&model).unwrap();
        assert_eq!(
            (plain.width, plain.steps, plain.guidance),
            (Some(256), 40, 7.5)
        );
        fs::write(
            root.path().join(FILE_NAME),
            r#"{"guidance": 2.5, "height": 128}"#,
        )
        .unwrap();
        let own = SamplingDefaults::of(&model).unwrap();
        assert_eq!(
            (own.width, own.height, own.guidance),
            (Some(256), Some(128), 2.5)
        );
        // Parts that nothing is done in don't make another recipe.
        let parts = r#"{"perturbed_parts": ["up"]}"#;
        fs::write(root.path().join(FILE_NAME), parts).unwrap();
        let mut own = SamplingDefaults::of(&model).unwrap();
        assert_eq!(own.sampling("", ""), plain.sampling("", ""));
        own.perturbed_attention = 2.0;
        assert_eq!(own.sampling("", "").perturbed_parts.names(), ["up"]);
        fs::write(root.path().join(FILE_NAME), r#"{"guidence": 2.5}"#).unwrap();
        assert!(SamplingDefaults::of(&model).is_err());
    }
}
