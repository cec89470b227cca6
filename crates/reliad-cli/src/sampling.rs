//! The flags of sampling: one for each setting of the record, shared by all commands that paint.

use clap::Args;
use reliad_diffusion::SamplingOverlay;
use reliad_diffusion::guidance::GuidanceInterval;
use reliad_diffusion::perturbed::UnetParts;
use reliad_diffusion::scheduler::Sampler;
use reliad_imaging::Canvas;

/// How pictures are sampled; what isn't given is the model's own.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sampling (what isn't given is the model's own)")]
pub struct SamplingFlags {
    /// Denoising steps
    #[arg(long)]
    steps: Option<usize>,

    /// How a run goes from noise to a picture: model (as its scheduler file says), ddim, euler, euler-a, dpmpp-2m,
    /// dpmpp-2m-karras, dpmpp-sde-karras, unipc, heun, or, for models distilled for them, lcm or tcd
    #[arg(long, value_name = "NAME")]
    sampler: Option<Sampler>,

    /// Classifier-free guidance: how closely the prompt is followed; 1 is none
    #[arg(long)]
    guidance: Option<f64>,

    /// How far guidance is kept from raising contrast, 0 to 1
    #[arg(long)]
    guidance_rescale: Option<f64>,

    /// Perturbed-attention guidance: how far the painter is kept from what it would paint if it saw no connections in the
    /// picture; clears away blots, and 0 is none
    #[arg(long)]
    perturbed_attention: Option<f64>,

    /// Parts of the UNet in which that is done, of down, mid and up, with commas
    #[arg(long, value_name = "PARTS")]
    perturbed_parts: Option<UnetParts>,

    /// Part of the steps that is guided, as two shares of them: outside, the prompt alone is followed, in half of the time
    #[arg(long, value_name = "START:STOP")]
    guidance_interval: Option<GuidanceInterval>,

    /// Strength of the ControlNet that keeps the scene off the product
    #[arg(long)]
    control_scale: Option<f64>,

    /// Share of fresh noise in each step, 0 to 1, of the samplers ddim and tcd
    #[arg(long)]
    eta: Option<f64>,

    /// Canny's lower and upper threshold, which decide on the edges that the ControlNet sees
    #[arg(long, value_name = "LOW:HIGH", value_parser = thresholds)]
    canny: Option<[f32; 2]>,

    /// Side in pixels of the square by which the product is widened where the scene isn't painted
    #[arg(long, value_name = "PIXELS")]
    mask_kernel: Option<u32>,

    /// Size of the pictures, both sides multiples of 8
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    size: Option<Canvas>,
}

impl SamplingFlags {
    /// The settings that were given.
    ///
    /// # Errors
    /// An `--eta` that the sampler given beside it doesn't heed.
    pub fn overlay(&self) -> Result<SamplingOverlay, String> {
        let Self {
            steps,
            sampler,
            guidance,
            guidance_rescale,
            perturbed_attention,
            perturbed_parts,
            guidance_interval,
            control_scale,
            eta,
            canny,
            mask_kernel,
            size,
        } = *self;
        if let (Some(_), Some(sampler)) = (eta, sampler)
            && !sampler.may_heed_eta()
        {
            return Err(format!(
                "--eta changes nothing with --sampler {sampler}; leave it out, or choose ddim or tcd"
            ));
        }
        Ok(SamplingOverlay {
            width: size.map(|size| size.width),
            height: size.map(|size| size.height),
            steps,
            guidance,
            guidance_rescale,
            perturbed_attention,
            perturbed_parts,
            guidance_interval,
            control_scale,
            eta,
            canny,
            mask_kernel,
            sampler,
        })
    }
}

fn thresholds(text: &str) -> Result<[f32; 2], String> {
    let numbers = text
        .split_once(':')
        .and_then(|(low, high)| Some([low.parse().ok()?, high.parse().ok()?]));
    numbers.ok_or_else(|| format!("{text} isn't LOW:HIGH, two numbers"))
}
