"""Names and shapes of all tensors of the real Stable Diffusion 1.5 and ControlNet v1.1, from their classes on the `meta`
device, with the configurations that those checkpoints carry."""

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from fixtures import save_json

DOWN = ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
UNET = dict(
    _class_name="UNet2DConditionModel", _diffusers_version="0.6.0", act_fn="silu", attention_head_dim=8,
    block_out_channels=[320, 640, 1280, 1280], center_input_sample=False, cross_attention_dim=768, down_block_types=DOWN,
    downsample_padding=1, flip_sin_to_cos=True, freq_shift=0, in_channels=4, layers_per_block=2, mid_block_scale_factor=1,
    norm_eps=1e-05, norm_num_groups=32, out_channels=4, sample_size=64,
    up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
)
CONTROLNET = dict(
    _class_name="ControlNetModel", _diffusers_version="0.16.0.dev0", _name_or_path="somewhere", act_fn="silu",
    attention_head_dim=8, block_out_channels=[320, 640, 1280, 1280], class_embed_type=None,
    conditioning_embedding_out_channels=[16, 32, 96, 256], controlnet_conditioning_channel_order="rgb",
    cross_attention_dim=768, down_block_types=DOWN, downsample_padding=1, flip_sin_to_cos=True, freq_shift=0, in_channels=4,
    layers_per_block=2, mid_block_scale_factor=1, norm_eps=1e-05, norm_num_groups=32, num_class_embeds=None,
    only_cross_attention=False, projection_class_embeddings_input_dim=None, resnet_time_scale_shift="default",
    upcast_attention=False, use_linear_projection=False,
)
VAE = dict(
    _class_name="AutoencoderKL", _diffusers_version="0.6.0", act_fn="silu", block_out_channels=[128, 256, 512, 512],
    down_block_types=["DownEncoderBlock2D"] * 4, in_channels=3, latent_channels=4, layers_per_block=2, norm_num_groups=32,
    out_channels=3, sample_size=512, up_block_types=["UpDecoderBlock2D"] * 4,
)
TEXT = dict(
    _name_or_path="openai/clip-vit-large-patch14", architectures=["CLIPTextModel"], attention_dropout=0.0, bos_token_id=0,
    dropout=0.0, eos_token_id=2, hidden_act="quick_gelu", hidden_size=768, initializer_factor=1.0, initializer_range=0.02,
    intermediate_size=3072, layer_norm_eps=1e-05, max_position_embeddings=77, model_type="clip_text_model",
    num_attention_heads=12, num_hidden_layers=12, pad_token_id=1, projection_dim=768, torch_dtype="float32",
    transformers_version="4.22.0.dev0", vocab_size=49408,
)


def shapes(module, rename=lambda key: key):
    return {rename(key): list(value.shape) for key, value in module.state_dict().items()}


def fields(config):
    return {key: value for key, value in config.items() if not key.startswith("_")}


# Checkpoints carry this prefix; the newest class no longer shows it.
prefixed = lambda key: key if key.startswith("text_model.") else f"text_model.{key}"
text_fields = {key: value for key, value in fields(TEXT).items() if key not in ("dropout", "transformers_version", "model_type")}
with torch.device("meta"):
    for name, config, module, rename in [
        ("unet", UNET, UNet2DConditionModel(**fields(UNET)), str),
        ("controlnet", CONTROLNET, ControlNetModel(**fields(CONTROLNET)), str),
        ("vae", VAE, AutoencoderKL(**fields(VAE)), str),
        ("text_encoder", TEXT, CLIPTextModel(CLIPTextConfig(**text_fields)), prefixed),
    ]:
        save_json(f"sd15_{name}.json", {"config": config, "shapes": shapes(module, rename)})
