//! Names and shapes of the real DPT-large, U2-Net and u2netp (`parity/rfnet_maps`) are ours, and the sizes of the
//! small networks meant for `mini` stay small.

mod golden;

use std::collections::BTreeMap;

use burn::tensor::Device;
use golden::{Outcome, folder};
use reliad_rfnet::dpt::{Dpt, DptConfig};
use reliad_rfnet::u2net::{U2Net, U2NetConfig};
use reliad_weights::{KeyMap, named_shapes};
use serde_json::json;

type Shapes = BTreeMap<String, Vec<usize>>;

fn real_names(file: &str, keys: &KeyMap) -> Result<Shapes, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(folder("keys").join(file))?;
    let names: Shapes = serde_json::from_slice(&bytes)?;
    let kept = names
        .into_iter()
        .filter(|(name, _)| keys.to_ours(name).is_some());
    Ok(kept.collect())
}

#[test]
fn dpt_large() -> Outcome {
    let keys = Dpt::key_map();
    // Intel/dpt-large, with fields of its file that concern other heads, and a null.
    let config = DptConfig::from_json(&json!({
        "model_type": "dpt", "architectures": ["DPTForDepthEstimation"], "hidden_size": 1024,
        "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096, "image_size": 384,
        "patch_size": 16, "backbone_out_indices": [5, 11, 17, 23], "neck_hidden_sizes": [256, 512, 1024, 1024],
        "layer_norm_eps": 1e-12, "use_auxiliary_head": true, "auxiliary_loss_weight": 0.4, "backbone_config": null
    }))?;
    let network = config.init(&Device::default())?;
    assert_eq!(
        real_names("dpt_large.json", &keys)?,
        named_shapes(&network, &keys)
    );
    Ok(())
}

#[test]
fn u2net_and_u2netp() -> Outcome {
    let keys = U2Net::key_map();
    for (file, config) in [
        ("u2net.json", U2NetConfig::full()),
        ("u2netp.json", U2NetConfig::uniform(16, 64)),
    ] {
        let network = config.init(&Device::default())?;
        let ours = named_shapes(&network, &keys);
        assert_eq!(ours.len(), 686, "tensors of {file}");
        assert_eq!(real_names(file, &keys)?, ours);
    }
    Ok(())
}
