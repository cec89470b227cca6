"""Names and shapes of the real ResNet50 and roberta-base, from their classes on the meta device."""

import json

import torch
import torchvision
from reference import FIXTURES
from transformers import RobertaConfig, RobertaForMaskedLM

with torch.device("meta"):
    networks = {
        "resnet50": torchvision.models.resnet50(),
        "resnext50_32x4d": torchvision.models.resnext50_32x4d(),
        # The published roberta-base checkpoint is the masked language model's.
        "roberta_base": RobertaForMaskedLM(
            RobertaConfig(
                vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
            )
        ),
    }

folder = FIXTURES / "keys"
folder.mkdir(parents=True, exist_ok=True)
for name, network in networks.items():
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    (folder / f"{name}.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")
