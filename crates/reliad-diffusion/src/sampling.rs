//! How a picture is sampled: one record, and an overlay of it in which everything may be left open.

use reliad_imaging::Canvas;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::guidance::{Guidance, GuidanceInterval};
use crate::perturbed::UnetParts;
use crate::scheduler::Sampler;

/// Declares the record and its overlay from one list of fields.
macro_rules! sampling {
    ($($(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])* $field:ident: $type:ty = $default:expr;)*) => {
        /// Everything about the way from noise to a picture that isn't what the picture shows.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct Sampling {
            $($(#[doc = $doc])* $(#[serde($($serde)*)])* pub $field: $type,)*
        }

        impl Default for Sampling {
            /// The settings of Du et al. 2024, with which Stable Diffusion 1.5 is sampled.
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// Some of the settings of [`Sampling`]: those of a model's file, or those that a user gives. Fields that it doesn't
        /// know are refused.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct SamplingOverlay {
            $($(#[doc = $doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }

        impl SamplingOverlay {
            /// `base` with everything that this one says in its place.
            pub fn over(&self, base: Sampling) -> Sampling {
                Sampling { $($field: self.$field.unwrap_or(base.$field),)* }
            }

            /// The names of all settings.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];
        }
    };
}

// The order of the fields, and what is left out of a file, name pictures: recipes of before a setting keep their names.
sampling! {
    /// Width of the picture in pixels, divisible by 8.
    width: u32 = 512;
    /// Height of the picture in pixels, divisible by 8.
    height: u32 = 512;
    /// Denoising steps, at least 1.
    steps: usize = 40;
    /// Scale of classifier-free guidance; 1 switches it off.
    guidance: f64 = 7.5;
    /// How far the guided prediction is rescaled to the spread of the conditional one, 0 to 1.
    guidance_rescale: f64 = 0.0;
    /// Scale of perturbed-attention guidance; 0 switches it off.
    #[serde(default, skip_serializing_if = "is_zero")]
    perturbed_attention: f64 = 0.0;
    /// The parts of the UNet in which it perturbs; the default where it is off.
    #[serde(default, skip_serializing_if = "is_default")]
    perturbed_parts: UnetParts = UnetParts::MID;
    /// The part of the steps that is guided, in either way.
    #[serde(default, skip_serializing_if = "GuidanceInterval::is_whole")]
    guidance_interval: GuidanceInterval = GuidanceInterval::WHOLE;
    /// Factor of the ControlNet's residuals.
    control_scale: f64 = 1.0;
    /// Share of fresh noise of samplers that leave it open: 0 is DDIM, 1 is DDPM's amount.
    eta: f64 = 0.0;
    /// Canny's lower and upper threshold on the product over black.
    canny: [f32; 2] = reliad_imaging::canny::THRESHOLDS;
    /// Side of the square the background mask is dilated with, in pixels.
    mask_kernel: u32 = 20;
    /// How a run goes from noise to a picture.
    #[serde(default, skip_serializing_if = "Sampler::is_model")]
    sampler: Sampler = Sampler::Model;
}

fn is_zero(scale: &f64) -> bool {
    *scale == 0.0
}

fn is_default(parts: &UnetParts) -> bool {
    *parts == UnetParts::default()
}

impl Sampling {
    /// The canvas.
    ///
    /// # Errors
    /// [`Error::Imaging`] when its sides aren't multiples of 8 in range.
    pub fn canvas(&self) -> Result<Canvas, Error> {
        Ok(Canvas::new(self.width, self.height)?)
    }

    /// The same without inpainting: the mask is grown over the whole canvas, so nothing of the product is put back
    /// between steps, and only text and ControlNet tell the painter where it is. For measuring the ControlNet; a picture
    /// painted so needs no product pasted back.
    pub fn without_inpainting(&self) -> Self {
        Self {
            mask_kernel: 2 * self.width.max(self.height),
            ..self.clone()
        }
    }

    /// How predictions are guided.
    pub fn guidance(&self) -> Guidance {
        Guidance {
            scale: self.guidance,
            rescale: self.guidance_rescale,
            perturbed_attention: self.perturbed_attention,
            perturbed_parts: self.perturbed_parts,
            interval: self.guidance_interval,
        }
    }

    /// The same with the defaults of what isn't used, so that it doesn't name other pictures.
    pub fn normalised(mut self) -> Self {
        if self.perturbed_attention == 0.0 {
            self.perturbed_parts = UnetParts::default();
        }
        if !self.sampler.may_heed_eta() {
            self.eta = 0.0;
        }
        self
    }

    /// How it is guided, in words for people: `guidance 7.5 in 0:1 of the steps`.
    pub fn guidance_words(&self) -> String {
        let perturbed = match self.perturbed_attention {
            0.0 => String::new(),
            scale => format!(
                " and perturbed attention {scale} ({})",
                self.perturbed_parts
            ),
        };
        format!(
            "guidance {}{perturbed} in {} of the steps",
            self.guidance, self.guidance_interval
        )
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Imaging`] for the canvas, [`Error::Setting`] with the first other setting outside its range.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |name, got: String, expected: &str| {
            Err(Error::Setting {
                name,
                got,
                expected: expected.to_owned(),
            })
        };
        self.canvas()?;
        if self.steps == 0 {
            return refuse("steps", "0".into(), "at least 1");
        }
        for (name, value) in [
            ("guidance", self.guidance),
            ("perturbed-attention", self.perturbed_attention),
            ("control-scale", self.control_scale),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return refuse(name, value.to_string(), "a finite number, 0 or more");
            }
        }
        for (name, value) in [
            ("guidance-rescale", self.guidance_rescale),
            ("eta", self.eta),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return refuse(name, value.to_string(), "between 0 and 1");
            }
        }
        let [low, high] = self.canny;
        if !(low.is_finite() && high.is_finite() && 0.0 <= low && low <= high) {
            let got = format!("{low}:{high}");
            return refuse("canny", got, "two thresholds in order, 0 or more");
        }
        if !self.guidance_interval.is_valid() {
            let got = self.guidance_interval.to_string();
            return refuse("guidance-interval", got, "two shares in order, 0 to 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_inpainting_the_whole_canvas_is_painted() {
        use image::{GrayImage, Luma};
        let base = Sampling {
            width: 64,
            height: 48,
            ..Sampling::default()
        };
        let free = base.without_inpainting();
        // A product that leaves one corner pixel of the canvas.
        let mut alpha = GrayImage::from_pixel(64, 48, Luma([255]));
        alpha.put_pixel(63, 47, Luma([0]));
        let held = reliad_imaging::background_mask(&alpha, base.mask_kernel);
        assert!(held.pixels().any(|pixel| pixel.0[0] == 0));
        let mask = reliad_imaging::background_mask(&alpha, free.mask_kernel);
        assert!(mask.pixels().all(|pixel| pixel.0[0] == 255));
    }

    #[test]
    fn settings_outside_their_range_are_named() {
        type Break = fn(&mut Sampling);
        let broken: [(&str, Break); 7] = [
            ("steps", |s| s.steps = 0),
            ("guidance", |s| s.guidance = f64::NAN),
            ("control-scale", |s| s.control_scale = f64::INFINITY),
            ("guidance-rescale", |s| s.guidance_rescale = 1.5),
            ("guidance-interval", |s| s.guidance_interval.start = 1.5),
            ("perturbed-attention", |s| s.perturbed_attention = -1.0),
            ("canny", |s| s.canny = [200.0, 100.0]),
        ];
        assert!(Sampling::default().check().is_ok());
        for (expected, change) in broken {
            let mut sampling = Sampling::default();
            change(&mut sampling);
            match sampling.check() {
                Err(Error::Setting { name, .. }) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}
