"""Goldens of the vision transformer: torchvision's VisionTransformer, tiny, random."""

import torch
from reference import deterministic, randomise, write
from torchvision.models.vision_transformer import VisionTransformer

deterministic(22)
config = {
    "image_size": 32,
    "patch_size": 8,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 12,
    "mlp_dim": 20,
    "num_classes": 5,
}
model = randomise(VisionTransformer(**config))
picture = torch.randn(2, 3, 32, 32)
with torch.no_grad():
    golden = {"picture": picture, "output": model(picture)}
write("vit", config, model, golden)
