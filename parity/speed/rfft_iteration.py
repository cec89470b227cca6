"""An iteration of reward fine-tuning in PyTorch on the CPU, part by part, in f32; beside the same in Reliad where a
program is given.

An iteration tunes a model's ControlNet once (parity/tuning/iteration.py has its formulas): a batch is rolled out
without gradients to a step, that step is taken with gradients, the starting ControlNet predicts the same for CC, the
predicted clean latents are decoded and judged, and AdamW goes a step. Networks, schedule, guidance and the judge's
calibration are those of the model, whose UNet must predict clean latents, as mini's does. Noise, texts and pictures are
drawn once; the whole batch and both guidance halves share a call.

    python parity/speed/rfft_iteration.py models/mini [--threads 2] [--rounds 5] [--program "PROGRAM ARGUMENTS"]

PROGRAM takes turns with PyTorch, so that a change of the machine's speed hits both. It is told the threads in
RAYON_NUM_THREADS and prints one JSON object {"seconds": {PART: SECONDS}} with the parts named here, seconds on the
clock. Every figure is the median of the rounds.

Beside PyTorch's seconds on the clock stand those of the processor, of all threads, divided by their number. On a
machine that others use too the clock measures them as well. With one thread the processor's seconds then stay about the
same; with more they don't, as PyTorch's threads wait for each other busily.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import time

import diffusers
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

sys.path.append(str(pathlib.Path(__file__).parents[1] / "tuning"))
from judge import Judge  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--until", type=int, default=8, help="the step with gradients, from 0")
parser.add_argument("--program")
options = parser.parse_args()
torch.set_num_threads(options.threads)
torch.manual_seed(0)
diffusers.logging.set_verbosity_error()
BETA, LEARNING_RATE, CLIP, TOKENS = 300.0, 3e-4, 1.0, 40

model, batch = options.model, options.batch
sampling = json.loads((model / "sampling.json").read_text())
height, width, steps = sampling["height"], sampling["width"], sampling["steps"]
load = dict(torch_dtype=torch.float32, local_files_only=True)


def frozen(kind, part):
    network = kind.from_pretrained(model, subfolder=part, **load).eval().requires_grad_(False)
    # The faster of the two layouts, by some hundredths.
    return network.to(memory_format=torch.channels_last)


unet, vae = frozen(UNet2DConditionModel, "unet"), frozen(AutoencoderKL, "vae")
reference = frozen(ControlNetModel, "controlnet")
controlnet = frozen(ControlNetModel, "controlnet").requires_grad_(True)
optimizer = torch.optim.AdamW(controlnet.parameters(), lr=LEARNING_RATE, fused=True)
schedule = DDIMScheduler.from_pretrained(model, subfolder="scheduler")
schedule.set_timesteps(steps)
assert schedule.config.prediction_type == "sample", "`step` and CC are written for networks that predict clean latents"
judge = Judge(model)

latents = (batch, unet.config.in_channels, height // 8, width // 8)
noise, known = torch.randn(2, *latents)
fresh = torch.randn(steps, *latents)
texts = torch.randn(2, batch, TOKENS, unet.config.cross_attention_dim)
edges = (torch.rand(batch, 1, height, width) > 0.95).float().expand(-1, 3, -1, -1).contiguous()
product = torch.rand(batch, 4, height, width)
product[:, 3] = 0
product[:, 3, height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = 1
paint = 1 - product[:, 3:, ::8, ::8]
captions = judge.captions(["Round ceramic side table with a matte finish, 45 cm wide"] * batch)


def blend(sample, kept):
    return sample * paint + kept * (1 - paint)


def predict(net, sample, t, both):
    """For the prompts; with `both` for the negative prompts as well, in the same call."""
    text, control = texts[0], edges
    if both:
        sample, text, control = sample.repeat(2, 1, 1, 1), texts.flatten(0, 1), edges.repeat(2, 1, 1, 1)
    down, middle = net(
        sample, t, encoder_hidden_states=text, controlnet_cond=control,
        conditioning_scale=sampling["control_scale"], return_dict=False,
    )
    output = unet(
        sample, t, encoder_hidden_states=text, down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
    ).sample
    return output.chunk(2) if both else (output, None)


def is_guided(index):
    start, stop = sampling["guidance_interval"]
    return int(start * steps) <= index < int(stop * steps)


def guide(prompted, free):
    guided = free + sampling["guidance"] * (prompted - free)
    return rescale_noise_cfg(guided, prompted, sampling["guidance_rescale"])


def step(clean, index, sample):
    """DDIM from the predicted clean latents; what is known is put back."""
    t = schedule.timesteps[index]
    before, after = schedule.alphas_cumprod[t], torch.tensor(1.0)
    if index + 1 < steps:
        after = schedule.alphas_cumprod[schedule.timesteps[index + 1]]
    direction = (sample - before**0.5 * clean) / (1 - before) ** 0.5
    sigma = sampling["eta"] * ((1 - after) / (1 - before) * (1 - before / after)).clamp_min(0) ** 0.5
    drawn = after**0.5 * clean + (1 - after - sigma**2).clamp_min(0) ** 0.5 * direction + sigma * fresh[index]
    return blend(drawn, after**0.5 * known + (1 - after) ** 0.5 * noise)


def iteration(part):
    with part("roll-out"), torch.no_grad():
        sample = noise
        for index in range(options.until):
            prompted, free = predict(controlnet, sample, schedule.timesteps[index], is_guided(index))
            sample = step(guide(prompted, free) if is_guided(index) else prompted, index, sample)
    t = schedule.timesteps[options.until]
    with part("forward"):
        prompted, free = predict(controlnet, sample, t, True)
        x0 = guide(prompted, free) if is_guided(options.until) else prompted
    with part("reference"), torch.no_grad():
        prompted_ref, free_ref = predict(reference, sample, t, True)
    with part("decode"):
        decoded = vae.decode(blend(x0, known) / vae.config.scaling_factor).sample
        alpha = product[:, 3:]
        picture = (decoded / 2 + 0.5).clamp(0, 1) * (1 - alpha) + product[:, :3] * alpha
    with part("judge"):
        reward = judge.log_probabilities(picture, product, captions)[:, 0].mean()
    with part("backward"):
        # Of noise in terms of clean latents: eps = (x - sqrt(a) x0) / sqrt(1 - a).
        alpha = schedule.alphas_cumprod[t]
        difference = (alpha / (1 - alpha)) ** 0.5 * ((prompted - free) - (prompted_ref - free_ref))
        optimizer.zero_grad()
        (BETA * difference.square().mean() - reward).backward()
    with part("optimiser"):
        torch.nn.utils.clip_grad_norm_(controlnet.parameters(), CLIP, foreach=True)
        optimizer.step()


def timed():
    """Seconds by part, on the clock and of the processor by thread."""
    clock, processor = {}, {}

    @contextlib.contextmanager
    def part(name):
        began = time.perf_counter(), time.process_time()
        yield
        clock[name] = time.perf_counter() - began[0]
        processor[name] = (time.process_time() - began[1]) / options.threads

    iteration(part)
    return clock, processor


def medians(rounds):
    parts = {part: statistics.median(each[part] for each in rounds) for part in rounds[0]}
    return parts | {"total": statistics.median(sum(each.values()) for each in rounds)}


timed()
rows, ours = [], []
environment = os.environ | {"RAYON_NUM_THREADS": str(options.threads)}
for _ in range(options.rounds):
    if options.program:
        output = subprocess.run(shlex.split(options.program), check=True, capture_output=True, env=environment).stdout
        ours.append(json.loads(output)["seconds"])
    rows.append(timed())
theirs = [medians(side) for side in zip(*rows)]
print(
    f"threads {options.threads}, torch {torch.__version__}, batch {batch}, step {options.until} of {steps}, "
    f"medians of {options.rounds} rounds"
)
print(f"{'part':>10}   pytorch s   of the processor" + ("   reliad s   ratio" if ours else ""))
mine = medians(ours) if ours else {}
for part, seconds in theirs[0].items():
    line = f"{part:>10}   {seconds:9.3f}   {theirs[1][part]:16.3f}"
    if part in mine:
        line += f"   {mine[part]:8.3f}   {mine[part] / seconds:5.2f}"
    print(line)
