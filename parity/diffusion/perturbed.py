"""Golden of perturbed-attention guidance: StableDiffusionControlNetPAGInpaintPipeline on the networks of `inpaint.py`, which
runs first. Everything else is as there."""

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionControlNetPAGInpaintPipeline
from diffusers import UNet2DConditionModel
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from fixtures import FIXTURES, save_golden

DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mean
MODEL = FIXTURES / "inpaint"
CASES = {
    # Name: layers, scale, guidance.
    "all": (["down", "mid", "up"], 2.0, 4.0),
    "mid_alone": (["mid"], 3.0, 1.0),
}

given = load_file(FIXTURES / "inpaint.golden.safetensors")
parts = dict(
    vae=AutoencoderKL.from_pretrained(MODEL / "vae"), unet=UNet2DConditionModel.from_pretrained(MODEL / "unet"),
    text_encoder=CLIPTextModel.from_pretrained(MODEL / "text_encoder"),
    controlnet=ControlNetModel.from_pretrained(MODEL / "controlnet"),
    tokenizer=CLIPTokenizer.from_pretrained(MODEL / "tokenizer"),
    scheduler=DDIMScheduler.from_config(DDIMScheduler.load_config(MODEL / "scheduler/velocity.json")),
)
height, width = given["known"].shape[2:]
tensors = {}
for name, (layers, scale, guidance) in CASES.items():
    pipeline = StableDiffusionControlNetPAGInpaintPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False, pag_applied_layers=layers,
    )
    pipeline.set_progress_bar_config(disable=True)
    with torch.no_grad():
        tensors[name] = pipeline(
            prompt="a small red ceramic vase on a white marble table", negative_prompt="plain wall",
            image=given["known"], mask_image=given["paint"], control_image=given["edges"], height=height, width=width,
            strength=1.0, num_inference_steps=6, guidance_scale=guidance, pag_scale=scale,
            controlnet_conditioning_scale=0.8, latents=given["start"], output_type="pt",
        ).images
save_golden("perturbed", tensors)
