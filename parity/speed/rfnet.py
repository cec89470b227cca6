"""RFNet at the paper's size in PyTorch on the CPU, beside the same network in Reliad, in one run, as ratios.

One picture through the frozen network, and a training step (forward, backward, AdamW). Both programs use as many threads
as RAYON_NUM_THREADS says (2 where it is not set) and f32, random weights and inputs, and take turns, so that a change of
the machine's speed hits both.

    python parity/speed/rfnet.py target/release/examples/judge_time configs/paper/rfnet.json [ROUNDS [BATCH]]
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

sys.path.append(str(pathlib.Path(__file__).parents[1] / "rfnet"))
from reference import IMAGES, RfNet  # noqa: E402

program, file = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
batch = int(sys.argv[4]) if len(sys.argv) > 4 else 2
threads = int(os.environ.setdefault("RAYON_NUM_THREADS", "2"))
torch.set_num_threads(threads)

# What the file leaves out, as reliad_rfnet::rfnet::RfNetConfig has it.
config = {
    "inputs": dict.fromkeys([*IMAGES, "caption"], True),
    "filter_kernel": 1,
    "fusion_norm": "pre",
    "position_embedding": True,
    "modality_embedding": True,
    **json.loads(pathlib.Path(file).read_text())["network"],
}
config["image_encoder"].setdefault("base_width", 64)
network = RfNet(config)
size = config["preprocess"]["image_size"]
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)


def inputs(count, tokens):
    images = {name: torch.rand(count, 3, size, size) for name in IMAGES}
    ids = torch.full((count, tokens), 7)
    return images, ids, torch.ones(count, tokens, dtype=torch.bool)


def look(one):
    with torch.no_grad():
        network(*one)


def train(many):
    optimizer.zero_grad()
    F.cross_entropy(network(*many), torch.zeros(batch, dtype=torch.long)).backward()
    optimizer.step()


def seconds(run, *arguments):
    run(*arguments)
    began = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - began


rows = []
for _ in range(rounds):
    ours = json.loads(subprocess.run([program, file, str(batch)], check=True, capture_output=True).stdout)
    network.eval()
    looking = seconds(look, inputs(1, ours["tokens"]))
    network.train()
    training = seconds(train, inputs(batch, ours["tokens"]))
    rows.append((ours["inference_seconds"] / looking, ours["training_seconds"] / training))
    print(
        f"a picture: reliad {ours['inference_seconds']:.2f} s, PyTorch {looking:.2f} s, ratio {rows[-1][0]:.2f}   "
        f"a step of {batch}: {ours['training_seconds']:.2f} s, {training:.2f} s, ratio {rows[-1][1]:.2f}",
        flush=True,
    )
parameters = sum(p.numel() for p in network.parameters())
medians = [statistics.median(ratios) for ratios in zip(*rows)]
print(
    f"threads {threads}, torch {torch.__version__}, {parameters / 1e6:.0f} M parameters here, "
    f"{ours['parameters'] / 1e6:.0f} M in reliad: median ratios {medians[0]:.2f} and {medians[1]:.2f}"
)
