//! Seconds of the parts of one `rfft` iteration of a model on the CPU, as JSON: `iteration_time models/mini [BATCH] [UNTIL]`, for
//! `parity/speed/rfft_iteration.py`.
//!
//! With one thread (`RAYON_NUM_THREADS=1`) items go one by one; with more, two at once, as a tuning does it, and each part is
//! its share of the whole on the clock.

use std::sync::Mutex;
use std::time::Instant;

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::step::clean;
use reliad_generation::defaults::sampling_of;
use reliad_training::{FitConfig, threads};
use reliad_tuning::TuningConfig;
use reliad_tuning::briefs::Briefs;
use reliad_tuning::descent::asked_plainly;
use reliad_tuning::method::{Form, consistent_condition};
use reliad_tuning::networks::Networks;
use reliad_tuning::reward::Picture;
use reliad_tuning::trainable::{Trainable, Trained};
use reliad_weights::ModelDir;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PARTS: [&str; 7] = [
    "roll-out",
    "forward",
    "reference",
    "decode",
    "judge",
    "backward",
    "optimiser",
];
const PRODUCTS: [&str; 4] = ["bottle", "mug", "lamp", "jar"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    reliad_kernels::allocator::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let model = ModelDir::open(arguments.first().map_or("models/mini", String::as_str))?;
    let number = |at: usize, usual: usize| arguments.get(at).map_or(Ok(usual), |text| text.parse());
    let (batch, until) = (number(1, 4)?, number(2, 8)?);
    let config: TuningConfig = serde_json::from_value(serde_json::json!({
        "method": {"rfft": {"window": [2, 15], "consistent_condition": {"beta": 300.0}}}, "steps": 1
    }))?;
    let device = Device::flex();
    let sampling = sampling_of(&model)?.normalised();
    let canvas = sampling.canvas()?;
    let networks = Networks::load(&model, &model, sampling, &config, &device)?;
    let mut trainable = Trainable::load(
        &model,
        &networks.base,
        Trained::Controlnet,
        1,
        &networks.device,
    )?;
    let dir = tempfile::tempdir()?;
    let list = dir.path().join("list.csv");
    let mut text = "product,title,prompt\n".to_owned();
    for name in PRODUCTS.iter().cycle().take(batch) {
        let product = std::path::absolute(format!("examples/products/{name}.png"))?;
        text += &format!("{},A {name},on a light oak table\n", product.display());
    }
    std::fs::write(&list, text)?;
    let briefs = Briefs::open(&list, canvas)?;
    let items = (0..batch).map(|index| {
        let seed = ItemSeed {
            run: 1,
            item: index.to_string(),
            attempt: 0,
        };
        networks.item(&briefs.get(index)?, seed)
    });
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let mut optimizer: ModuleOptimizer = FitConfig::default().optimizer(&trainable)?;
    let spent = Mutex::new([0.0f64; PARTS.len()]);
    let mut whole = 0.0;
    // The first round warms up.
    for round in 0..2 {
        *spent.lock().expect("no thread panicked") = [0.0; PARTS.len()];
        let began = Instant::now();
        let weights = trainable.valid();
        let plain = weights.predictor(&networks.painter.predictor);
        let at_once = match std::env::var("RAYON_NUM_THREADS").as_deref() {
            Ok("1") => 1,
            _ => threads::at_once(&device),
        };
        let gradients = threads::each(batch, at_once, |index| {
            let mut last = Instant::now();
            let mut took = [0.0; PARTS.len()];
            let mut lap = |part: usize| {
                took[part] += last.elapsed().as_secs_f64();
                last = Instant::now();
            };
            let own = weights.clone().train();
            let tracked = own.predictor(&networks.base);
            let item = &items[index];
            let moment = networks.roll_out(&plain, &item.conditions, until);
            lap(0);
            let query = networks.query(&moment, &item.conditions, true);
            let answer = query.ask(&tracked);
            lap(1);
            let reference = asked_plainly(&query, &networks.painter.predictor);
            lap(2);
            let leaf = |part: &Tensor<4>| {
                Tensor::from_inner(part.clone().without_autodiff()).require_grad()
            };
            let mut leaves = answer.clone();
            leaves.conditional = leaf(&answer.conditional);
            leaves.unconditional = answer.unconditional.as_ref().map(leaf);
            let guidance = networks.guidance();
            let used = guidance.parts(until, networks.plan.total);
            let guided = guidance.guide(leaves.clone(), &used).guided;
            let x0 = clean(
                &moment.step,
                networks.plan.clip,
                moment.latents.clone(),
                guided,
            );
            let picture = networks.picture(x0, item);
            lap(3);
            let (reward, _) = networks.rewards.of(&Picture {
                picture,
                product: item.product.clone(),
                title: &item.title,
                prompt: &item.prompt,
            })?;
            lap(4);
            let condition = consistent_condition(&leaves, &reference, &moment.step, Form::Code);
            let loss = reward.neg() + condition.mul_scalar(300.0);
            let slopes = loss.backward();
            let pulled = |part: &Tensor<4>, leaf: &Tensor<4>| -> Tensor<1> {
                let slope = leaf.grad(&slopes).expect("both parts cost something");
                (part.clone() * Tensor::from_inner(slope)).sum()
            };
            let mut sum = pulled(&answer.conditional, &leaves.conditional);
            if let (Some(part), Some(leaf)) = (&answer.unconditional, &leaves.unconditional) {
                sum = sum + pulled(part, leaf);
            }
            let gradients = GradientsParams::from_grads(sum.backward(), &own);
            lap(5);
            let mut spent = spent.lock().expect("no thread panicked");
            for (sum, took) in spent.iter_mut().zip(took) {
                *sum += took;
            }
            Ok::<_, reliad_training::Error>(gradients)
        })?;
        let parts = Instant::now();
        let mut sum = GradientsAccumulator::new();
        for own in gradients {
            sum.accumulate(&trainable, own);
        }
        trainable = optimizer.step(1e-6, trainable, sum.grads());
        let optimised = parts.elapsed().as_secs_f64();
        whole = began.elapsed().as_secs_f64() - optimised;
        spent.lock().expect("no thread panicked")[6] = optimised;
        if round == 0 {
            continue;
        }
    }
    let spent = *spent.lock().expect("no thread panicked");
    // What threads spent side by side, as shares of the clock.
    let side_by_side: f64 = spent[..6].iter().sum();
    let seconds = PARTS.iter().zip(spent).map(|(part, spent)| {
        let clock = match *part {
            "optimiser" => spent,
            _ => spent * whole / side_by_side,
        };
        ((*part).to_owned(), serde_json::json!(clock))
    });
    let seconds: serde_json::Map<String, serde_json::Value> = seconds.collect();
    println!("{}", serde_json::json!({ "seconds": seconds }));
    Ok(())
}
