//! U2-Net against an independent PyTorch version (`parity/rfnet_maps/u2net.py`). Tolerance 1e-4: f32 sums in another
//! order.

mod golden;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use golden::{Golden, Outcome, model};
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_rfnet::u2net::{U2Net, U2NetConfig};
use reliad_weights::{ModelDir, Precision};
use serde_json::json;

const CASE: &str = "u2net_tiny";

#[test]
fn all_seven_maps_equal_pytorch() -> Outcome {
    let device = Device::default();
    let golden = Golden::read(CASE)?;
    let network = U2Net::load(&model(CASE)?, &device)?;
    let logits = network.forward(golden.float("picture", &device));
    assert!(golden.error("fused", logits.fused) < 1e-4);
    for (index, side) in logits.sides.into_iter().enumerate() {
        assert!(golden.error(&format!("side{}", index + 1), side) < 1e-4);
    }
    Ok(())
}

#[test]
fn batch_statistics_are_used_in_training_only() -> Outcome {
    let device = Device::default().autodiff();
    let golden = Golden::read(CASE)?;
    let network = U2Net::load(&model(CASE)?, &device)?;
    let picture = golden.float::<4>("picture", &device);
    assert!(golden.error("trained", network.forward(picture.clone()).fused) < 1e-4);

    let frozen = U2Net::load(&model(CASE)?, &device)?.freeze();
    let picture = picture.require_grad();
    let fused = frozen.forward(picture.clone()).fused;
    assert!(golden.error("fused", fused.clone()) < 1e-4);
    let gradients = (fused * golden.float("cotangent", &device))
        .sum()
        .backward();
    let gradient = picture
        .grad(&gradients)
        .ok_or("no gradient reached the picture")?;
    assert!(golden.error("picture_grad", gradient) < 1e-3);
    Ok(())
}

#[test]
fn the_whole_way_from_photo_to_map_equals_pytorch() -> Outcome {
    let golden = Golden::read(CASE)?;
    for device in [Device::default(), Device::default().autodiff()] {
        let network = SaliencyNetwork::load(&model(CASE)?, &device)?;
        let photo = golden.float::<4>("photo", &device);
        let map = network.estimate(photo.clone());
        assert!(golden.error("estimate", map.clone()) < 1e-4);
        for item in 0..2 {
            let alone = network.estimate(photo.clone().narrow(0, item, 1));
            let among = map.clone().narrow(0, item, 1);
            assert_eq!(
                alone.into_data(),
                among.into_data(),
                "item {item} depends on its batch"
            );
        }
    }
    Ok(())
}

#[test]
fn stretching_is_a_setting_that_survives_saving() -> Outcome {
    let device = Device::default();
    let mut config = serde_json::to_value(U2NetConfig::uniform(2, 4))?;
    config["image_size"] = json!(32);
    config["min_max"] = json!(true);
    let dir = tempfile::tempdir()?;
    let fresh = SaliencyNetwork::init(&config, &device)?;
    fresh.save(dir.path(), &config, Precision::F32)?;
    let loaded = SaliencyNetwork::load(&ModelDir::open(dir.path())?, &device)?;
    let photo = Golden::read(CASE)?.float::<4>("photo", &device);
    let map = loaded.estimate(photo.clone());
    assert_eq!(map.clone().min().into_scalar::<f32>(), 0.0);
    assert_eq!(map.clone().max().into_scalar::<f32>(), 1.0);
    assert_eq!(map.into_data(), fresh.estimate(photo).into_data());
    Ok(())
}

#[test]
fn the_smallest_pictures_pass() -> Outcome {
    let device = Device::default();
    let network = U2Net::load(&model(CASE)?, &device)?;
    for [height, width] in [[1, 1], [2, 5], [33, 3]] {
        let logits = network.forward(Tensor::zeros([1, 3, height, width], &device));
        assert_eq!(logits.fused.dims(), [1, 1, height, width]);
    }
    Ok(())
}

#[test]
fn fields_that_cannot_be_honoured_are_named() -> Outcome {
    let good = serde_json::to_value(U2NetConfig::uniform(2, 4))?;
    for (field, value) in [
        ("model_type", json!("isnet")),
        ("in_channels", json!(0)),
        (
            "encoder",
            json!([[2, 4], [2, 4], [2, 4], [2, 0], [2, 4], [2, 4]]),
        ),
        ("min_max", json!("yes")),
        ("image_size", json!(0)),
    ] {
        let mut config = good.clone();
        config["image_size"] = json!(32);
        config[field] = value;
        let message = match SaliencyNetwork::init(&config, &Device::default()) {
            Ok(_) => panic!("{config} was accepted"),
            Err(error) => error.to_string(),
        };
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
    Ok(())
}
