"""A denoising step of a model in diffusers on the CPU, beside the same step in Reliad, in one run, as a ratio.

A step is ControlNet and UNet on both guidance halves. Both programs use as many threads as RAYON_NUM_THREADS says (2
where it is not set) and f32. The two take turns, so that a change of the machine's speed hits both.

    python parity/speed/unet_step.py MODEL_DIR target/release/reliad [ROUNDS]

That diffusers opens MODEL_DIR is itself part of what is shown.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import torch
from diffusers import ControlNetModel, UNet2DConditionModel

model, program = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
threads = int(os.environ.setdefault("RAYON_NUM_THREADS", "2"))
torch.set_num_threads(threads)
load = dict(torch_dtype=torch.float32, local_files_only=True)
unet = UNet2DConditionModel.from_pretrained(model, subfolder="unet", **load).eval()
controlnet = ControlNetModel.from_pretrained(model, subfolder="controlnet", **load).eval()


@torch.no_grad()
def step(height, width):
    sample = torch.randn(2, unet.config.in_channels, height // 8, width // 8)
    text = torch.randn(2, 64, unet.config.cross_attention_dim)
    edges = torch.rand(2, 3, height, width)
    began = time.perf_counter()
    down, mid = controlnet(sample, 500, text, edges, return_dict=False)
    unet(sample, 500, text, down_block_additional_residuals=down, mid_block_additional_residual=mid)
    return time.perf_counter() - began


rows = []
for _ in range(rounds):
    bench = [program, "bench", "--model", model, "--repeat", "1", "--json"]
    ours = json.loads(subprocess.run(bench, check=True, capture_output=True).stdout)
    step(ours["height"], ours["width"])
    theirs = statistics.median(step(ours["height"], ours["width"]) for _ in range(20))
    rows.append((ours["step_seconds"], theirs))
    print(f"reliad {1e3 * rows[-1][0]:.1f} ms   diffusers {1e3 * theirs:.1f} ms   ratio {rows[-1][0] / theirs:.2f}")
print(f"threads {threads}, torch {torch.__version__}: median ratio {statistics.median(a / b for a, b in rows):.2f}")
