//! ResNet against torchvision (`parity/rfnet/resnet.py`). Tolerance 1e-4: f32 sums in another order.

mod golden;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use golden::{Golden, Outcome, model};
use reliad_rfnet::resnet::{BlockKind, ResNet, ResNetConfig};
use reliad_rfnet::rfnet::{RfNetConfig, RfNetInput};

#[test]
fn features_and_output_equal_torchvision() -> Outcome {
    let device = Device::default();
    for case in [
        "resnet_bottleneck",
        "resnet_basic",
        "resnext",
        "resnet_dilated",
        "resnet_kept",
    ] {
        println!("{case}");
        let golden = Golden::read(case)?;
        let network = ResNet::load(&model(case)?, &device)?;
        let picture = golden.float::<4>("picture", &device);
        assert!(golden.error("features", network.features(picture.clone())) < 1e-4);
        assert!(golden.error("output", network.forward(picture)) < 1e-4);
    }
    Ok(())
}

#[test]
fn a_frozen_network_uses_running_statistics_on_a_device_with_gradients() -> Outcome {
    let case = "resnet_bottleneck";
    let device = Device::default().autodiff();
    let golden = Golden::read(case)?;
    let network = ResNet::load(&model(case)?, &device)?;
    let picture = golden.float::<4>("picture", &device);
    let training = network.clone().forward(picture.clone());
    assert!(
        golden.error("output", training) > 1e-2,
        "training uses batch statistics"
    );

    let frozen = ResNet::load(&model(case)?, &device)?.freeze();
    assert!(golden.error("output", frozen.forward(picture.clone())) < 1e-4);
    let one = frozen.forward(picture.clone().narrow(0, 0, 1));
    let all = frozen.forward(picture.clone()).narrow(0, 0, 1);
    assert!((one - all).abs().max().into_scalar::<f32>() < 1e-4);

    let picture = picture.require_grad();
    let gradients = frozen.forward(picture.clone()).sum().backward();
    let gradient: Tensor<4> = picture
        .grad(&gradients)
        .ok_or("no gradient reached the picture")?;
    assert!(gradient.abs().sum().into_scalar::<f32>() > 0.0);
    Ok(())
}

#[test]
fn unsupported_values_are_named() {
    let mut config = ResNetConfig::new(BlockKind::Basic, [1, 1, 1, 1]);
    config.groups = 2;
    let message = config
        .validate()
        .expect_err("grouped basic blocks")
        .to_string();
    assert!(message.contains("`groups`"), "{message}");
    let mut config = ResNetConfig::new(BlockKind::Bottleneck, [3, 0, 1, 1]);
    config.base_width = 8;
    let message = config.validate().expect_err("an empty stage").to_string();
    assert!(message.contains("`layers`"), "{message}");
    let mut config = ResNetConfig::new(BlockKind::Basic, [1, 1, 1, 2]);
    config.replace_stride_with_dilation = [false, false, true];
    let message = config.validate().expect_err("spread kernels").to_string();
    assert!(
        message.contains("`replace_stride_with_dilation`"),
        "{message}"
    );
}

#[test]
fn a_judge_has_a_token_for_every_cell_of_a_finer_map() -> Outcome {
    let json = serde_json::json!({
        "preprocess": {"image_size": 64},
        "image_encoder": {
            "block": "basic", "layers": [1, 1, 1, 1], "base_width": 4, "replace_stride_with_dilation": [false, false, true],
        },
        "shared_image_encoder": false,
        "inputs": {"caption": false},
        "width": 8, "heads": 2, "fusion_feed_forward": 16, "classes": 5,
    });
    let config = RfNetConfig::from_json(&json)?;
    assert_eq!(config.image_tokens(), 16);
    let device = Device::default();
    let picture = || Some(Tensor::zeros([2, 3, 64, 64], &device));
    let logits = config.init(&device)?.forward(RfNetInput {
        product: picture(),
        generated: picture(),
        depth: picture(),
        saliency: picture(),
        caption: None,
    });
    assert_eq!(logits.dims(), [2, 5]);
    Ok(())
}
