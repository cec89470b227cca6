"""Golden of the whole inpainting pipeline: StableDiffusionControlNetInpaintPipeline with a 4-channel UNet, tiny, fixed noise.

Two things are pinned so that both sides see the same numbers: the posterior's mean stands for a sample of it, and the
starting noise is given. The pipeline's own `decode` ends in pictures within [0, 1].
"""

import shutil

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionControlNetInpaintPipeline
from diffusers import UNet2DConditionModel
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from fixtures import FIXTURES, noise, randomise, save_golden, save_json

HEIGHT, WIDTH = 64, 40
DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mean

tokenizer = CLIPTokenizer.from_pretrained(FIXTURES / "tokenizer")
text = CLIPTextConfig(
    vocab_size=len(tokenizer), hidden_size=12, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
    max_position_embeddings=24, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
)
unet = UNet2DConditionModel(
    block_out_channels=[8, 16], layers_per_block=1, norm_num_groups=4, cross_attention_dim=12, attention_head_dim=2,
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
)
vae = AutoencoderKL(
    block_out_channels=[4, 4, 8, 8], layers_per_block=1, norm_num_groups=4, scaling_factor=0.7,
    down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
)
parts = dict(
    vae=randomise(vae, 1), text_encoder=randomise(CLIPTextModel(text), 2), unet=randomise(unet, 3),
    controlnet=randomise(ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 8, 8)), 4),
)
SCHEDULES = {
    "epsilon": dict(steps_offset=1, set_alpha_to_one=False, clip_sample=False),
    "velocity": dict(prediction_type="v_prediction", timestep_spacing="trailing", rescale_betas_zero_snr=True,
                     clip_sample=False),
}
tensors = {}
for name, fields in SCHEDULES.items():
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", **fields)
    pipeline = StableDiffusionControlNetInpaintPipeline(
        **parts, tokenizer=tokenizer, scheduler=scheduler, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    known = noise(5, 1, 3, HEIGHT, WIDTH).clamp(-1, 1)
    paint = torch.zeros(1, 1, HEIGHT, WIDTH)
    paint[..., :20, :] = 1
    paint[..., 30:] = 1
    edges = (noise(6, 1, 3, HEIGHT, WIDTH) > 1).float()
    start = noise(7, 1, 4, HEIGHT // 8, WIDTH // 8)
    with torch.no_grad():
        picture = pipeline(
            prompt="a small red ceramic vase on a white marble table", negative_prompt="plain wall",
            image=known, mask_image=paint, control_image=edges, height=HEIGHT, width=WIDTH, strength=1.0,
            num_inference_steps=6, guidance_scale=4.0, controlnet_conditioning_scale=0.8, latents=start,
            output_type="pt",
        ).images
    tensors |= {f"{name}.picture": picture}
    (FIXTURES / "inpaint/scheduler").mkdir(parents=True, exist_ok=True)
    save_json(f"inpaint/scheduler/{name}.json", dict(scheduler.config))
save_golden("inpaint", tensors | {"known": known, "paint": paint, "edges": edges, "start": start})
for component, module in parts.items():
    module.save_pretrained(FIXTURES / "inpaint" / component)
tokenizer.save_pretrained(FIXTURES / "inpaint" / "tokenizer")
for leftover in (FIXTURES / "inpaint").rglob("generation_config.json"):
    leftover.unlink()
shutil.copy(FIXTURES / "inpaint/scheduler/epsilon.json", FIXTURES / "inpaint/scheduler/scheduler_config.json")
