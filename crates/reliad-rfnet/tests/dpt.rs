//! DPT against transformers (`parity/rfnet_maps/dpt.py`). Tolerance 1e-4: f32 sums in another order.

mod golden;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use golden::{Golden, Outcome, model};
use reliad_rfnet::depth_network::DepthNetwork;
use reliad_rfnet::dpt::{Dpt, DptConfig};
use reliad_weights::{ModelDir, Precision};
use serde_json::json;

/// All readouts, with and without norms and biases, square pictures and others.
const CASES: [&str; 3] = ["dpt_project", "dpt_add_norm", "dpt_ignore"];

#[test]
fn depth_equals_transformers() -> Outcome {
    let device = Device::default();
    for case in CASES {
        println!("{case}");
        let golden = Golden::read(case)?;
        let network = Dpt::load(&model(case)?, &device)?;
        let depth = network.forward(golden.float("picture", &device));
        assert!(golden.error("depth", depth) < 1e-4);
    }
    Ok(())
}

#[test]
fn gradient_by_the_picture_equals_transformers() -> Outcome {
    let device = Device::default().autodiff();
    for case in CASES {
        println!("{case}");
        let golden = Golden::read(case)?;
        let network = Dpt::load(&model(case)?, &device)?.freeze();
        let picture = golden.float::<4>("picture", &device).require_grad();
        let depth = network.forward(picture.clone());
        let gradients = (depth * golden.float("cotangent", &device))
            .sum()
            .backward();
        let gradient = picture
            .grad(&gradients)
            .ok_or("no gradient reached the picture")?;
        assert!(golden.error("picture_grad", gradient) < 1e-3);
    }
    Ok(())
}

#[test]
fn the_whole_way_from_photo_to_map_equals_pytorch() -> Outcome {
    let device = Device::default();
    let golden = Golden::read("dpt_add_norm")?;
    let network = DepthNetwork::load(&model("dpt_add_norm")?, &device)?;
    let photo = golden.float::<4>("photo", &device);
    let map = network.estimate(photo.clone());
    assert!(golden.error("estimate", map.clone()) < 1e-4);

    for item in 0..2 {
        let alone = network.estimate(photo.clone().narrow(0, item, 1));
        let among = map.clone().narrow(0, item, 1);
        assert_eq!(alone.clone().min().into_scalar::<f32>(), 0.0);
        assert_eq!(alone.clone().max().into_scalar::<f32>(), 1.0);
        assert_eq!(
            alone.into_data(),
            among.into_data(),
            "item {item} depends on its batch"
        );
    }
    Ok(())
}

#[test]
fn a_loaded_estimator_gives_the_same_map_and_gradients_on_a_device_with_gradients() -> Outcome {
    let device = Device::default().autodiff();
    let golden = Golden::read("dpt_add_norm")?;
    let network = DepthNetwork::load(&model("dpt_add_norm")?, &device)?;
    let photo = golden.float::<4>("photo", &device).require_grad();
    let map = network.estimate(photo.clone());
    assert!(golden.error("estimate", map.clone()) < 1e-4);
    let gradients = map.powi_scalar(2).sum().backward();
    let gradient: Tensor<4> = photo
        .grad(&gradients)
        .ok_or("no gradient reached the photo")?;
    let size = gradient.abs().sum().into_scalar::<f32>();
    assert!(size.is_finite() && size > 0.0, "{size}");
    Ok(())
}

#[test]
fn a_saved_network_loads_as_it_was() -> Outcome {
    let device = Device::default();
    let config = json!({
        "model_type": "dpt", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 24, "image_size": 32, "patch_size": 8, "backbone_out_indices": [0, 1],
        "reassemble_factors": [1, 0.5], "neck_hidden_sizes": [8, 8], "fusion_hidden_size": 8,
        "use_batch_norm_in_fusion_residual": true, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.6, 0.7]
    });
    let dir = tempfile::tempdir()?;
    let fresh = DepthNetwork::init(&config, &device)?;
    fresh.save(dir.path(), &config, Precision::F32)?;
    let loaded = DepthNetwork::load(&ModelDir::open(dir.path())?, &device)?;
    assert_eq!(loaded.input(), fresh.input());
    let photo = Golden::read("dpt_add_norm")?.float::<4>("photo", &device);
    let same = fresh.estimate(photo.clone()).into_data();
    assert_eq!(loaded.estimate(photo).into_data(), same);
    Ok(())
}

#[test]
fn a_preprocessor_file_overrules_the_config() -> Outcome {
    let device = Device::default();
    let dir = tempfile::tempdir()?;
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(
            golden::folder("dpt_add_norm").join(file),
            dir.path().join(file),
        )?;
    }
    let fields =
        json!({"size": {"height": 40, "width": 24}, "image_mean": [0.1, 0.2, 0.3], "resample": 2});
    std::fs::write(
        dir.path().join("preprocessor_config.json"),
        fields.to_string(),
    )?;
    let network = DepthNetwork::load(&ModelDir::open(dir.path())?, &device)?;
    let input = network.input();
    assert_eq!((input.height, input.width), (40, 24));
    assert_eq!((input.mean, input.std), ([0.1, 0.2, 0.3], [0.5; 3]));
    let map = network.estimate(Tensor::zeros([1, 3, 20, 30], &device));
    assert_eq!(map.dims(), [1, 1, 20, 30]);
    Ok(())
}

#[test]
fn fields_that_cannot_be_honoured_are_named() {
    for (field, json) in [
        ("model_type", json!({"model_type": "glpn"})),
        ("is_hybrid", json!({"is_hybrid": true})),
        (
            "backbone_config",
            json!({"backbone_config": {"model_type": "dinov2"}}),
        ),
        ("backbone", json!({"backbone": "vit_small"})),
        ("add_projection", json!({"add_projection": true})),
        ("hidden_act", json!({"hidden_act": "relu"})),
        ("hidden_dropout_prob", json!({"hidden_dropout_prob": 0.1})),
        (
            "attention_probs_dropout_prob",
            json!({"attention_probs_dropout_prob": 0.1}),
        ),
        ("image_size", json!({"image_size": [384, 512]})),
        ("patch_size", json!({"patch_size": [16, 8]})),
        ("patch_size", json!({"patch_size": 0})),
        ("num_attention_heads", json!({"num_attention_heads": 5})),
        ("fusion_hidden_size", json!({"fusion_hidden_size": 1})),
        (
            "backbone_out_indices",
            json!({"backbone_out_indices": [2, 5, 8, 12]}),
        ),
        (
            "backbone_out_indices",
            json!({"backbone_out_indices": [5, 2, 8, 11]}),
        ),
        (
            "neck_hidden_sizes",
            json!({"neck_hidden_sizes": [96, 192, 384]}),
        ),
        (
            "reassemble_factors",
            json!({"reassemble_factors": [4, 2, 1.5, 0.5]}),
        ),
        ("head_in_index", json!({"head_in_index": 4})),
        ("readout", json!({"readout_type": "readout"})),
    ] {
        let message = match DptConfig::from_json(&json) {
            Ok(_) => panic!("{json} was accepted"),
            Err(error) => error.to_string(),
        };
        assert!(message.contains(&format!("`{field}`")), "{json}: {message}");
    }
}
