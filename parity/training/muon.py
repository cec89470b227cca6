"""Three steps of PyTorch's Muon on a kernel (as a matrix) and a linear layer, for the test of reliad-training's.

    python parity/training/muon.py crates/reliad-training/tests/fixtures/muon.json

PyTorch orthogonalises in bfloat16; here it is made to do so in float32, as Burn does.
"""

import json
import sys

import torch

torch.bfloat16 = torch.float32
generator = torch.Generator().manual_seed(7)
cases = []
for shape in [(6, 3, 2, 2), (4, 9)]:
    weight = torch.randn(shape, generator=generator) * 0.3
    start = weight.flatten().tolist()
    matrix = torch.nn.Parameter(weight.reshape(shape[0], -1).clone())
    optimizer = torch.optim.Muon([matrix], lr=0.02, weight_decay=0.05, momentum=0.95, ns_steps=5)
    gradients = []
    for _ in range(3):
        gradient = torch.randn(shape, generator=generator)
        gradients.append(gradient.flatten().tolist())
        matrix.grad = gradient.reshape(matrix.shape)
        optimizer.step()
    cases.append(dict(shape=shape, start=start, gradients=gradients, end=matrix.detach().flatten().tolist()))
with open(sys.argv[1], "w") as file:
    json.dump(cases, file)
