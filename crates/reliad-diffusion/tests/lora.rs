//! Adapters of files against diffusers, and those that train against what their file gives back.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Distribution, Tensor};
use golden::{Golden, assert_close, component, fixture};
use reliad_diffusion::{ClipTextModel, UNet2DConditionModel};
use reliad_weights::lora::{Adapters, Lora};

/// That of the goldens.
const STRENGTH: f64 = 0.7;

fn unet(device: &Device) -> UNet2DConditionModel {
    UNet2DConditionModel::load(&component("inpaint/unet"), device).unwrap()
}

fn adapted(unet: UNet2DConditionModel, lora: &Lora, strength: f64) -> UNet2DConditionModel {
    let keys = UNet2DConditionModel::key_map();
    lora.merge(unet, "unet", &keys, strength).unwrap()
}

#[test]
fn every_kind_of_file_gives_what_diffusers_makes_of_it() {
    let device = Device::flex();
    let golden = Golden::read("lora");
    let input = |name: &str| golden.float::<3>(name, &device);
    for name in ["peft", "kohya", "old"] {
        let lora = Lora::open(&fixture("lora").join(format!("{name}.safetensors"))).unwrap();
        let unet = adapted(unet(&device), &lora, STRENGTH);
        let (sample, times) = (
            golden.float("sample", &device),
            golden.float("timesteps", &device),
        );
        let output = unet.forward(sample, times, input("text"), None);
        assert_close(
            name,
            output,
            golden.float::<4>(&format!("{name}.unet"), &device),
        );
        // The one of before PEFT has none.
        assert_eq!(lora.has("text_encoder"), name != "old");
        if lora.has("text_encoder") {
            let text = ClipTextModel::load(&component("inpaint/text_encoder"), &device).unwrap();
            let text = lora.merge(text, "text_encoder", &ClipTextModel::key_map(), STRENGTH);
            let output = text.unwrap().forward(golden.int("ids", &device));
            assert_close(name, output, input("embedded"));
        }
    }
}

/// Sets every factor to random ones: fresh ones change nothing.
struct Trained;

impl ModuleMapper for Trained {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| value.random_like(Distribution::Normal(0.0, 0.2)))
    }
}

#[test]
fn what_trains_is_what_its_file_gives_back() {
    let device = Device::flex();
    let golden = Golden::read("lora");
    let output = |unet: &UNet2DConditionModel| {
        unet.forward(
            golden.float("sample", &device),
            golden.float("timesteps", &device),
            golden.float("text", &device),
            None,
        )
    };
    let base = unet(&device);
    let fresh = Adapters::fresh(&base, 2);
    let change = output(&fresh.lay_on(base.clone())) - output(&base);
    let change = change.abs().max().into_scalar::<f32>();
    assert_eq!(change, 0.0, "fresh adapters change something");

    let trained = fresh.map(&mut Trained);
    let expected = output(&trained.lay_on(base.clone()));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("adapters.safetensors");
    let keys = UNet2DConditionModel::key_map();
    trained.save(&base, "unet", &keys, &file).unwrap();
    let lora = Lora::open(&file).unwrap();
    let merged = output(&adapted(base.clone(), &lora, 1.0));
    let error = golden::relative_error(merged, expected.clone());
    // The file holds halves, of 11 bits.
    assert!(error < 3e-3, "{error}");
    let change = golden::relative_error(output(&base), expected);
    assert!(change > 0.1, "{change}");
}

#[test]
fn adapters_of_another_network_are_named() {
    let lora = Lora::open(&fixture("lora/peft.safetensors")).unwrap();
    let device = Device::flex();
    let other = UNet2DConditionModel::load(&component("unet"), &device).unwrap();
    let error = lora.merge(other, "unet", &UNet2DConditionModel::key_map(), 1.0);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("peft.safetensors") && error.contains("expected"),
        "{error}"
    );
    // A file of whole weights is no file of adapters.
    let weights = fixture("inpaint/unet/diffusion_pytorch_model.safetensors");
    let error = Lora::open(&weights).unwrap_err().to_string();
    assert!(error.contains("aren't understood as adapters"), "{error}");
}
