"""Goldens of AutoencoderKL: one with everything, one without the optional parts."""

import torch
from diffusers import AutoencoderKL

from fixtures import noise, randomise, save_component, save_golden

COMMON = dict(norm_num_groups=4, down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3)


def golden(name, vae, height, width):
    with torch.no_grad():
        picture = noise(1, 2, 3, height, width).clamp(-1, 1)
        posterior = vae.encode(picture).latent_dist
        latents = noise(2, 2, vae.config.latent_channels, 3, 5)
        save_golden(name, {
            "picture": picture, "mean": posterior.mean, "logvar": posterior.logvar,
            "latents": latents, "decoded": vae.decode(latents).sample,
        })


vae = randomise(AutoencoderKL(**COMMON, block_out_channels=[8, 16, 24], layers_per_block=1), 1)
save_component(vae, "vae")
golden("vae", vae, 24, 16)

bare = AutoencoderKL(**COMMON, block_out_channels=[8, 8, 16], layers_per_block=2, latent_channels=3, use_quant_conv=False,
                     use_post_quant_conv=False, mid_block_add_attention=False)
save_component(randomise(bare, 2), "vae_bare")
golden("vae_bare", bare, 21, 18)
