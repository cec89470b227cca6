"""Writes a model of Stable Diffusion 1.5's shapes with a ControlNet and random weights, to measure time and memory where
no real one is at hand. Its pictures are noise.

    python parity/speed/random_sd15.py models/mini sd15

UNet, ControlNet, VAE and text encoder are diffusers' and transformers' own classes with the published configurations, in
half precision. The tokenizer is that of the first directory, whose words the text encoder's table has room for.
"""

import json
import pathlib
import shutil
import sys

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

small, out = map(pathlib.Path, sys.argv[1:])
out.mkdir(parents=True)
torch.manual_seed(0)


def save(network, part):
    network.to(torch.float16).save_pretrained(out / part)


unet = UNet2DConditionModel(
    sample_size=64, cross_attention_dim=768, attention_head_dim=8, block_out_channels=(320, 640, 1280, 1280)
)
controlnet = ControlNetModel.from_unet(unet)
save(unet, "unet")
del unet
# As after some training: from zero convolutions no gradient would go further back.
for convolution in [*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block]:
    torch.nn.init.normal_(convolution.weight, std=0.01)
torch.nn.init.normal_(controlnet.controlnet_cond_embedding.conv_out.weight, std=0.01)
save(controlnet, "controlnet")
del controlnet
blocks = 4
save(
    AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * blocks, up_block_types=["UpDecoderBlock2D"] * blocks,
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, sample_size=512, scaling_factor=0.18215,
    ),
    "vae",
)
text = CLIPTextConfig(
    vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
    max_position_embeddings=77, hidden_act="quick_gelu",
)
save(CLIPTextModel(text), "text_encoder")
DDIMScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
    steps_offset=1,
).save_pretrained(out / "scheduler")
shutil.copytree(small / "tokenizer", out / "tokenizer")
settings = out / "tokenizer" / "tokenizer_config.json"
settings.write_text(json.dumps(json.loads(settings.read_text()) | {"model_max_length": 77}))
shutil.copy(small / "model_index.json", out)
