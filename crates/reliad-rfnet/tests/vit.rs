//! The vision transformer against torchvision (`parity/rfnet/vit.py`). Tolerance 1e-4: f32 sums in another order.

mod golden;

use burn::tensor::Device;
use golden::{Golden, Outcome, model};
use reliad_rfnet::vit::{VisionTransformer, VisionTransformerConfig};

#[test]
fn output_equals_torchvision() -> Outcome {
    let device = Device::default();
    let golden = Golden::read("vit")?;
    let network = VisionTransformer::load(&model("vit")?, &device)?;
    let picture = golden.float::<4>("picture", &device);
    assert!(golden.error("output", network.forward(picture)) < 1e-4);
    Ok(())
}

#[test]
fn unsupported_values_are_named() -> Outcome {
    let config: VisionTransformerConfig =
        reliad_weights::read_config(&model("vit")?, "config.json")?;
    for (field, change) in [
        (
            "patch_size",
            VisionTransformerConfig {
                patch_size: 7,
                ..config.clone()
            },
        ),
        (
            "num_heads",
            VisionTransformerConfig {
                num_heads: 5,
                ..config.clone()
            },
        ),
        (
            "num_layers",
            VisionTransformerConfig {
                num_layers: 33,
                ..config.clone()
            },
        ),
        (
            "num_classes",
            VisionTransformerConfig {
                num_classes: 0,
                ..config.clone()
            },
        ),
    ] {
        let message = change.validate().expect_err(field).to_string();
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
    Ok(())
}
