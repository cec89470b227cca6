//! Names and shapes of the real ResNet50, ResNeXt50 and roberta-base (`parity/rfnet/key_names.py`) are ours, and a
//! checkpoint with these names loads.

mod golden;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::Device;
use golden::{Outcome, folder};
use reliad_rfnet::resnet::{BlockKind, ResNetConfig};
use reliad_rfnet::roberta::{Roberta, RobertaConfig};
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
