"""Goldens of the samplers: tables, timesteps and whole loops of diffusers' scheduler classes.

The "network" of a loop is tanh(0.7 x + t / 1000) of what the scheduler lets it see, so that the loop depends on every
timestep and every coefficient. After each step a third of the numbers is replaced by known ones, noised to the level that
comes next, as diffusers' inpainting pipelines do. Fresh noise is given, not drawn.
Writes crates/reliad-diffusion/tests/fixtures/samplers.json.
"""

import json

import diffusers
import torch

from fixtures import FIXTURES
from given_noise import giving

SD15 = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
ZERO = SD15 | dict(timestep_spacing="trailing", rescale_betas_zero_snr=True)
LEADING = SD15 | dict(timestep_spacing="leading", steps_offset=1)
KARRAS = SD15 | dict(use_karras_sigmas=True)
V, SAMPLE = dict(prediction_type="v_prediction"), dict(prediction_type="sample")
DDIM = dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1)
# With eta 1 at zero terminal SNR the reference takes the root of a rounding error below zero and ends in NaN: 0.9.
CASES = [
    ("DDIM", SD15 | DDIM, 40, 0.0),
    ("DDIM", SD15 | DDIM, 30, 0.6),
    ("DDIM", ZERO | V | dict(clip_sample=False), 30, 0.0),
    ("DDIM", ZERO | V | dict(clip_sample=False), 7, 0.9),
    ("DDIM", dict(timestep_spacing="linspace", num_train_timesteps=500, clip_sample=False), 11, 0.3),
    ("DDIM", dict(clip_sample=True, clip_sample_range=0.8, set_alpha_to_one=True), 13, 0.0),
    ("DDIM", ZERO | SAMPLE | dict(clip_sample=False), 30, 0.0),
    ("DDIM", ZERO | SAMPLE | dict(clip_sample=False), 7, 0.9),
    ("EulerDiscrete", SD15, 20, 0.0),
    ("EulerDiscrete", LEADING, 11, 0.0),
    ("EulerDiscrete", ZERO | V, 9, 0.0),
    ("EulerDiscrete", ZERO | SAMPLE, 9, 0.0),
    ("EulerDiscrete", KARRAS, 12, 0.0),
    ("EulerDiscrete", KARRAS | dict(sigma_min=0.1, sigma_max=10.0, timestep_spacing="trailing"), 8, 0.0),
    ("EulerDiscrete", SD15 | dict(use_exponential_sigmas=True), 8, 0.0),
    ("EulerDiscrete", SD15 | dict(interpolation_type="log_linear"), 8, 0.0),
    ("EulerDiscrete", SD15 | dict(final_sigmas_type="sigma_min"), 8, 0.0),
    ("EulerAncestralDiscrete", SD15, 20, 0.0),
    ("EulerAncestralDiscrete", ZERO | V, 8, 0.0),
    ("HeunDiscrete", SD15, 10, 0.0),
    ("HeunDiscrete", KARRAS | V, 7, 0.0),
    ("HeunDiscrete", LEADING | SAMPLE | dict(clip_sample=True, clip_sample_range=0.8), 7, 0.0),
    ("DPMSolverMultistep", SD15, 20, 0.0),
    ("DPMSolverMultistep", SD15, 8, 0.0),
    ("DPMSolverMultistep", KARRAS, 20, 0.0),
    ("DPMSolverMultistep", LEADING | dict(solver_order=3), 20, 0.0),
    ("DPMSolverMultistep", SD15 | dict(solver_order=3), 9, 0.0),
    ("DPMSolverMultistep", SD15 | dict(solver_order=1), 9, 0.0),
    ("DPMSolverMultistep", SD15 | dict(solver_type="heun"), 16, 0.0),
    ("DPMSolverMultistep", ZERO | V, 12, 0.0),
    ("DPMSolverMultistep", ZERO | SAMPLE, 12, 0.0),
    ("DPMSolverMultistep", KARRAS | dict(algorithm_type="sde-dpmsolver++"), 12, 0.0),
    ("DPMSolverMultistep", SD15 | dict(algorithm_type="sde-dpmsolver++", solver_type="heun"), 12, 0.0),
    ("DPMSolverMultistep", SD15 | dict(algorithm_type="sde-dpmsolver++", solver_order=3), 16, 0.0),
    ("DPMSolverMultistep", SD15 | dict(algorithm_type="dpmsolver", final_sigmas_type="sigma_min"), 16, 0.0),
    ("DPMSolverMultistep",
     SD15 | V | dict(algorithm_type="dpmsolver", final_sigmas_type="sigma_min", solver_order=3), 18, 0.0),
    ("DPMSolverMultistep", SD15 | dict(algorithm_type="dpmsolver", final_sigmas_type="sigma_min", solver_type="heun",
                                       euler_at_final=True), 16, 0.0),
    ("DPMSolverMultistep", SD15 | dict(algorithm_type="sde-dpmsolver", final_sigmas_type="sigma_min"), 16, 0.0),
    ("DPMSolverMultistep", SD15 | dict(algorithm_type="sde-dpmsolver", final_sigmas_type="sigma_min",
                                       solver_type="heun"), 16, 0.0),
    ("DPMSolverMultistep", SD15 | dict(use_lu_lambdas=True), 16, 0.0),
    # Not with exponential sigmas: it cuts timesteps, and rounding in f32 makes 998 of the first, 999.
    ("DPMSolverMultistep", SD15 | dict(lambda_min_clipped=-2.0), 10, 0.0),
    ("DPMSolverSinglestep", SD15, 12, 0.0),
    ("DPMSolverSinglestep", KARRAS, 11, 0.0),
    ("DPMSolverSinglestep", SD15 | dict(solver_order=3), 12, 0.0),
    ("DPMSolverSinglestep", SD15 | dict(solver_order=3, solver_type="heun"), 13, 0.0),
    ("DPMSolverSinglestep", SD15 | V | dict(solver_type="heun"), 8, 0.0),
    ("DPMSolverSinglestep", SD15 | dict(algorithm_type="dpmsolver", final_sigmas_type="sigma_min"), 10, 0.0),
    ("DPMSolverSinglestep",
     SD15 | dict(algorithm_type="dpmsolver", final_sigmas_type="sigma_min", solver_order=3, solver_type="heun"), 11, 0.0),
    ("DPMSolverSinglestep", SD15 | dict(algorithm_type="sde-dpmsolver++"), 10, 0.0),
    ("DPMSolverSDE", KARRAS, 10, 0.0),
    ("DPMSolverSDE", LEADING | V, 7, 0.0),
    ("UniPCMultistep", SD15, 20, 0.0),
    ("UniPCMultistep", SD15, 6, 0.0),
    ("UniPCMultistep", SD15 | dict(solver_order=3), 12, 0.0),
    ("UniPCMultistep", SD15 | dict(solver_order=1), 6, 0.0),
    ("UniPCMultistep", SD15 | dict(solver_order=3, solver_type="bh1", disable_corrector=[0, 2],
                                   final_sigmas_type="sigma_min"), 12, 0.0),
    ("UniPCMultistep", SD15 | dict(predict_x0=False, final_sigmas_type="sigma_min"), 12, 0.0),
    ("UniPCMultistep",
     SD15 | V | dict(predict_x0=False, final_sigmas_type="sigma_min", lower_order_final=False, solver_order=3), 12, 0.0),
    ("UniPCMultistep", KARRAS, 12, 0.0),
    ("UniPCMultistep", ZERO | SAMPLE, 12, 0.0),
    ("UniPCMultistep", LEADING, 9, 0.0),
    ("LCM", SD15, 4, 0.0),
    ("LCM", SD15 | V | dict(original_inference_steps=40, clip_sample=True, clip_sample_range=0.9), 7, 0.0),
    ("TCD", SD15, 4, 0.0),
    ("TCD", SD15, 6, 0.3),
    ("TCD", SD15 | V, 5, 1.0),
    ("PNDM", SD15 | dict(skip_prk_steps=True, steps_offset=1), 10, 0.0),
    ("PNDM", SD15 | V | dict(skip_prk_steps=True, set_alpha_to_one=True, timestep_spacing="trailing"), 12, 0.0),
    ("PNDM", SD15 | dict(timestep_spacing="linspace", skip_prk_steps=True), 3, 0.0),
    ("PNDM", SD15, 9, 0.0),
    ("PNDM", SD15 | dict(steps_offset=1), 40, 0.0),
]
SHAPE = (1, 1, 2, 3)


