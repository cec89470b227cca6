//! Times a judge of a configuration with random weights: `judge_time CONFIG [BATCH]`, one JSON line.
//!
//! A picture alone through the frozen network, and a training step of BATCH samples: forward, backward, AdamW.
//! `parity/speed/rfnet.py` runs it beside PyTorch; RAYON_NUM_THREADS says how many threads.

use std::time::Instant;

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use reliad_kernels::adamw::FusedAdamW;
use reliad_rfnet::detector::{Detector, DetectorConfig};
use reliad_rfnet::rfnet::RfNetInput;
use reliad_rfnet::roberta::CaptionTokens;
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tokens of every title.
const TOKENS: usize = 24;

fn input(config: &DetectorConfig, count: usize, device: &Device) -> RfNetInput {
    let size = config.preprocess().image_size;
    let inputs = config.inputs();
    let picture = |on: bool| {
        on.then(|| Tensor::random([count, 3, size, size], Distribution::Default, device))
    };
    RfNetInput {
        product: picture(inputs.product),
        generated: picture(inputs.generated),
        depth: picture(inputs.depth),
        saliency: picture(inputs.saliency),
        caption: inputs
            .caption
            .then(|| CaptionTokens::pad(&vec![vec![7; TOKENS]; count], 1, device)),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: judge_time CONFIG [BATCH]")?;
    let batch: usize = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let config = DetectorConfig::from_json(&json["network"])?;
    let plain = Device::flex();
    let device = plain.clone().autodiff();

    let network = config.init(&plain)?.freeze();
    let seconds = |run: &mut dyn FnMut()| {
        run();
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    let one = input(&config, 1, &plain);
    let inference = seconds(&mut || {
        network.forward(one.clone()).into_data();
    });
    drop(network);

    let mut network: Detector = config.init(&device)?;
    let parameters = network.num_params();
    let many = input(&config, batch, &device);
    let labels =
        Tensor::<2, Int>::from_data(TensorData::new(vec![0i64; batch], [batch, 1]), &device);
    let mut optimizer = ModuleOptimizer::from(FusedAdamW::new([0.9, 0.999], 1e-8, 0.01));
    let training = seconds(&mut || {
        let loss = log_softmax(network.forward(many.clone()), 1)
            .gather(1, labels.clone())
            .mean()
            .neg();
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(1e-4, network.clone(), gradients);
    });
    println!(
        "{}",
        json!({
            "parameters": parameters, "batch": batch, "tokens": TOKENS,
            "inference_seconds": inference, "training_seconds": training,
        })
    );
    Ok(())
}
