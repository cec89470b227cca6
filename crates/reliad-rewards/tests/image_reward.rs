//! ImageReward against timm's vision transformer and transformers' BLIP text model (`parity/rewards/image_reward.py`).
//!
//! Tolerances: 1e-4 for rewards, f32 sums in another order; 1e-3 for the picture's gradient, where the cancellation of a
//! weighted sum of three rewards adds to it.

mod golden;

use burn::tensor::{Device, Tensor};
use golden::{Golden, Outcome, json, model, path, shapes};
use reliad_rewards::image_reward::{
    BertTokenizer, ImageReward, ImageRewardConfig, ImageRewardNetwork,
};
use reliad_rewards::{AestheticReward, Error};
use reliad_weights::ModelDir;
use serde::Deserialize;

#[derive(Deserialize)]
struct Texts {
    prompts: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
}

fn texts() -> Result<Texts, Box<dyn std::error::Error>> {
    json("image_reward/tokenizer.golden.json")
}

#[test]
fn rewards_and_gradients_equal_the_reference() -> Outcome {
    let golden = Golden::read("image_reward")?;
    let texts = texts()?;
    for device in [Device::flex(), Device::flex().autodiff()] {
        let reward = ImageReward::load(&model("image_reward")?, &device)?;
        let picture = golden.float::<4>("picture", &device);
        let found = reward.rewards(picture, &texts.prompts)?;
        assert!(golden.error("reward", found) < 1e-4);
    }
    let device = Device::flex().autodiff();
    let reward = ImageReward::load(&model("image_reward")?, &device)?;
    let picture = golden.float::<4>("picture", &device).require_grad();
    let found = reward.rewards(picture.clone(), &texts.prompts)?;
    let weights = Tensor::<1>::from_floats([1.0, -2.0, 0.5], &device);
    let gradients = (found * weights).sum().backward();
    let gradient = picture.grad(&gradients).ok_or("no gradient")?;
    assert!(golden.error("gradient", gradient) < 1e-3);
    Ok(())
}

/// Weights as they were released: a pickled state dict called `ImageReward.pt`.
#[test]
fn the_released_kind_of_file_gives_the_same_rewards() -> Outcome {
    let device = Device::flex();
    let (golden, texts) = (Golden::read("image_reward")?, texts()?);
    let dir = tempfile::tempdir()?;
    for (from, to) in [
        ("config.json", "config.json"),
        ("vocab.txt", "vocab.txt"),
        ("released.pt", "ImageReward.pt"),
    ] {
        std::fs::copy(path("image_reward").join(from), dir.path().join(to))?;
    }
    let reward = ImageReward::load(&ModelDir::open(dir.path())?, &device)?;
    let found = reward.rewards(golden.float("picture", &device), &texts.prompts)?;
    assert!(golden.error("reward", found) < 1e-4);
    Ok(())
}

#[test]
fn a_reward_does_not_depend_on_its_batch() -> Outcome {
    let device = Device::flex();
    let (golden, texts) = (Golden::read("image_reward")?, texts()?);
    let reward = ImageReward::load(&model("image_reward")?, &device)?;
    let picture = golden.float::<4>("picture", &device);
    let together = reward.rewards(picture.clone(), &texts.prompts)?;
    // The second prompt is the shortest: together with the others it is padded.
    let alone = reward.rewards(picture.narrow(0, 1, 1), &texts.prompts[1..2])?;
    let difference = (together.narrow(0, 1, 1) - alone)
        .abs()
        .into_scalar::<f32>();
    assert!(difference < 1e-5, "{difference}");
    Ok(())
}

#[test]
fn tokens_equal_transformers() -> Outcome {
    let tokenizer = BertTokenizer::load(&model("image_reward")?, 10)?;
    let texts = texts()?;
    assert!(texts.cases.len() > 12);
    for Case { text, ids } in texts.cases {
        assert_eq!(tokenizer.encode(&text)?, ids, "{text:?}");
    }
    // BLIP's tokens come behind the vocabulary: its text encoder has two rows more than BERT's.
    let lines = std::fs::read_to_string(path("image_reward/vocab.txt"))?;
    let count = lines.lines().count() as u32;
    assert_eq!(tokenizer.encode("[DEC][ENC]")?, [2, count, count + 1, 3]);
    assert_eq!(tokenizer.vocab_size(), count as usize + 2);
    Ok(())
}

