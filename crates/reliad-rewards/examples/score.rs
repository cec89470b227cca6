//! Scores of pictures, to hold against the original's: looks by a model directory's `aesthetic/`, or agreement by CLIP.
//!
//! `cargo run --release -p reliad-rewards --example score -- looks MODEL PROMPT PICTURE...`
//! `cargo run --release -p reliad-rewards --example score -- agreement CLIP_DIR PROMPT PICTURE...`

use burn::tensor::Device;
use reliad_pictures::rgb_tensor;
use reliad_rewards::AestheticReward;
use reliad_rewards::clip::Clip;
use reliad_weights::ModelDir;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, dir, prompt, pictures @ ..] = arguments.as_slice() else {
        return Err("usage: score looks|agreement DIR PROMPT PICTURE...".into());
    };
    let device = Device::flex();
    let model = ModelDir::open(dir)?;
    let prompt = std::slice::from_ref(prompt);
    let score: Box<dyn Fn(_) -> _> = match kind.as_str() {
        "looks" => {
            let reward = AestheticReward::load(&model, &device)?;
            println!("{}", reward.class());
            Box::new(move |picture| reward.rewards(picture, prompt))
        }
        "agreement" => {
            let clip = Clip::load(&model, &device)?;
            Box::new(move |picture| clip.similarities(picture, prompt))
        }
        other => return Err(format!("{other}: looks or agreement").into()),
    };
    for file in pictures {
        let picture = reliad_imaging::open(file.as_ref())?.picture.into_rgb8();
        let found = score(rgb_tensor(&picture, &device))?;
        println!("{:9.4}  {file}", found.into_scalar::<f32>());
    }
    Ok(())
}
