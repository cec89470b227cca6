//! Adapters of files against diffusers, and those that train against what their file gives back.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Distribution, Tensor};
use golden::{Golden, assert_close, component, fixture};
use reliad_diffusion::{ClipTextModel, UNet2DConditionModel};
use reliad_weights::lora::{Lora, attach, save};

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
        let (sample, times) = (golden.float("sample", &device), golden.float("timesteps", &device));
        let output = unet.forward(sample, times, input("text"), None);
        assert_close(name, output, golden.float::<4>(&format!("{name}.unet"), &device));
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

/// Sets every adapter's factors to random ones: fresh ones change nothing.
struct Trained;

impl ModuleMapper for Trained {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        let spread = Distribution::Normal(0.0, 0.2);
        param.map(|value| value.random_like(spread).require_grad())
    }
}

#[test]
fn what_trains_is_what_its_file_gives_back() {
    let device = Device::flex().autodiff();
    let golden = Golden::read("lora");
    let base = unet(&device);
    let whole = base.num_params();
    let fresh = attach(base.clone(), 2);
    let output = |unet: &UNet2DConditionModel, device: &Device| {
        unet.forward(
            golden.float("sample", device),
            golden.float("timesteps", device),
            golden.float("text", device),
            None,
        )
    };
    let same = output(&fresh, &device).sub(output(&base, &device)).abs();
    assert_eq!(same.max().into_scalar::<f32>(), 0.0, "fresh adapters change something");

    let trained = fresh.map(&mut Trained);
    assert!(trained.num_params() > whole, "no adapter was attached");
    let plain = Device::flex();
    let expected = output(&trained.valid(), &plain);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("adapters.safetensors");
    save(&trained, "unet", &UNet2DConditionModel::key_map(), &file).unwrap();
    let lora = Lora::open(&file).unwrap();
    let merged = output(&adapted(unet(&plain), &lora, 1.0), &plain);
    let error = golden::relative_error(merged, expected);
    // The file holds halves, of 11 bits.
    assert!(error < 3e-3, "{error}");
}

#[test]
fn adapters_of_another_network_are_named() {
    let lora = Lora::open(&fixture("lora/peft.safetensors")).unwrap();
    let device = Device::flex();
    let other = UNet2DConditionModel::load(&component("unet"), &device).unwrap();
    let error = lora.merge(other, "unet", &UNet2DConditionModel::key_map(), 1.0);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("peft.safetensors") && error.contains("expected"), "{error}");
    // A file of whole weights is no file of adapters.
    let weights = fixture("inpaint/unet/diffusion_pytorch_model.safetensors");
    let error = Lora::open(&weights).unwrap_err().to_string();
    assert!(error.contains("not low-rank adapters"), "{error}");
}
