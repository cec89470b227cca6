"""Goldens of ResNet and ResNeXt: torchvision's classes at a tiny width, random weights and running statistics."""

import torch
from reference import TinyResNet, deterministic, randomise, write

CASES = {
    "resnet_bottleneck": {"block": "bottleneck", "layers": [1, 2, 1, 1], "num_classes": 5},
    "resnet_basic": {"block": "basic", "layers": [2, 1, 1, 1]},
    "resnext": {"block": "bottleneck", "layers": [1, 1, 1, 1], "groups": 4, "width_per_group": 32},
    "resnet_dilated": {"block": "bottleneck", "layers": [1, 1, 2, 2], "replace_stride_with_dilation": [False, True, True]},
    "resnet_kept": {"block": "basic", "layers": [1, 1, 1, 1], "replace_stride_with_dilation": [False, False, True]},
}

for seed, (case, config) in enumerate(CASES.items()):
    deterministic(seed)
    config = {"base_width": 4, **config}
    model = randomise(TinyResNet(config))
    picture = torch.randn(2, 3, 75, 50)
    with torch.no_grad():
        golden = {"picture": picture, "features": model.features(picture), "output": model(picture)}
    write(case, config, model, golden)
