"""Goldens of DDIM: signal shares, timesteps and whole loops of diffusers' DDIMScheduler.

The "network" of a loop is tanh(0.7 x + t / 1000), so that the loop depends on every timestep and every coefficient.
Writes crates/reliad-diffusion/tests/fixtures/ddim.json.
"""

import json
import pathlib

import torch
from diffusers import DDIMScheduler

OUT = pathlib.Path(__file__).parents[2] / "crates/reliad-diffusion/tests/fixtures/ddim.json"
SD15 = dict(
    num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
    set_alpha_to_one=False, steps_offset=1, clip_sample=False,
)
# With eta 1 at zero terminal SNR the reference takes the root of a rounding error below zero and ends in NaN: 0.9.
CASES = [
    (SD15, 40, 0.0),
    (SD15, 30, 0.6),
    (SD15 | dict(timestep_spacing="trailing", prediction_type="v_prediction", rescale_betas_zero_snr=True), 30, 0.0),
    (SD15 | dict(timestep_spacing="trailing", prediction_type="v_prediction", rescale_betas_zero_snr=True), 7, 0.9),
    (dict(timestep_spacing="linspace", num_train_timesteps=500), 11, 0.3),
    (dict(clip_sample=True, clip_sample_range=0.8, set_alpha_to_one=True), 13, 0.0),
    (SD15 | dict(timestep_spacing="trailing", prediction_type="sample", rescale_betas_zero_snr=True), 30, 0.0),
    (SD15 | dict(timestep_spacing="trailing", prediction_type="sample", rescale_betas_zero_snr=True), 7, 0.9),
]


def main():
    generator = torch.Generator().manual_seed(3)
    cases = []
    for config, steps, eta in CASES:
        scheduler = DDIMScheduler(**config)
        scheduler.set_timesteps(steps)
        sample = start = torch.randn(6, generator=generator, dtype=torch.float64)
        noises = []
        for t in scheduler.timesteps:
            noise = torch.randn(6, generator=generator, dtype=torch.float64)
            noises.append(noise.tolist())
            output = torch.tanh(0.7 * sample + t / 1000)
            sample = scheduler.step(output, t, sample, eta=eta, variance_noise=noise if eta > 0 else None).prev_sample
        cases.append(
            dict(
                config=dict(scheduler.config), steps=steps, eta=eta,
                timesteps=scheduler.timesteps.tolist(),
                alphas=scheduler.alphas_cumprod[::37].double().tolist(),
                start=start.tolist(), noises=noises if eta > 0 else [], end=sample.tolist(),
            )
        )
    OUT.write_text(json.dumps(cases, indent=None, allow_nan=False))


main()
