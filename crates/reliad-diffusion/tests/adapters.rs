//! Adapters of LyCORIS and PEFT against what these libraries make of them (`parity/diffusion/adapters.py`).
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use burn::tensor::{Device, Tensor};
use golden::{Golden, assert_close, component, fixture, relative_error};
use reliad_diffusion::{ClipTextModel, UNet2DConditionModel};
use reliad_weights::lora::Lora;

/// That of the goldens of files without DoRA.
const STRENGTH: f64 = 0.7;

struct Networks {
    device: Device,
    golden: Golden,
}

impl Networks {
    fn new() -> Self {
        Self {
            device: Device::flex(),
            golden: Golden::read("adapters"),
        }
    }

    fn lora(name: &str) -> Lora {
        let file = match name.starts_with("peft") {
            true => format!("adapters/{name}"),
            false => format!("adapters/{name}.safetensors"),
        };
        Lora::open(&fixture(&file)).unwrap()
    }

    fn painted(&self, lora: Option<(&Lora, f64)>) -> Tensor<4> {
        let mut unet =
            UNet2DConditionModel::load(&component("inpaint/unet"), &self.device).unwrap();
        if let Some((lora, strength)) = lora {
            let keys = UNet2DConditionModel::key_map();
            unet = lora.merge(unet, "unet", &keys, strength).unwrap();
        }
        let float = |name| self.golden.float(name, &self.device);
        let times = self.golden.float("timesteps", &self.device);
        let text = self.golden.float("text", &self.device);
        unet.forward(float("sample"), times, text, None)
    }

    fn embedded(&self, lora: Option<(&Lora, f64)>) -> Tensor<3> {
        let text = ClipTextModel::load(&component("inpaint/text_encoder"), &self.device);
        let mut text = text.unwrap();
        if let Some((lora, strength)) = lora {
            let keys = ClipTextModel::key_map();
            text = lora.merge(text, "text_encoder", &keys, strength).unwrap();
        }
        text.forward(self.golden.int("ids", &self.device))
    }
}

#[test]
fn every_kind_gives_what_its_library_makes_of_it() {
    let networks = Networks::new();
    let plain = networks.painted(None);
    let plain_text = networks.embedded(None);
    for (name, strength, of_unet, of_text) in [
        ("locon", STRENGTH, true, true),
        ("loha", STRENGTH, true, true),
        ("lokr", STRENGTH, true, true),
        ("full", STRENGTH, true, true),
        ("ia3", STRENGTH, true, false),
        ("ldm", STRENGTH, true, false),
        ("dora", 1.0, true, true),
        ("peft_lora", 1.0, true, false),
        ("peft_rslora", 1.0, true, false),
        ("peft_dora", 1.0, true, false),
        ("peft_loha", 1.0, true, false),
        ("peft_lokr", 1.0, true, false),
        ("peft_text", 1.0, false, true),
    ] {
        let lora = Networks::lora(name);
        assert_eq!(lora.has("unet"), of_unet, "{name}");
        assert_eq!(lora.has("text_encoder"), of_text, "{name}");
        let device = &networks.device;
        if of_unet {
            let expected = networks.golden.float(&format!("{name}.unet"), device);
            let found = networks.painted(Some((&lora, strength)));
            let change = relative_error(found.clone(), plain.clone());
            assert!(change > 0.01, "{name} changes next to nothing: {change}");
            assert_close(name, found, expected);
        }
        if of_text {
            let expected = networks.golden.float(&format!("{name}.embedded"), device);
            let found = networks.embedded(Some((&lora, strength)));
            let change = relative_error(found.clone(), plain_text.clone());
            assert!(change > 0.01, "{name} changes next to nothing: {change}");
            assert_close(name, found, expected);
        }
    }
}

#[test]
fn a_part_of_dora_is_a_part_of_the_weights_change() {
    let networks = Networks::new();
    let lora = Networks::lora("dora");
    let expected = networks.golden.float("dora.part.unet", &networks.device);
    assert_close("part", networks.painted(Some((&lora, STRENGTH))), expected);
    let none = networks.painted(Some((&lora, 0.0)));
    let error = relative_error(none, networks.painted(None));
    assert_eq!(error, 0.0, "none of the adapters is none");
}
