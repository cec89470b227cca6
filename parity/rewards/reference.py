"""What the golden scripts of this directory share: where fixtures go, weights without any special value, the pictures."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_num_threads(1)
FIXTURES = Path(__file__).resolve().parents[2] / "crates/reliad-rewards/tests/fixtures"
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


def randomise(module, seed):
    """Every parameter random, norms included, so that none can be left out unnoticed."""
    generator = torch.Generator().manual_seed(seed)
    norms = {id(layer.weight) for layer in module.modules() if isinstance(layer, torch.nn.LayerNorm)}
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if id(parameter) in norms:
                parameter.copy_(1 + 0.3 * noise)
            elif parameter.dim() <= 1:
                parameter.copy_(0.3 * noise)
            else:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
    return module.eval()


def pictures(seed, *shape):
    """In [0, 1], values at both ends among them."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(shape, generator=generator) * 1.4 - 0.2).clamp(0, 1)


def see(picture, size):
    """Resize (bicubic, antialiased), cut to [0, 1], the middle square, CLIP's statistics."""
    height, width = picture.shape[2:]
    target = (size, size * width // height) if height <= width else (size * height // width, size)
    if target != (height, width):
        picture = F.interpolate(picture, target, mode="bicubic", antialias=True).clamp(0, 1)
    top, left = (target[0] - size) // 2, (target[1] - size) // 2
    return (picture[:, :, top : top + size, left : left + size] - MEAN) / STD


def save(folder, name, tensors):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.detach().contiguous() for key, value in tensors.items()}, folder / name)


def save_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")
