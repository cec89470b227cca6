//! Names and shapes of the real ResNet50, ResNeXt50, HRNet-W18, ViT-B/16 and roberta-base (`parity/rfnet/key_names.py`) are ours,
//! and a checkpoint with these names loads.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod golden;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use golden::{Outcome, folder};
use reliad_rfnet::classifier::{Architecture, Classifier, ClassifierConfig};
use reliad_rfnet::resnet::{BlockKind, ResNetConfig};
use reliad_rfnet::roberta::{Roberta, RobertaConfig};
use reliad_rfnet::vit::VisionTransformer;
use reliad_weights::{KeyMap, Precision, named_shapes};

type Shapes = BTreeMap<String, Vec<usize>>;

/// The real names of a network, without those that `keys` ignores.
fn real_names(
    file: &str,
    keys: &KeyMap,
    prefix: &str,
) -> Result<Shapes, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(folder("keys").join(file))?;
    let names: Shapes = serde_json::from_slice(&bytes)?;
    let kept = names
        .into_iter()
        .filter(|(name, _)| keys.to_ours(name).is_some())
        .map(|(name, shape)| (name.strip_prefix(prefix).unwrap_or(&name).to_owned(), shape));
    Ok(kept.collect())
}

#[test]
fn resnet50_and_resnext50() -> Outcome {
    let mut config = ResNetConfig::new(BlockKind::Bottleneck, [3, 4, 6, 3]);
    config.num_classes = Some(1000);
    let keys = config.key_map();
    let network = config.init(&Device::default())?;
    assert_eq!(
        real_names("resnet50.json", &keys, "")?,
        named_shapes(&network, &keys)
    );

    (config.groups, config.width_per_group) = (32, 4);
    let network = config.init(&Device::default())?;
    assert_eq!(
        real_names("resnext50_32x4d.json", &keys, "")?,
        named_shapes(&network, &keys)
    );
    Ok(())
}

/// The networks of `configs/paper/rivals` with the 1000 classes of ImageNet.
fn rival(name: &str) -> Result<Architecture, Box<dyn std::error::Error>> {
    let file = format!("../../configs/paper/rivals/{name}.json");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let config = ClassifierConfig::from_json(&json["network"])?;
    Ok(config.network.with_classes(1000))
}

#[test]
fn the_papers_rivals_at_their_real_sizes() -> Outcome {
    for (name, file) in [
        ("resnet50", "resnet50.json"),
        ("resnext50", "resnext50_32x4d.json"),
        ("hrnet", "timm_hrnet_w18.json"),
        ("vit", "vit_b_16_384.json"),
    ] {
        let rival = rival(name)?;
        let keys = rival.key_map();
        let ours = match rival.init(&Device::default())? {
            Classifier::Resnet(network) => named_shapes(&network, &keys),
            Classifier::Hrnet(network) => named_shapes(&network, &keys),
            Classifier::VisionTransformer(network) => named_shapes(&network, &keys),
        };
        assert_eq!(real_names(file, &keys, "")?, ours, "{name}");
    }
    Ok(())
}

#[test]
fn a_vision_transformer_of_timm() -> Outcome {
    let keys = VisionTransformer::timm_key_map();
    let Classifier::VisionTransformer(network) = rival("vit")?.init(&Device::default())? else {
        panic!("vit.json holds another network");
    };
    let ours = named_shapes(&network, &keys);
    assert_eq!(
        real_names("timm_vit_base_patch16_384.json", &keys, "")?,
        ours
    );
    Ok(())
}

#[test]
fn a_rival_begins_with_a_classifier_of_other_classes_in_either_spelling() -> Outcome {
    let device = Device::default();
    let config: Architecture = serde_json::from_value(serde_json::json!({
        "architecture": "vision_transformer", "image_size": 16, "patch_size": 8, "num_layers": 2,
        "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16, "num_classes": 7
    }))?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("theirs.safetensors");
    let picture = Tensor::<4>::full([1, 3, 16, 16], 0.3, &device);
    for keys in [
        VisionTransformer::key_map(),
        VisionTransformer::timm_key_map(),
    ] {
        let theirs = config.init(&device)?;
        theirs.save(&file, Precision::F32, &keys)?;
        let same = config.begin_from(&file, &device)?;
        let error = same.forward(picture.clone()) - theirs.forward(picture.clone());
        assert_eq!(error.abs().max().into_scalar::<f32>(), 0.0);
        let five = config.clone().with_classes(5).begin_from(&file, &device)?;
        assert_eq!(five.forward(picture.clone()).dims(), [1, 5]);
    }
    let mut other = config.clone();
    if let Architecture::VisionTransformer(config) = &mut other {
        config.num_layers = 1;
    }
    let said = other.begin_from(&file, &device).unwrap_err().to_string();
    assert!(said.contains("theirs.safetensors"), "{said}");
    Ok(())
}

#[test]
fn an_encoder_takes_a_classifier_file_without_its_head() -> Outcome {
    let device = Device::default();
    let mut config = ResNetConfig::new(BlockKind::Basic, [1, 1, 1, 1]);
    (config.base_width, config.num_classes) = (4, Some(7));
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("model.safetensors");
    reliad_weights::save(
        &config.init(&device)?,
        &file,
        Precision::F32,
        &config.key_map(),
    )?;
    config.num_classes = None;
    let loaded = reliad_weights::load_file(config.init(&device)?, &file, &config.key_map())?;
    assert!(loaded.num_params() > 0);
    Ok(())
}

#[test]
fn roberta_base() -> Outcome {
    let config = RobertaConfig {
        max_position_embeddings: 514,
        type_vocab_size: 1,
        layer_norm_eps: 1e-5,
        ..RobertaConfig::default()
    };
    let keys = Roberta::key_map();
    let network = config.init(&Device::default())?;
    assert_eq!(
        real_names("roberta_base.json", &keys, "roberta.")?,
        named_shapes(&network, &keys)
    );
    Ok(())
}
