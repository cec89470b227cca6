"""Goldens of HRNet: timm's HighResolutionNet with narrow stages and a narrow head, random."""

import torch
from reference import deterministic, randomise, write
from timm.models.hrnet import HighResolutionNet


class NarrowHead(HighResolutionNet):
    """timm fixes the head's widths in its constructor; what it assigns there is passed over."""

    head_channels = property(lambda self: [2, 3, 4, 5], lambda self, value: None)
    num_features = property(lambda self: 24, lambda self, value: None)


def stage(block, modules, blocks, channels):
    branches = len(channels)
    return {
        "block_type": block,
        "num_modules": modules,
        "num_branches": branches,
        "num_blocks": (blocks,) * branches,
        "num_channels": channels,
        "fuse_method": "SUM",
    }


deterministic(23)
CHANNELS = [4, 6, 8, 10]
arch = {
    "stem_width": 8,
    "stage1": stage("BOTTLENECK", 1, 2, (3,)),
    "stage2": stage("BASIC", 1, 1, CHANNELS[:2]),
    "stage3": stage("BASIC", 2, 1, CHANNELS[:3]),
    "stage4": stage("BASIC", 1, 2, CHANNELS),
}
config = {
    "stem_width": 8,
    "stage1": {"blocks": 2, "channels": 3},
    "modules": [1, 2, 1],
    "blocks": [1, 1, 2],
    "channels": CHANNELS,
    "head_channels": [2, 3, 4, 5],
    "head_width": 24,
    "num_classes": 5,
}
model = randomise(NarrowHead(arch, num_classes=5))
picture = torch.randn(2, 3, 64, 96)
with torch.no_grad():
    golden = {"picture": picture, "output": model(picture)}
    x = model.act2(model.bn2(model.conv2(model.act1(model.bn1(model.conv1(picture))))))
    golden |= {f"branch{i}": branch for i, branch in enumerate(model.stages(x))}
write("hrnet", config, model, golden)
