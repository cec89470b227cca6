//! Times a training step of a painter's UNet with random weights: `unet_time CONFIG [BATCH [STEPS]]`, one JSON line.
//!
//! A step is forward, backward, clipping, optimizer (AdamW, and once more with what `fit` in CONFIG says) and moving
//! average, over latents and texts that are drawn once. Seconds are medians, on the clock and of processor time of all
//! threads, which says about the same on a machine that others use too. `parity/speed/train_step.py` runs it beside
//! PyTorch; RAYON_NUM_THREADS says how many threads.

use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Int, Tensor};
use reliad_diffusion::UNet2DConditionConfig;
use reliad_training::FitConfig;
use reliad_training::fit::parameters::{average_towards, clip_norm};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tokens of every text.
const TOKENS: usize = 64;

/// Seconds of processor time of all threads so far, where the system tells (Unix).
fn processor_seconds() -> f64 {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        getrusage(UsageWho::RUSAGE_SELF).map_or(f64::NAN, |usage| {
            [usage.user_time(), usage.system_time()]
                .iter()
                .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
                .sum()
        })
    }
    #[cfg(not(unix))]
    f64::NAN
}

/// Time of each part of the steps so far, `[on the clock, of the processor]`.
#[derive(Default)]
struct Times(Vec<(&'static str, Vec<[f64; 2]>)>);

impl Times {
    fn part<T>(&mut self, name: &'static str, run: impl FnOnce() -> T) -> T {
        let before = (Instant::now(), processor_seconds());
        let result = run();
        let spent = [
            before.0.elapsed().as_secs_f64(),
            processor_seconds() - before.1,
        ];
        match self.0.iter_mut().find(|(part, _)| *part == name) {
            Some((_, times)) => times.push(spent),
            None => self.0.push((name, vec![spent])),
        }
        result
    }

    /// Medians without the first, which warms up, and their sum.
    fn medians(&self) -> Value {
        let median = |times: &[[f64; 2]], kind: usize| {
            let mut times: Vec<f64> = times.iter().skip(1).map(|time| time[kind]).collect();
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let mut parts = serde_json::Map::new();
        let mut sum = [0.0; 2];
        for (name, times) in &self.0 {
            let medians = [median(times, 0), median(times, 1)];
            sum = [sum[0] + medians[0], sum[1] + medians[1]];
            parts.insert((*name).to_owned(), json!(medians));
        }
        json!({ "seconds": sum[0], "processor_seconds": sum[1], "parts": parts })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: unet_time CONFIG [BATCH [STEPS]]";
    let file = arguments.next().ok_or(usage)?;
    let batch: usize = arguments.next().map_or(Ok(16), |text| text.parse())?;
    let steps: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let json: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let config = UNet2DConditionConfig::from_json(&json["unet"])?;
    let as_configured: FitConfig = serde_json::from_value(json["fit"].clone())?;
    if as_configured.arithmetic.choose().is_err() {
        return Err("this processor has no such arithmetic".into());
    }
    let adamw = FitConfig {
        muon: None,
        ..as_configured
    };
    let device = Device::flex().autodiff();
    let side = json["unet"]["sample_size"].as_u64().unwrap_or(32) as usize;
    let channels = json["unet"]["in_channels"].as_u64().unwrap_or(4) as usize;
    let normal = Distribution::Normal(0.0, 1.0);
    let latents = Tensor::<4>::random([batch, channels, side, side], normal, &device);
    let target = Tensor::<4>::random([batch, channels, side, side], normal, &device);
    let width = config.encoder.cross_attention_dim;
    let text = Tensor::<3>::random([batch, TOKENS, width], normal, &device);
    let timesteps = Tensor::<1, Int>::arange(0..batch as i64, &device).float() * 50.0;
    let mut results = serde_json::Map::new();
    let mut parameters = 0;
    for (name, fit) in [("adamw", adamw), ("as_configured", as_configured)] {
        let mut model = config.init(&device);
        parameters = model.num_params();
        let mut average = model.valid();
        let mut optimizer = fit.optimizer(&model)?;
        let mut times = Times::default();
        for _ in 0..=steps {
            let loss = times.part("forward", || {
                let output = model.forward(latents.clone(), timesteps.clone(), text.clone(), None);
                (output - target.clone()).square().mean()
            });
            let gradients = times.part("backward", || {
                GradientsParams::from_grads(loss.backward(), &model)
            });
            let (gradients, _) = times.part("clipping", || {
                clip_norm(&model, gradients, fit.gradient_norm)
            });
            model = times.part("optimizer", || optimizer.step(1e-4, model, gradients));
            average = times.part("average", || average_towards(average, &model.valid(), 0.99));
        }
        results.insert(name.to_owned(), times.medians());
    }
    println!(
        "{}",
        json!({ "parameters": parameters, "batch": batch, "tokens": TOKENS, "results": results })
    );
    Ok(())
}
