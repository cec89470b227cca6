//! Time and memory of one item's loss and gradients in `rfft`, as JSON:
//! `descent_memory MODEL JUDGE SIZE recompute|whole [REPEAT]`. Seconds are the median of REPEAT rounds.
//!
//! Memory is what Linux calls resident: when everything is loaded, and at the highest while the gradients are taken. There is
//! no roll-out, and no optimizer.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use reliad_diffusion::Sampling;
use reliad_diffusion::noise::ItemSeed;
use reliad_generation::defaults::sampling_of;
use reliad_tuning::TuningConfig;
use reliad_tuning::briefs::Briefs;
use reliad_tuning::descent::descend;
use reliad_tuning::method::MethodConfig;
use reliad_tuning::networks::Networks;
use reliad_tuning::trainable::{Trainable, Trained};
use reliad_weights::ModelDir;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, judge, size, how, repeat @ ..] = arguments.as_slice() else {
        return Err("MODEL JUDGE SIZE recompute|whole [REPEAT]".into());
    };
    let repeat = repeat.first().map_or(Ok(1), |text| text.parse())?;
    let (model, judge) = (ModelDir::open(model)?, ModelDir::open(judge)?);
    let (size, recompute) = (size.parse()?, how == "recompute");
    let config: TuningConfig = serde_json::from_value(serde_json::json!({
        "method": {"rfft": {"window": [0, 1], "consistent_condition": {"beta": {"ratio": 0.5}}}},
        "steps": 1, "sampling_steps": 4
    }))?;
    let MethodConfig::Rfft(method) = config.method.clone() else {
        return Err("rfft is rfft".into());
    };
    let device = Device::flex();
    let sampling = Sampling {
        width: size,
        height: size,
        ..sampling_of(&model)?
    }
    .normalised();
    let canvas = sampling.canvas()?;
    let networks = Networks::load(&model, &judge, sampling, &config, &device)?;
    let trainable = Trainable::load(
        &model,
        &networks.base,
        Trained::Controlnet,
        1,
        &networks.device,
    )?;
    let weights = trainable.valid();
    let plain = weights.predictor(&networks.painter.predictor);
    let tracked = trainable.predictor(&networks.base);
    let dir = tempfile::tempdir()?;
    let list = dir.path().join("list.csv");
    let product = std::path::absolute("examples/products/mug.png")?;
    let line = format!("{},A mug,on a light oak table\n", product.display());
    std::fs::write(&list, format!("product,title,prompt\n{line}"))?;
    let brief = Briefs::open(&list, canvas)?.get(0)?;
    let seed = ItemSeed {
        run: 1,
        item: "mug".to_owned(),
        attempt: 0,
    };
    let item = networks.item(&brief, seed)?;
    // From here on the highest is counted anew.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let loaded = resident("VmRSS:")?;
    let mut seconds = Vec::new();
    let mut loss = 0.0;
    for _ in 0..repeat {
        let began = Instant::now();
        let drawn = method.at(&networks, &plain, item.clone(), 0);
        let device = &networks.device;
        let descent = descend(&drawn, &trainable, &tracked, &plain, recompute, device)?;
        seconds.push(began.elapsed().as_secs_f64());
        loss = descent.total;
    }
    seconds.sort_by(f64::total_cmp);
    let result = serde_json::json!({
        "size": size, "recompute": recompute, "loaded_gb": loaded, "peak_gb": resident("VmHWM:")?,
        "seconds": seconds.get(seconds.len() / 2), "loss": loss,
    });
    println!("{result}");
    Ok(())
}

/// A line of `/proc/self/status`, in GB of 10^9 bytes.
fn resident(name: &str) -> Result<f64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("Linux tells it")?
        .parse()?;
    Ok(kibibytes * 1024.0 / 1e9)
}
