"""Goldens of whole inpainting runs with each sampler: StableDiffusionControlNetInpaintPipeline on the networks of
`inpaint.py`, which runs first. Fresh noise is given, row i to the i-th call of the network."""

import diffusers
import torch
from diffusers import AutoencoderKL, ControlNetModel, StableDiffusionControlNetInpaintPipeline, UNet2DConditionModel
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from fixtures import FIXTURES, noise, save_golden, save_json
from given_noise import giving

DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mean
MODEL = FIXTURES / "inpaint"
# What Stable Diffusion 1.5's own file says, from which each sampler takes what it knows.
FILE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, set_alpha_to_one=False,
            skip_prk_steps=True, clip_sample=False)
CASES = {
    "model": ("PNDM", {}),
    "ddim": ("DDIM", {}),
    "euler": ("EulerDiscrete", {}),
    "euler-a": ("EulerAncestralDiscrete", {}),
    "dpmpp-2m": ("DPMSolverMultistep", {}),
    "dpmpp-2m-karras": ("DPMSolverMultistep", dict(use_karras_sigmas=True)),
    "dpmpp-sde-karras": ("DPMSolverSDE", dict(use_karras_sigmas=True)),
    "unipc": ("UniPCMultistep", {}),
    "heun": ("HeunDiscrete", {}),
    "lcm": ("LCM", {}),
    "tcd": ("TCD", {}),
}
STEPS, ETA = 6, 0.4
given = load_file(FIXTURES / "inpaint.golden.safetensors")
height, width = given["known"].shape[2:]
fresh = noise(8, 2 * STEPS, 4, height // 8, width // 8)
parts = dict(
    vae=AutoencoderKL.from_pretrained(MODEL / "vae"), unet=UNet2DConditionModel.from_pretrained(MODEL / "unet"),
    text_encoder=CLIPTextModel.from_pretrained(MODEL / "text_encoder"),
    controlnet=ControlNetModel.from_pretrained(MODEL / "controlnet"),
    tokenizer=CLIPTokenizer.from_pretrained(MODEL / "tokenizer"),
)
tensors = {"fresh": fresh}
save_json("inpaint/scheduler/shipped.json", dict(FILE, _class_name="PNDMScheduler", num_train_timesteps=1000))
for name, (scheduler_class, fields) in CASES.items():
    scheduler = getattr(diffusers, f"{scheduler_class}Scheduler").from_config(FILE | fields)
    pipeline = StableDiffusionControlNetInpaintPipeline(
        **parts, scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    set_timesteps = scheduler.set_timesteps
    with torch.no_grad(), giving(scheduler, list(fresh[:, None])):
        sampler = getattr(scheduler, "noise_sampler", None)

        def keeping(*args, **keywords):
            # Setting timesteps forgets the noise that was given.
            set_timesteps(*args, **keywords)
            if sampler is not None:
                scheduler.noise_sampler = sampler

        scheduler.set_timesteps = keeping
        tensors[name] = pipeline(
            prompt="a small red ceramic vase on a white marble table", negative_prompt="plain wall",
            image=given["known"], mask_image=given["paint"], control_image=given["edges"], height=height, width=width,
            strength=1.0, num_inference_steps=STEPS, guidance_scale=4.0, controlnet_conditioning_scale=0.8, eta=ETA,
            latents=given["start"], output_type="pt",
        ).images
    assert torch.isfinite(tensors[name]).all(), name
save_golden("sampled", tensors)
