"""Writes the golden of the fused group norm: PyTorch's value and gradients, with and without SiLU."""

from pathlib import Path

import torch
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.manual_seed(7)
x = torch.randn(2, 12, 5, 7) * 1.5 + 0.3
seed = torch.randn(2, 12, 5, 7)
weight = torch.randn(12)
bias = torch.randn(12)
out = {"x": x, "seed": seed, "weight": weight, "bias": bias}
for mark in ("plain", "silu"):
    leaves = [t.clone().requires_grad_() for t in (x, weight, bias)]
    y = torch.nn.functional.group_norm(leaves[0], 4, leaves[1], leaves[2], 1e-5)
    if mark == "silu":
        y = torch.nn.functional.silu(y)
    (y * seed).sum().backward()
    out[f"{mark}.y"] = y.detach()
    for name, leaf in zip(("dx", "dweight", "dbias"), leaves):
        out[f"{mark}.{name}"] = leaf.grad
fixture = Path(__file__).parents[2] / "crates/reliad-kernels/tests/fixtures/group_norm.safetensors"
save_file({name: tensor.contiguous() for name, tensor in out.items()}, fixture)
