"""Names and shapes of the real networks of judges, from their classes in torchvision, timm and transformers on the meta device."""

import json

import timm
import torch
import torchvision
from reference import FIXTURES
from transformers import RobertaConfig, RobertaForMaskedLM

with torch.device("meta"):
    networks = {
        "resnet50": torchvision.models.resnet50(),
        "resnext50_32x4d": torchvision.models.resnext50_32x4d(),
        "timm_hrnet_w18": timm.create_model("hrnet_w18"),
        # At the judge's size of 384 pixels, for which both publish weights.
        "vit_b_16_384": torchvision.models.vit_b_16(image_size=384),
        "timm_vit_base_patch16_384": timm.create_model("vit_base_patch16_384"),
        # The published roberta-base checkpoint is the masked language model's.
        "roberta_base": RobertaForMaskedLM(
            RobertaConfig(
                vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
            )
        ),
    }

def named_shapes(network):
    return {key: list(value.shape) for key, value in network.state_dict().items()}


# timm calls these as torchvision does, so one list stands for both.
with torch.device("meta"):
    for name in ("resnet50", "resnext50_32x4d"):
        assert named_shapes(timm.create_model(name)) == named_shapes(networks[name]), name

folder = FIXTURES / "keys"
folder.mkdir(parents=True, exist_ok=True)
for name, network in networks.items():
    (folder / f"{name}.json").write_text(json.dumps(named_shapes(network), separators=(",", ":")) + "\n")
