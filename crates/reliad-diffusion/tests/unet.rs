//! UNet2DConditionModel and ControlNetModel against diffusers.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use golden::{Golden, assert_close, component, config};
use reliad_diffusion::{
    ControlNetConfig, ControlNetModel, UNet2DConditionConfig, UNet2DConditionModel,
};

struct Inputs {
    sample: Tensor<4>,
    timesteps: Tensor<1>,
    text: Tensor<3>,
    output: Tensor<4>,
}

fn inputs(golden: &Golden, size: &str, device: &Device) -> Inputs {
    Inputs {
        sample: golden.float(&format!("{size}.sample"), device),
        timesteps: golden.float(&format!("{size}.timesteps"), device),
        text: golden.float(&format!("{size}.text"), device),
        output: golden.float(&format!("{size}.output"), device),
    }
}

#[test]
fn unet_equals_diffusers_at_any_size() {
    for (name, sizes) in [
        ("unet", &["8x12", "7x9", "5x1"][..]),
        ("unet_other", &["6x4", "7x9"]),
    ] {
        let golden = Golden::read(name);
        for device in [Device::flex(), Device::flex().autodiff()] {
            let unet = UNet2DConditionModel::load(&component(name), &device).unwrap();
            for size in sizes {
                let x = inputs(&golden, size, &device);
                let output = unet.forward(x.sample, x.timesteps, x.text, None);
                assert_close(&format!("{name} {size}"), output, x.output);
            }
        }
    }
}

#[test]
fn unet_with_controlnet_equals_diffusers() {
    for (golden, unet, controlnet, sizes) in [
        (
            "unet_controlnet",
            "unet",
            "controlnet",
            &["8x12", "5x6"][..],
        ),
        (
            "unet_controlnet_other",
            "unet_other",
            "controlnet_other",
            &["6x10"],
        ),
    ] {
        let device = Device::flex();
        let unet = UNet2DConditionModel::load(&component(unet), &device).unwrap();
        let controlnet = ControlNetModel::load(&component(controlnet), &device).unwrap();
        let golden = Golden::read(golden);
        for size in sizes {
            let x = inputs(&golden, size, &device);
            let picture = golden.float(&format!("{size}.picture"), &device);
            let control = controlnet.forward(
                x.sample.clone(),
                x.timesteps.clone(),
                x.text.clone(),
                controlnet.see(picture),
                0.7,
            );
            let output = unet.forward(x.sample, x.timesteps, x.text, Some(control));
            assert_close(size, output, x.output);
        }
    }
}

#[test]
fn a_controlnet_from_a_unet_starts_without_effect_and_trains_apart() {
    let device = Device::flex().autodiff();
    let unet = UNet2DConditionModel::load(&component("unet"), &device).unwrap();
    let settings = ControlNetConfig::from_json(&config("controlnet")).unwrap();
    let controlnet = ControlNetModel::from_unet(&unet, &settings, &device);
    let golden = Golden::read("unet_controlnet");
    let x = inputs(&golden, "8x12", &device);
    let picture = golden.float("8x12.picture", &device);
    let control = controlnet.forward(
        x.sample.clone(),
        x.timesteps.clone(),
        x.text.clone(),
        controlnet.see(picture),
        1.0,
    );
    let alone = unet.forward(x.sample.clone(), x.timesteps.clone(), x.text.clone(), None);
    let together = unet.forward(x.sample, x.timesteps, x.text, Some(control));
    assert_close("without effect", together.clone(), alone);

    let same =
        |a: &Tensor<4>, b: &Tensor<4>| a.clone().equal(b.clone()).all().into_scalar::<bool>();
    assert!(same(
        &controlnet.conv_in.weight.val(),
        &unet.conv_in.weight.val()
    ));
    assert_ne!(controlnet.conv_in.weight.id, unet.conv_in.weight.id);
    let gradients = together.square().mean().backward();
    // The zero convolutions learn first; what stands behind them gets no gradient yet.
    let first = controlnet
        .controlnet_mid_block
        .weight
        .grad(&gradients)
        .unwrap();
    assert!(first.abs().max().into_scalar::<f32>() > 0.0);
    let behind = controlnet.conv_in.weight.grad(&gradients).unwrap();
    assert_eq!(behind.abs().max().into_scalar::<f32>(), 0.0);
}

#[test]
fn every_parameter_gets_a_gradient() {
    let device = Device::flex().autodiff();
    let unet = UNet2DConditionModel::load(&component("unet"), &device).unwrap();
    let golden = Golden::read("unet");
    let x = inputs(&golden, "8x12", &device);
    let loss = unet
        .forward(x.sample, x.timesteps, x.text, None)
        .square()
        .mean();
    let gradients = loss.backward();
    let counted = burn::optim::GradientsParams::from_grads(gradients, &unet).len();
    assert_eq!(counted, burn::module::list_param_ids(&unet).len());
}

#[test]
fn misfits_are_reported_all_at_once() {
    let device = Device::flex();
    let mut json = config("unet");
    json["cross_attention_dim"] = 14.into();
    json["layers_per_block"] = 1.into();
    json["use_linear_projection"] = true.into();
    let module = UNet2DConditionConfig::from_json(&json)
        .unwrap()
        .init(&device);
    let result = reliad_weights::load(module, &component("unet"), &UNet2DConditionModel::key_map());
    let message = result.err().unwrap().to_string();
    for part in [
        "unused",
        "down_blocks.0.resnets.1.conv1.weight",
        "wrong shape",
        "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight",
        "mid_block.attentions.0.proj_in.weight",
    ] {
        assert!(message.contains(part), "{part} not in {message}");
    }
    let mut json = config("unet");
    json["layers_per_block"] = 3.into();
    let module = UNet2DConditionConfig::from_json(&json)
        .unwrap()
        .init(&device);
    let result = reliad_weights::load(module, &component("unet"), &UNet2DConditionModel::key_map());
    let message = result.err().unwrap().to_string();
    assert!(message.contains("missing"), "{message}");
    assert!(
        message.contains("down_blocks.0.resnets.2.conv1.weight"),
        "{message}"
    );
    assert!(
        Module::num_params(&UNet2DConditionModel::load(&component("unet"), &device).unwrap()) > 0
    );
}
