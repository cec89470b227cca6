//! CLIP against transformers' `CLIPModel` (`parity/rewards/clip.py`).
//!
//! Tolerances: 1e-4 for vectors and similarities, f32 sums in another order; 1e-3 for the picture's gradient, which passes
//! a division by a norm and a layer norm of few channels besides.

mod golden;

use burn::tensor::{Device, Tensor};
use golden::{Golden, Outcome, json, model, shapes};
use reliad_rewards::Error;
use reliad_rewards::clip::{Clip, ClipConfig, ClipNetwork};
use serde_json::json as object;

/// The second is a file as of before 2023: `eos_token_id` 2, and GELU besides.
const CASES: [&str; 2] = ["clip", "clip_2022"];

#[test]
fn similarities_and_gradients_equal_transformers() -> Outcome {
    let prompts: Vec<String> = json("clip_prompts.json")?;
    for case in CASES {
        let golden = Golden::read(case)?;
        let device = Device::flex().autodiff();
        let clip = Clip::load(&model(case)?, &device)?;
        let picture = golden.float::<4>("picture", &device).require_grad();
        assert!(golden.error("texts", clip.texts(&prompts)?) < 1e-4);
        assert!(golden.error("pictures", clip.pictures(picture.clone())) < 1e-4);
        let found = clip.similarities(picture.clone(), &prompts)?;
        assert!(golden.error("similarity", found.clone()) < 1e-4);
        let weights = Tensor::<1>::from_floats([1.0, -2.0], &device);
        let gradients = (found * weights).sum().backward();
        let gradient = picture.grad(&gradients).ok_or("no gradient")?;
        assert!(golden.error("gradient", gradient) < 1e-3);

        let plain = Device::flex();
        let clip = Clip::load(&model(case)?, &plain)?;
        let found = clip.similarities(golden.float("picture", &plain), &prompts)?;
        assert!(golden.error("similarity", found) < 1e-4);
    }
    Ok(())
}

#[test]
fn pictures_and_prompts_come_in_pairs() -> Outcome {
    let device = Device::flex();
    let clip = Clip::load(&model("clip")?, &device)?;
    let error = clip.similarities(Tensor::zeros([2, 3, 16, 16], &device), &["one"]);
    assert!(matches!(error, Err(Error::Count { .. })));
    Ok(())
}

/// ViT-L/14, of which only the first two layers are made: the names of the others differ by the number.
#[test]
fn the_published_names_are_ours() -> Outcome {
    let config = ClipConfig::from_json(&object!({
        "projection_dim": 768,
        "text_config": { "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12,
            "num_hidden_layers": 2 },
        "vision_config": { "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
            "num_hidden_layers": 2, "patch_size": 14 }
    }))?;
    let ours = reliad_weights::named_shapes(&config.init(&Device::flex()), &ClipNetwork::key_map());
    let mut published = shapes("clip_vit_large_patch14", &["position_ids", "logit_scale"])?;
    let number = |name: &str| -> Option<usize> {
        let (_, rest) = name.split_once("encoder.layers.")?;
        rest.split('.').next()?.parse().ok()
    };
    published.retain(|name, _| number(name).is_none_or(|number| number < 2));
    assert_eq!(ours, published);
    Ok(())
}

#[test]
fn a_tokenizer_that_does_not_fit_is_refused() -> Outcome {
    let dir = tempfile::tempdir()?;
    for file in std::fs::read_dir(golden::path("clip"))? {
        let file = file?;
        std::fs::copy(file.path(), dir.path().join(file.file_name()))?;
    }
    let text = std::fs::read_to_string(dir.path().join("config.json"))?;
    let mut config: serde_json::Value = serde_json::from_str(&text)?;
    config["text_config"]["max_position_embeddings"] = object!(23);
    std::fs::write(dir.path().join("config.json"), config.to_string())?;
    let model = reliad_weights::ModelDir::open(dir.path())?;
    let error = Clip::load(&model, &Device::flex()).err();
    let message = error.map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("24 places"), "{message}");
    Ok(())
}