/// The released file as its authors' classes name it: a third of a billion parameters, of which only the shapes are made.
#[test]
fn the_released_names_are_ours() -> Outcome {
    let config = ImageRewardConfig::default();
    let mut small = config.clone();
    // Layers beyond the first two, and rows of tables, only cost memory: their names differ by the number.
    small.vision.num_hidden_layers = 2;
    small.text.num_hidden_layers = 2;
    let network = small.init("defaults", &Device::flex())?;
    let ours = reliad_weights::named_shapes(&network, &ImageRewardNetwork::key_map());
    let mut released = shapes(
        "image_reward",
        &["vision_proj", "text_proj", "position_ids"],
    )?;
    let layers = |released: &std::collections::BTreeMap<String, _>, part: &str| {
        let numbers = released.keys().filter_map(|name| {
            let rest = name.strip_prefix(part)?;
            rest.split('.').next()?.parse::<usize>().ok()
        });
        numbers.max().map_or(0, |last| last + 1)
    };
    let (blocks, texts) = (
        "blip.visual_encoder.blocks.",
        "blip.text_encoder.encoder.layer.",
    );
    assert_eq!(layers(&released, blocks), config.vision.num_hidden_layers);
    assert_eq!(layers(&released, texts), config.text.num_hidden_layers);
    released.retain(|name, _| {
        [blocks, texts].iter().all(|part| {
            name.strip_prefix(part)
                .and_then(|rest| rest.split('.').next()?.parse::<usize>().ok())
                .is_none_or(|number| number < 2)
        })
    });
    assert_eq!(ours, released);
    let keys = ImageRewardNetwork::key_map();
    for ignored in ["blip.vision_proj.weight", "blip.text_proj.bias"] {
        assert_eq!(keys.to_ours(ignored), None);
    }
    Ok(())
}

#[test]
fn a_directory_is_loaded_by_its_class_and_damage_is_named() -> Outcome {
    let device = Device::flex();
    let dir = tempfile::tempdir()?;
    let model = ModelDir::open(dir.path())?;
    let absent = AestheticReward::load(&model, &device).err();
    assert!(matches!(absent, Some(Error::Absent { .. })));
    let aesthetic = dir.path().join("aesthetic");
    std::fs::create_dir(&aesthetic)?;
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        std::fs::copy(path("image_reward").join(file), aesthetic.join(file))?;
    }
    let reward = AestheticReward::load(&model, &device)?;
    assert_eq!(reward.class(), "ImageReward");
    let picture = Tensor::<4>::zeros([2, 3, 20, 20], &device);
    let unpaired = reward.rewards(picture, &["one".to_owned()]).err();
    assert!(matches!(
        unpaired,
        Some(Error::Count {
            pictures: 2,
            prompts: 1
        })
    ));
    let config = std::fs::read_to_string(aesthetic.join("config.json"))?;
    for (from, to, told) in [
        ("ImageReward", "Other", "Other"),
        ("\"max_tokens\":10", "\"max_tokens\":13", "max_tokens"),
        ("\"head\"", "\"heads\"", "heads"),
        ("\"vocab_size\":82", "\"vocab_size\":81", "82"),
        ("\"vocab_size\":82", "\"vocab_size\":83", "word_embeddings"),
    ] {
        assert!(config.contains(from), "{from}");
        std::fs::write(aesthetic.join("config.json"), config.replace(from, to))?;
        let error = AestheticReward::load(&model, &device).err();
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains(told), "{to}: {message}");
    }
    std::fs::write(aesthetic.join("config.json"), &config)?;
    std::fs::write(aesthetic.join("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n")?;
    let error = AestheticReward::load(&model, &device).err();
    let message = error.map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("[SEP]"), "{message}");
    Ok(())
}
