"""A training step of mini's UNet in PyTorch on the CPU, beside the same step in Reliad, in one run, as ratios.

A step is forward, backward, clipping of the gradients' norm, AdamW and the moving average of the weights, over latents
and texts that are drawn once. Both programs use as many threads as RAYON_NUM_THREADS says (2 where it is not set), f32,
random weights and inputs, and take turns, so that a change of the machine's speed hits both. Seconds are of processor
time of all threads, divided by their number: on a machine that others use too, the clock measures them as well.

    python parity/speed/train_step.py target/release/examples/unet_time configs/mini/painter.json [ROUNDS [BATCH]]

The share of the machine's peak is that of a square matrix product of PyTorch on the same threads, measured between the
rounds, with a multiplication and an addition counted as two.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

program, file = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
batch = int(sys.argv[4]) if len(sys.argv) > 4 else 16
threads = int(os.environ.setdefault("RAYON_NUM_THREADS", "2"))
torch.set_num_threads(threads)
TOKENS, STEPS = 64, 4

config = json.loads(pathlib.Path(file).read_text())["unet"]
unet = UNet2DConditionModel(**{key: value for key, value in config.items() if not key.startswith("_")})
average = [weight.detach().clone() for weight in unet.parameters()]
optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-4, weight_decay=0.01, betas=(0.9, 0.99), fused=True)
side, width = config["sample_size"], config["cross_attention_dim"]
latents, target = torch.randn(2, batch, config["in_channels"], side, side)
text = torch.randn(batch, TOKENS, width)
timesteps = torch.arange(batch) * 50


def step():
    optimizer.zero_grad()
    F.mse_loss(unet(latents, timesteps, text, return_dict=False)[0], target).backward()
    torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0, foreach=True)
    optimizer.step()
    with torch.no_grad():
        torch._foreach_lerp_(average, list(unet.parameters()), 0.01)


def processor_seconds(run):
    began = time.process_time()
    run()
    return (time.process_time() - began) / threads


with FlopCounterMode(display=False) as counter:
    step()
flops = counter.get_total_flops()
square = torch.randn(1536, 1536)
rows, peaks = [], []
for _ in range(rounds):
    output = subprocess.run([program, file, str(batch), str(STEPS)], check=True, capture_output=True).stdout
    ours = json.loads(output)["results"]["adamw"]["processor_seconds"] / threads
    theirs = statistics.median(processor_seconds(step) for _ in range(STEPS))
    product = statistics.median(processor_seconds(lambda: square @ square) for _ in range(9))
    peaks.append(2 * square.numel() ** 1.5 / product)
    rows.append((ours, theirs))
    print(f"reliad {batch / ours:.1f} samples/s   pytorch {batch / theirs:.1f} samples/s   ratio {ours / theirs:.2f}")
ours, theirs = (statistics.median(side) for side in zip(*rows))
peak = statistics.median(peaks)
print(
    f"threads {threads}, torch {torch.__version__}: reliad {batch / ours:.1f}, pytorch {batch / theirs:.1f} samples/s, "
    f"median ratio {statistics.median(a / b for a, b in rows):.2f}; {flops / 1e9:.1f} GFLOP a step, of a matrix product's "
    f"{peak / 1e9:.0f} GFLOP/s: reliad {flops / ours / peak:.0%}, pytorch {flops / theirs / peak:.0%}"
)
