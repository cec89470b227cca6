"""Goldens of DiffusionNFT's loss (Zheng et al. 2025, arXiv 2509.16117; the branches as the public training code that
follows the paper has them). Run tiny_model.py first.

Writes fixtures/nft.safetensors, for each kind of prediction. Latents of a finished picture (given.safetensors' `clean`)
are noised with `noise` at the item's timestep; r in 0..1 is what the picture was worth; `old` is the reference
ControlNet:

    plus = (1 - BETA) old + BETA theta,    minus = (1 + BETA) old - BETA theta
    loss = mean over items of r |plus - target|^2 + (1 - r) |minus - target|^2

Conditional outputs, no guidance. The paper's network predicts a flow's velocity; that another's own target takes its
place is ours. Squares are means over an item's elements: the form `plain`.

`adaptive` is the public code's form: the clean latents x0 that follow from plus and minus, each square divided by the
mean of |x0 - clean| over the item's elements, at least 1e-5, without gradients. (It also divides by BETA and multiplies
by the bound of its advantages: constants, left out here.)
"""

import torch
from tiny_model import SCHEDULES, Painter, Schedule, save_golden

BETA = 0.5
TIMESTEPS = torch.tensor([250, 600])
REWARDS = [0.8, 0.3]


def nft(dtype):
    painter = Painter(dtype)
    rewards = torch.tensor(REWARDS, dtype=dtype)
    golden = {}
    for name in SCHEDULES:
        schedule = Schedule.named(name)
        clean, noise = painter.given["clean"], painter.given["noise"]
        noisy = schedule.noised(clean, noise, TIMESTEPS)
        target = schedule.target(clean, noise, TIMESTEPS)
        theta = painter.predict(painter.controlnet, noisy, TIMESTEPS, painter.text)
        with torch.no_grad():
            old = painter.predict(painter.reference, noisy, TIMESTEPS, painter.text)
        plus, minus = (1 - BETA) * old + BETA * theta, (1 + BETA) * old - BETA * theta

        def plain(branch):
            return (branch - target).square().mean((1, 2, 3))

        def adaptive(branch):
            difference = schedule.clean(noisy, branch, TIMESTEPS) - clean
            weight = difference.detach().abs().mean((1, 2, 3), keepdim=True).clamp_min(1e-5)
            return (difference.square() / weight).mean((1, 2, 3))

        golden |= {f"noisy.{name}": noisy, f"theta.{name}": theta, f"old.{name}": old}
        for form in (plain, adaptive):
            loss = (rewards * form(plus) + (1 - rewards) * form(minus)).mean()
            golden |= painter.gradients(f"{name}.{form.__name__}", loss)
    return golden


save_golden("nft", nft)
