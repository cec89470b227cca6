"""Goldens of UNet2DConditionModel alone and with a ControlNetModel: sizes that do not halve evenly, scale other than 1."""

import torch
from diffusers import ControlNetModel, UNet2DConditionModel

from fixtures import noise, randomise, save_component, save_golden

# Shaped like Stable Diffusion 1.5, only narrow.
SD15 = dict(
    block_out_channels=[8, 16, 16], layers_per_block=2, norm_num_groups=4, cross_attention_dim=12, attention_head_dim=2,
    down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
)
UP = ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]
# Everything else that is supported.
OTHER = dict(
    block_out_channels=[8, 16], layers_per_block=1, norm_num_groups=4, cross_attention_dim=10, attention_head_dim=[2, 4],
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], use_linear_projection=True,
    transformer_layers_per_block=[1, 2], flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-3, downsample_padding=0,
    in_channels=5,
)


def inputs(fields, height, width):
    channels = fields.get("in_channels", 4)
    return {
        "sample": noise(3, 2, channels, height, width),
        "timesteps": torch.tensor([3.0, 981.0]),
        "text": noise(4, 2, 7, fields["cross_attention_dim"]),
    }


def golden(name, unet, fields, sizes, controlnet=None, picture_scale=8):
    tensors = {}
    for height, width in sizes:
        values = inputs(fields, height, width)
        sample, timesteps, text = values.values()
        extra = {}
        if controlnet is not None:
            values["picture"] = noise(5, 2, 3, picture_scale * height, picture_scale * width).abs().clamp(0, 1)
            down, mid = controlnet(sample, timesteps, encoder_hidden_states=text, controlnet_cond=values["picture"],
                                   conditioning_scale=0.7, return_dict=False)
            extra = dict(down_block_additional_residuals=down, mid_block_additional_residual=mid)
        values["output"] = unet(sample, timesteps, encoder_hidden_states=text, **extra).sample
        tensors |= {f"{height}x{width}.{key}": value for key, value in values.items()}
    save_golden(name, tensors)


with torch.no_grad():
    unet = randomise(UNet2DConditionModel(**SD15, up_block_types=UP), 3)
    save_component(unet, "unet")
    golden("unet", unet, SD15, [(8, 12), (7, 9), (5, 1)])

    controlnet = randomise(ControlNetModel(**SD15, conditioning_embedding_out_channels=[4, 8, 8, 12]), 4)
    save_component(controlnet, "controlnet")
    golden("unet_controlnet", unet, SD15, [(8, 12), (5, 6)], controlnet)

    other = randomise(UNet2DConditionModel(**OTHER, out_channels=3, up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"]), 5)
    save_component(other, "unet_other")
    golden("unet_other", other, OTHER, [(6, 4), (7, 9)])

    control_other = randomise(ControlNetModel(**OTHER, conditioning_embedding_out_channels=[4, 8]), 6)
    save_component(control_other, "controlnet_other")
    golden("unet_controlnet_other", other, OTHER, [(6, 10)], control_other, picture_scale=2)
