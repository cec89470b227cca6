"""Goldens of one whole iteration of reward tuning (RFFT, Du et al. 2024, arXiv 2408.00418). Run tiny_model.py first.

A roll-out without gradients to a step, that step with gradients, its predicted clean latents decoded, the product
pasted back, judged. Writes fixtures/iteration/{sample,velocity,epsilon}.safetensors, one a kind of prediction; CASES
says how each is sampled and at which step gradients are taken. Losses, each with its gradients by the ControlNet's
weights:
- f_ac: -mean log p(Available), depth and saliency without gradients; f_ac_maps: through them as well
- cc: Consistent Condition as the authors give its code, mean over items and elements of (d - d_ref)^2, where d is the
  conditional noise minus the unconditional
- cc_paper: as the paper writes it, d times -1/sqrt(1 - a_t), the 2-norm of each item, mean over items
- kl: (noise - noise_ref)^2 of the guided prediction, mean over items and elements (ours)

Before the decoder the predicted clean latents are blended with the known ones, and the product is pasted back on floats
(ours).
"""

import torch
from judge import Judge
from tiny_model import MODEL, TITLES, Painter, Schedule, save_golden

CASES = {
    # As `mini` is sampled: all the noise of DDPM, rescaled guidance in a part of the steps.
    "sample": dict(steps=7, until=3, eta=1.0, guidance=3.0, rescale=0.8, interval=(0.2, 0.74)),
    # Gradients at a step that isn't guided: the reward sees the conditional prediction, CC needs the other as well.
    "velocity": dict(steps=6, until=4, eta=0.5, guidance=4.0, rescale=0.0, interval=(0.0, 0.5)),
    "epsilon": dict(steps=6, until=4, eta=0.0, guidance=4.0, rescale=0.0, interval=(0.0, 1.0)),
}


def iteration(name, dtype):
    case, painter, judge, schedule = CASES[name], Painter(dtype), Judge(MODEL, dtype), Schedule.named(name)
    product, captions = painter.given["product"], judge.captions(TITLES)
    before, drawn, after = painter.roll_out(schedule, **case)
    steps, index = case["steps"], case["until"]
    t = schedule.timesteps[index]
    is_guided = int(case["interval"][0] * steps) <= index < int(case["interval"][1] * steps)
    said = [case["guidance"], case["rescale"], is_guided]
    conditional, free, guided = painter.guided(painter.controlnet, before, t, *said)
    with torch.no_grad():
        conditional_ref, free_ref, guided_ref = painter.guided(painter.reference, before, t, *said)
    x0 = schedule.clean(before, guided, t)
    stepped = schedule.step(guided, t, before, eta=case["eta"], variance_noise=painter.given["fresh"][index])
    assert torch.allclose(x0, stepped.pred_original_sample, rtol=1e-3, atol=1e-4)
    blended = painter.blend(x0, painter.known)
    decoded = (painter.vae.decode(blended / painter.vae.config.scaling_factor).sample / 2 + 0.5).clamp(0, 1)
    colour, alpha = product.split([3, 1], 1)
    picture = decoded * (1 - alpha) + colour * alpha
    log_p, log_p_maps = (judge.log_probabilities(picture, product, captions, detach) for detach in (True, False))
    eps, eps_free, eps_guided, *refs = (
        schedule.epsilon(before, output, t)
        for output in (conditional, free, guided, conditional_ref, free_ref, guided_ref)
    )
    difference = (eps - eps_free) - (refs[0] - refs[1])
    spread = schedule.level(t)[1].to(dtype)
    losses = {
        "f_ac": -log_p[:, 0].mean(),
        "f_ac_maps": -log_p_maps[:, 0].mean(),
        "cc": difference.square().mean(),
        "cc_paper": (-difference / spread).flatten(1).norm(dim=1).mean(),
        "kl": (eps_guided - refs[2]).square().mean(),
    }
    if dtype == torch.float64:
        saturated = ((decoded == 0) | (decoded == 1)).double().mean().item()
        available = log_p.exp()[:, 0].tolist()
        print(f"{name}: step {index} at t = {t}, {saturated:.0%} of the pixels saturated, p(Available) {available}")
    golden = {
        "before": before,
        "drawn": drawn,
        "after": after,
        "conditional": conditional,
        "unconditional": free,
        "guided": guided,
        "reference.conditional": conditional_ref,
        "reference.unconditional": free_ref,
        "reference.guided": guided_ref,
        "x0": x0,
        "blended": blended,
        "decoded": decoded,
        "picture": picture,
        "log_p": log_p,
    }
    for loss, value in losses.items():
        golden |= painter.gradients(loss, value)
    return golden


for name in CASES:
    save_golden(f"iteration/{name}", lambda dtype: iteration(name, dtype))
