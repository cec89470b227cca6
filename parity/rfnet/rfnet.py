"""Goldens of RFNet: everything on, and two configs with inputs switched off. Logits from normalised images, log p and
its gradient with respect to the picture through the preprocessing."""

import torch
import torch.nn.functional as F
from reference import RfNet, deterministic, preprocess, preprocess_product, randomise, write

BASE = {
    "_class_name": "RFNet",
    "preprocess": {
        "image_size": 64,
        "image_mean": [0.48, 0.45, 0.4],
        "image_std": [0.23, 0.22, 0.25],
        "product_background": [1.0, 0.9, 0.8],
    },
    "image_encoder": {"block": "basic", "layers": [1, 1, 1, 1], "base_width": 2},
    "shared_image_encoder": False,
    "text_encoder": {
        "vocab_size": 60,
        "hidden_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 20,
        "max_position_embeddings": 20,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 1,
    },
    "max_caption_tokens": 16,
    "width": 16,
    "heads": 4,
    "filter_layers": 1,
    "filter_kernel": 1,
    "fusion_layers": 2,
    "fusion_feed_forward": 24,
    "fusion_norm": "pre",
    "position_embedding": True,
    "modality_embedding": True,
    "dropout": 0.1,
    "inputs": dict.fromkeys(("product", "generated", "depth", "saliency", "caption"), True),
    "classes": 5,
}


def off(*names, **changes):
    return {**BASE, **changes, "inputs": {**BASE["inputs"], **dict.fromkeys(names, False)}}


no_caption = off("caption", "depth", classes=2, modality_embedding=False)
del no_caption["text_encoder"]
CASES = {
    "rfnet": off(),
    "rfnet_shared": off(
        "product",
        "saliency",
        shared_image_encoder=True,
        fusion_norm="post",
        classes=6,
    ),
    "rfnet_no_caption": no_caption,
    "rfnet_filters": off(filter_layers=2, filter_kernel=3, shared_image_encoder=True, position_embedding=False),
}

for seed, (case, config) in enumerate(CASES.items()):
    deterministic(10 + seed)
    model = randomise(RfNet(config))
    picture = torch.rand(2, 3, 24, 70, requires_grad=True)
    product = torch.rand(2, 4, 24, 70)
    depth, saliency = torch.rand(2, 1, 24, 70), torch.rand(2, 1, 20, 90)
    ids = torch.tensor([[0, 5, 17, 33, 8, 2], [0, 44, 2, 1, 1, 1]])
    mask = ids != 1
    settings = config["preprocess"]
    images = {
        "product": preprocess_product(settings, product),
        "generated": preprocess(settings, picture),
        "depth": preprocess(settings, depth),
        "saliency": preprocess(settings, saliency),
    }
    logits = model(images, ids, mask)
    log_p = F.log_softmax(logits, -1)
    (gradient,) = torch.autograd.grad(log_p[:, 0].sum(), picture)
    golden = {
        "picture": picture,
        "product": product,
        "depth": depth,
        "saliency": saliency,
        "ids": ids,
        "logits": logits,
        "gradient": gradient,
    }
    if case == "rfnet":
        golden |= {f"preprocessed_{name}": image for name, image in images.items()}
    write(case, config, model, golden)
    print(case, logits)
