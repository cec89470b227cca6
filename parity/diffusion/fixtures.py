"""What the golden scripts of this directory share: where fixtures go, and weights without any special value."""

import json
import os
from pathlib import Path

import torch
from safetensors.torch import save_file

torch.set_num_threads(1)
FIXTURES = Path(__file__).resolve().parents[2] / "crates/reliad-diffusion/tests/fixtures"


def randomise(module, seed):
    """Every parameter random, also those that start at zero or one, so that none can be left out unnoticed."""
    generator = torch.Generator().manual_seed(seed)
    norms = {
        id(layer.weight)
        for layer in module.modules()
        if isinstance(layer, (torch.nn.GroupNorm, torch.nn.LayerNorm))
    }
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if id(parameter) in norms:
                parameter.copy_(1 + 0.3 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(0.3 * noise)
            else:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
    return module.eval()


def noise(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def save_golden(name, tensors):
    tensors = {key: value.detach().contiguous() for key, value in tensors.items()}
    save_file(tensors, FIXTURES / f"{name}.golden.safetensors")


def save_component(module, name, rename=None):
    """`config.json` and weights as the library writes them; `rename` maps tensor names of the weights file."""
    directory = FIXTURES / name
    module.save_pretrained(directory)
    for leftover in directory.glob("generation_config.json"):
        os.remove(leftover)
    if rename:
        weights = {rename(key): value for key, value in module.state_dict().items()}
        save_file(weights, next(directory.glob("*.safetensors")))


def save_json(name, value):
    (FIXTURES / name).write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")
