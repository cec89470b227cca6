//! Low-rank adapters: they learn, alone, and count wherever the painter is loaded.

use burn::tensor::Tensor;
use reliad_diffusion::{UNet2DConditionModel, painter as painting};
use reliad_training::painter::unet::PainterTraining;
use reliad_training::painter::{lora, unet};
use reliad_training::{Budget, Control, Ended, Stage};
use reliad_weights::ModelDir;
use serde_json::json;

use crate::world::config;

/// Needs painter and ControlNet in the model directory, and leaves it as it was.
pub fn adapters_learn_and_the_weights_stay(
    networks: &PainterTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) {
    let model = ModelDir::open(&stage.out).unwrap();
    let read = |part: &str| {
        let file = stage
            .out
            .join(part)
            .join("diffusion_pytorch_model.safetensors");
        std::fs::read(file).unwrap()
    };
    let before = [read("unet"), read("controlnet")];
    let training = config(json!({
        "rank": 2,
        "fit": {
            "batch_size": 1, "accumulate": 2, "validations": 1, "average_decay": 0.0,
            "learning_rate": { "base": 0.05, "warmup_steps": 0 }
        },
        "recipe": { "size": 32, "held_out": 2, "ring_weight": 2.0, "ring_cells": 1 }
    }));
    let few = Stage {
        budget: Budget::Steps(3),
        ..stage.clone()
    };
    let ended = lora::train(&training, &few, control).unwrap();
    assert!(matches!(ended, Ended::Finished(_)), "{ended:?}");
    assert_eq!(before, [read("unet"), read("controlnet")]);

    let output = |unet: UNet2DConditionModel| {
        let ones = |shape: [usize; 3]| Tensor::<3>::ones(shape, &stage.device);
        let sample = ones([4, 4, 4]).unsqueeze::<4>();
        unet.forward(
            sample,
            Tensor::from_floats([500.0], &stage.device),
            ones([1, 16, 8]),
            None,
        )
    };
    let plain = UNet2DConditionModel::load(&model.sub("unet"), &stage.device).unwrap();
    let adapted = painting::unet(&model, &stage.device).unwrap();
    let change = (output(adapted) - output(plain)).abs().max();
    assert!(change.into_scalar::<f32>() > 1e-3, "nothing was learned");

    let refused = unet::train(networks, stage, control).unwrap_err();
    assert!(
        refused.to_string().contains("lora holds adapters"),
        "{refused}"
    );
    std::fs::remove_dir_all(stage.out.join("lora")).unwrap();
}
