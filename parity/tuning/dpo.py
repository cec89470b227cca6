"""Goldens of Diffusion-DPO's loss (Wallace et al. 2023, arXiv 2311.12908, the objective over noise predictions; factor
-BETA / 2 and means over elements as in the authors' public code, SalesforceAIResearch/DiffusionDPO). Run tiny_model.py
first.

Writes fixtures/dpo.safetensors, for each kind of prediction. A pair is an available picture's latents
(given.safetensors' `clean`) and an unavailable one's (`other`) of one product, noised with the same noise (`noise`) at
the same timestep, that of TIMESTEPS for the pair:

    loss = mean over pairs of -log sigmoid(-BETA / 2 ((mse_w - mse_w_ref) - (mse_l - mse_l_ref)))

mse: mean over an item's elements of (output - target)^2, the conditional output, on the network's own target. The
paper's network predicts noise; that another's own target takes its place is ours.
"""

import torch
import torch.nn.functional as F
from tiny_model import SCHEDULES, Painter, Schedule, save_golden

BETA = 5.0
TIMESTEPS = torch.tensor([250, 600])


def dpo(dtype):
    painter = Painter(dtype)
    golden = {}
    for name in SCHEDULES:
        schedule = Schedule.named(name)

        def mse(controlnet, clean):
            noise = painter.given["noise"]
            noisy = schedule.noised(clean, noise, TIMESTEPS)
            output = painter.predict(controlnet, noisy, TIMESTEPS, painter.text)
            return (output - schedule.target(clean, noise, TIMESTEPS)).square().mean((1, 2, 3))

        pair = [painter.given["clean"], painter.given["other"]]
        won, lost = (mse(painter.controlnet, clean) for clean in pair)
        with torch.no_grad():
            won_ref, lost_ref = (mse(painter.reference, clean) for clean in pair)
        inside = -0.5 * BETA * ((won - won_ref) - (lost - lost_ref))
        golden |= {f"mse.{name}.available": won, f"mse.{name}.unavailable": lost}
        golden |= {f"mse.{name}.reference.available": won_ref, f"mse.{name}.reference.unavailable": lost_ref}
        golden |= {f"inside.{name}": inside}
        golden |= painter.gradients(name, -F.logsigmoid(inside).mean())
    return golden


save_golden("dpo", dpo)
