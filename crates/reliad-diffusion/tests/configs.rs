//! Configurations: what is not supported is refused by name, what is harmless is accepted, what is written is read.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use golden::config;
use reliad_diffusion::{
    AutoencoderKlConfig, ClipTextConfig, ControlNetConfig, UNet2DConditionConfig,
};
use serde_json::{Value, json};

type Read = fn(&Value) -> Result<Value, reliad_diffusion::Error>;

const UNET: Read = |json| UNet2DConditionConfig::from_json(json).map(|c| c.to_json());
const CONTROLNET: Read = |json| ControlNetConfig::from_json(json).map(|c| c.to_json());
const VAE: Read = |json| AutoencoderKlConfig::from_json(json).map(|c| c.to_json());
const CLIP: Read = |json| ClipTextConfig::from_json(json).map(|c| c.to_json());

#[test]
fn what_changes_the_result_and_is_not_supported_is_refused_by_name() {
    let cases: [(Read, &str, &str, Value); 28] = [
        (UNET, "unet", "class_embed_type", json!("timestep")),
        (UNET, "unet", "addition_embed_type", json!("text_time")),
        (UNET, "unet", "dual_cross_attention", json!(true)),
        (UNET, "unet", "time_embedding_type", json!("fourier")),
        (UNET, "unet", "encoder_hid_dim", json!(1024)),
        (UNET, "unet", "conv_in_kernel", json!(1)),
        (
            UNET,
            "unet",
            "resnet_time_scale_shift",
            json!("scale_shift"),
        ),
        (UNET, "unet", "upcast_attention", json!(true)),
        (
            UNET,
            "unet",
            "only_cross_attention",
            json!([true, false, false]),
        ),
        (UNET, "unet", "mid_block_type", json!("UNetMidBlock2D")),
        (UNET, "unet", "mid_block_type", json!(null)),
        (UNET, "unet", "center_input_sample", json!(true)),
        (UNET, "unet", "act_fn", json!("gelu")),
        (UNET, "unet", "norm_num_groups", json!(null)),
        (UNET, "unet", "layers_per_block", json!([2, 2, 2])),
        (UNET, "unet", "cross_attention_dim", json!([12, 12, 12])),
        (UNET, "unet", "attention_head_dim", json!([2, 2])),
        (UNET, "unet", "attention_head_dim", json!(3)),
        (UNET, "unet", "block_out_channels", json!([8, 15, 16])),
        (
            UNET,
            "unet",
            "down_block_types",
            json!(["AttnDownBlock2D", "DownBlock2D", "DownBlock2D"]),
        ),
        (UNET, "unet", "something_new", json!(0.5)),
        (
            CONTROLNET,
            "controlnet",
            "global_pool_conditions",
            json!(true),
        ),
        (
            CONTROLNET,
            "controlnet",
            "controlnet_conditioning_channel_order",
            json!("bgr"),
        ),
        (VAE, "vae", "latents_mean", json!([0.0, 0.0, 0.0, 0.0])),
        (
            VAE,
            "vae",
            "down_block_types",
            json!([
                "DownEncoderBlock2D",
                "AttnDownEncoderBlock2D",
                "DownEncoderBlock2D"
            ]),
        ),
        (VAE, "vae", "shift_factor", json!(0.1)),
        (CLIP, "clip_gelu", "hidden_act", json!("relu")),
        (CLIP, "clip_gelu", "num_attention_heads", json!(5)),
    ];
    for (read, name, field, value) in cases {
        let mut json = config(name);
        assert!(read(&json).is_ok());
        json[field] = value.clone();
        let message = read(&json).expect_err(field).to_string();
        assert!(message.contains(field), "{field} = {value}: {message}");
    }
}

#[test]
fn all_problems_stand_in_one_error() {
    let mut json = config("unet");
    json["class_embed_type"] = json!("timestep");
    json["brand_new"] = json!(1);
    let message = UNET(&json).unwrap_err().to_string();
    assert!(
        message.contains("class_embed_type") && message.contains("brand_new"),
        "{message}"
    );
}

#[test]
fn harmless_and_empty_fields_are_accepted() {
    let mut json = config("unet");
    json["_name_or_path"] = json!("anything");
    json["sample_size"] = json!(64);
    json["brand_new"] = json!(null);
    assert!(UNET(&json).is_ok());
    assert!(UNET(&json!([1])).is_err());
}

#[test]
fn a_written_configuration_reads_the_same() {
    for (read, name) in [
        (UNET, "unet"),
        (UNET, "unet_other"),
        (CONTROLNET, "controlnet"),
        (VAE, "vae_bare"),
        (CLIP, "clip_gelu"),
    ] {
        let written = read(&config(name)).unwrap();
        assert_eq!(read(&written).unwrap(), written);
    }
}