def run(name, config, steps, eta, generator):
    scheduler = getattr(diffusers, f"{name}Scheduler")(**config)
    scheduler.set_timesteps(steps)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)
    draw = lambda: torch.randn(SHAPE, generator=generator, dtype=torch.float64)
    noise, known = draw(), draw()
    paint = (torch.arange(6).reshape(SHAPE) % 3 > 0).double()
    timesteps = scheduler.timesteps
    fresh = [draw() for _ in timesteps]
    sample = noise * scheduler.init_noise_sigma
    states = []
    with giving(scheduler, fresh):
        for index, t in enumerate(timesteps):
            output = torch.tanh(0.7 * scheduler.scale_model_input(sample, t) + t / 1000)
            keywords = dict(eta=eta) if name in ("DDIM", "TCD") else {}
            sample = scheduler.step(output, t, sample, **keywords).prev_sample.double()
            expected = known
            if index + 1 < len(timesteps):
                expected = scheduler.add_noise(known, noise, timesteps[index + 1 : index + 2]).double()
            sample = sample * paint + expected * (1 - paint)
            states.append(sample.flatten().tolist())
    assert torch.isfinite(sample).all(), (name, config)
    table = dict(alphas=scheduler.alphas_cumprod[::37].double().tolist())
    if hasattr(scheduler, "sigmas") and name != "PNDM":
        table |= dict(sigmas=scheduler.sigmas.double().tolist())
    return table | dict(
        config=dict(scheduler.config) | dict(_class_name=f"{name}Scheduler"), steps=steps, eta=eta,
        timesteps=timesteps.double().tolist(), noise=noise.flatten().tolist(), known=known.flatten().tolist(),
        fresh=[tensor.flatten().tolist() for tensor in fresh], states=states,
    )


def main():
    generator = torch.Generator().manual_seed(3)
    cases = [run(*case, generator) for case in CASES]
    # Python's JSON: `lambda_min_clipped` is -Infinity, as in the files that diffusers saves.
    text = json.dumps(cases, separators=(",", ":"))
    (FIXTURES / "samplers.json").write_text(text + "\n")


main()
