"""Goldens of DDPO's clipped loss at one step of a run (Black et al. 2023, arXiv 2305.13301, section 4.3; the
log-probability and the surrogate as the authors' public code ddpo-pytorch has them). Run tiny_model.py first.

Writes fixtures/ddpo.safetensors: the run of iteration.py's case `sample` with guidance in every step and without
rescaling; eta 1, so that a step draws from a normal distribution around `mean` with deviation `sigma`. log_p of an item
is the mean over painted elements of the log-density of what was drawn, before anything known is put back: ours, as the
public code has no inpainting and takes the mean over all elements. Elements count by their share in the mask.

ratio = exp(log_p - log_p_old), loss = mean over items of max(-A ratio, -A clamp(ratio, 1 - CLIP, 1 + CLIP)).
Two cases of given advantages A and log_p_old: in `inside` both ratios are within the clip; in `clipped` that of the
first item is beyond it on the side where the loss is flat, that of the second on the side where it isn't.
"""

import math

import torch
from tiny_model import CHANNELS, Painter, Schedule, save_golden

CASE = dict(steps=7, until=3, eta=1.0, guidance=3.0, rescale=0.0, interval=(0.0, 1.0))
CLIP = 1e-4
CASES = {
    # Advantages, and log_p - log_p_old.
    "inside": ([1.5, -0.5], [4e-5, -6e-5]),
    "clipped": ([1.5, -0.5], [5e-4, 8e-4]),
}


def loss_of(log_p, old, advantages):
    ratio = torch.exp(log_p - old)
    return torch.maximum(-advantages * ratio, -advantages * ratio.clamp(1 - CLIP, 1 + CLIP)).mean()


def ddpo(dtype):
    painter, schedule = Painter(dtype), Schedule.named("sample")
    before, drawn, _ = painter.roll_out(schedule, **CASE)
    t = schedule.timesteps[CASE["until"]]
    guided = painter.guided(painter.controlnet, before, t, CASE["guidance"], 0.0, True)[2]
    mean = schedule.step(guided, t, before, eta=CASE["eta"], variance_noise=torch.zeros_like(before)).prev_sample
    sigma = schedule._get_variance(t, t - 1000 // CASE["steps"]).sqrt().to(dtype)
    density = -((drawn - mean) ** 2) / (2 * sigma**2) - sigma.log() - 0.5 * math.log(2 * math.pi)
    log_p = (density * painter.paint).sum((1, 2, 3)) / (CHANNELS * painter.paint.sum((1, 2, 3)))
    golden = {"before": before, "drawn": drawn, "guided": guided, "mean": mean, "sigma": sigma[None], "log_p": log_p}
    for name, (advantages, offsets) in CASES.items():
        advantages, offsets = (torch.tensor(values, dtype=dtype) for values in (advantages, offsets))
        old = log_p.detach() - offsets
        golden |= {f"{name}.advantages": advantages, f"{name}.log_p_old": old}
        golden |= painter.gradients(name, loss_of(log_p, old, advantages))
    return golden


save_golden("ddpo", ddpo)
