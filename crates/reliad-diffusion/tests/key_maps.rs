//! Names and shapes of the real Stable Diffusion 1.5 and ControlNet v1.1 against our modules of the same configurations.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use golden::fixture;
use reliad_diffusion::{
    AutoencoderKl, AutoencoderKlConfig, ClipTextConfig, ClipTextModel, ControlNetConfig,
    ControlNetModel, UNet2DConditionConfig, UNet2DConditionModel,
};
use reliad_weights::KeyMap;
use serde_json::Value;

/// Lists PyTorch names and shapes without allocating a parameter: four real networks would need 5 GB.
#[derive(Default)]
struct Shapes {
    path: Vec<String>,
    containers: Vec<String>,
    found: BTreeMap<String, Vec<usize>>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.containers.push(container.to_owned());
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.containers.pop();
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        assert!(
            !param.is_initialized(),
            "parameters of a fresh module are lazy"
        );
        let mut shape = param.lazy_shape().to_vec();
        let linear = self.containers.last().is_some_and(|c| c == "Struct:Linear");
        if linear && D == 2 {
            shape.reverse();
        }
        let name: Vec<&str> = self
            .path
            .iter()
            .zip(&self.containers)
            .filter(|(_, container)| !container.starts_with("Enum:"))
            .map(|(name, _)| match name.as_str() {
                "gamma" => "weight",
                "beta" => "bias",
                other => other,
            })
            .collect();
        self.found.insert(name.join("."), shape);
    }
}

fn check<M: Module>(file: &str, keys: &KeyMap, init: impl FnOnce(&Value) -> M) {
    let text = std::fs::read_to_string(fixture(file)).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let expected: BTreeMap<String, Vec<usize>> =
        serde_json::from_value(json["shapes"].clone()).unwrap();
    let mut shapes = Shapes::default();
    init(&json["config"]).visit(&mut shapes);
    let ours: BTreeMap<String, Vec<usize>> = shapes
        .found
        .into_iter()
        .map(|(name, shape)| (keys.to_foreign(&name), shape))
        .collect();
    for (name, shape) in &expected {
        assert_eq!(ours.get(name), Some(shape), "{file}: {name}");
    }
    assert_eq!(ours.len(), expected.len(), "{file}: we have more");
    for name in expected.keys() {
        let back = keys.to_ours(name).map(|ours| keys.to_foreign(&ours));
        assert_eq!(back.as_ref(), Some(name));
    }
}

#[test]
fn text_encoder() {
    check(
        "sd15_text_encoder.json",
        &ClipTextModel::key_map(),
        |json| {
            ClipTextConfig::from_json(json)
                .unwrap()
                .init(&Device::flex())
        },
    );
}

#[test]
fn unet() {
    check("sd15_unet.json", &UNet2DConditionModel::key_map(), |json| {
        UNet2DConditionConfig::from_json(json)
            .unwrap()
            .init(&Device::flex())
    });
}

#[test]
fn vae() {
    check("sd15_vae.json", &AutoencoderKl::key_map(), |json| {
        AutoencoderKlConfig::from_json(json)
            .unwrap()
            .init(&Device::flex())
    });
}

#[test]
fn controlnet() {
    check(
        "sd15_controlnet.json",
        &ControlNetModel::key_map(),
        |json| {
            ControlNetConfig::from_json(json)
                .unwrap()
                .init(&Device::flex())
        },
    );
}
