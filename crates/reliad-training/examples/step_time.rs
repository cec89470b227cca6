//! Seconds of one training step (forward, backward) of the networks in a folder of configurations:
//! `cargo run --release -p reliad-training --example step_time -- configs/mini`.

use std::path::Path;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Int, Tensor};
use reliad_diffusion::{AutoencoderKlConfig, UNet2DConditionConfig};
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn time(name: &str, mut step: impl FnMut()) {
    step();
    let start = Instant::now();
    let mut count = 0;
    while count < 2 || start.elapsed().as_secs_f64() < 4.0 {
        step();
        count += 1;
    }
    println!(
        "{name}: {:.3} s",
        start.elapsed().as_secs_f64() / f64::from(count)
    );
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "configs/mini".to_owned());
    let read = |name: &str| -> Result<Value, Box<dyn std::error::Error>> {
        Ok(serde_json::from_slice(&std::fs::read(
            Path::new(&dir).join(name),
        )?)?)
    };
    let device = Device::flex().autodiff();
    let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Default, &device);
    let vae = read("vae.json")?;
    let config = AutoencoderKlConfig::from_json(&vae["network"])?;
    let model = reliad_training::painter::vae::fresh(&config, 1, &device);
    for (batch, size) in [(8, 128), (4, 256)] {
        time(&format!("vae {batch} x {size} px"), || {
            let x = random([batch, 3, size, size]);
            let painted = model.decode(model.encode(x.clone()).mean);
            let _ = (painted - x).square().mean().backward();
        });
    }
    if let Ok(painter) = read("painter.json") {
        let config = UNet2DConditionConfig::from_json(&painter["unet"])?;
        let model = config.init(&device);
        let text = Tensor::<3>::random(
            [16, 64, config.encoder.cross_attention_dim],
            Distribution::Default,
            &device,
        );
        let steps = Tensor::<1, Int>::arange(0..16, &device).float();
        time("unet 16 x 32 x 32 latents", || {
            let out = model.forward(random([16, 4, 32, 32]), steps.clone(), text.clone(), None);
            let _ = out.square().mean().backward();
        });
    }
    Ok(())
}
