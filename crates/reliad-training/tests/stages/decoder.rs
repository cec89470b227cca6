//! A decoder learns on what a painter leaves; its encoder, and so the latents, stay as they are.

use reliad_training::painter::decoder;
use reliad_training::{Control, Ended, Stage};
use safetensors::SafeTensors;
use serde_json::json;

use crate::world::{SIZE, config};

/// `stage` has a trained painter and scene network.
pub fn only_the_decoder_changes(stage: &Stage, control: &mut Control<'_>) {
    let file = stage.out.join("vae/diffusion_pytorch_model.safetensors");
    let before = std::fs::read(&file).unwrap();
    let settings = |recipe: serde_json::Value| {
        // Steps that show in half precision.
        let rate = json!({ "base": 0.05, "warmup_steps": 0 });
        let fit = json!({
            "batch_size": 2, "accumulate": 2, "validations": 1, "average_decay": 0.0,
            "learning_rate": rate
        });
        config(json!({ "fit": fit, "recipe": recipe }))
    };
    let recipe = json!({
        "size": SIZE, "held_out": 3, "discriminator_width": 8, "adversarial_from": 0.0
    });
    let ended = decoder::train(&settings(recipe), stage, control).unwrap();
    assert!(matches!(ended, Ended::Finished(_)), "{ended:?}");
    let after = std::fs::read(&file).unwrap();
    let [before, after] = [&before, &after].map(|bytes| SafeTensors::deserialize(bytes).unwrap());
    assert_eq!(before.len(), after.len());
    let mut learned = 0;
    for name in before.names() {
        let same = before.tensor(name).unwrap().data() == after.tensor(name).unwrap().data();
        if name.starts_with("encoder.") || name.starts_with("quant_conv.") {
            assert!(same, "{name}");
        } else {
            learned += usize::from(!same);
        }
    }
    assert!(learned > 20, "{learned} tensors of the decoder changed");
    for (recipe, named) in [
        (json!({ "painted_timesteps": [5, 5] }), "painted_timesteps"),
        (
            json!({ "painted_timesteps": [5, 2000], "size": SIZE }),
            "1000",
        ),
        (json!({ "discriminator_width": 12 }), "discriminator_width"),
        (json!({ "painted_share": 1.5 }), "painted_share"),
    ] {
        let refused = decoder::train(&settings(recipe), stage, control).unwrap_err();
        assert!(refused.to_string().contains(named), "{refused}");
    }
}
