"""Opens a ControlNet that `reliad finetune` wrote as a user of diffusers would, and holds its names against the model's own.

    python parity/tuning/opened.py TUNED MODEL

Prints how far the tuned weights moved; fails when diffusers misses a key, finds one too many, or its answer holds no
numbers.
"""

import sys

import torch
from diffusers import ControlNetModel

tuned, model = (f"{folder}/controlnet" for folder in sys.argv[1:3])
load = dict(torch_dtype=torch.float32, local_files_only=True, output_loading_info=True)
networks = []
for folder in (tuned, model):
    network, info = ControlNetModel.from_pretrained(folder, **load)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[kind], f"{folder}: {kind}: {info[kind]}"
    networks.append(network.eval())
tuned, model = networks
config = tuned.config
of = lambda network: {name: value for name, value in network.config.items() if not name.startswith("_")}  # noqa: E731
assert of(tuned) == of(model), "another network"
own = dict(model.named_parameters())
moved = sum(((value - own[name]) ** 2).sum() for name, value in tuned.named_parameters()).sqrt()
norm = sum((value**2).sum() for value in own.values()).sqrt()
with torch.no_grad():
    side = 32
    down, middle = tuned(
        torch.zeros(1, config.in_channels, side, side),
        torch.tensor([500]),
        torch.zeros(1, 8, config.cross_attention_dim),
        torch.zeros(1, 3, 8 * side, 8 * side),
        return_dict=False,
    )
assert all(part.isfinite().all() for part in [*down, middle])
print(f"diffusers opens it; its weights are {100 * moved / norm:.2f} % from the model's")
