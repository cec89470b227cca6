"""Goldens of ImageReward: timm's vision transformer and transformers' BLIP text model under the released names, tiny and
random; the names and shapes of the real size; BERT's tokenizer."""

import timm.models.vision_transformer as vit
import torch
from reference import FIXTURES, pictures, randomise, save, save_json, see
from torch import nn
from transformers import BertTokenizer
from transformers.models.blip.configuration_blip import BlipTextConfig
from transformers.models.blip.modeling_blip_text import BlipTextModel

MEAN, STD = 0.16717362830052426, 1.0333394966054072


class ImageReward(nn.Module):
    def __init__(self, config):
        super().__init__()
        vision, text = config["vision"], config["text"]
        self.blip = nn.Module()
        self.blip.visual_encoder = vit.VisionTransformer(
            img_size=vision["image_size"],
            patch_size=vision["patch_size"],
            embed_dim=vision["hidden_size"],
            depth=vision["num_hidden_layers"],
            num_heads=vision["num_attention_heads"],
            mlp_ratio=vision["intermediate_size"] / vision["hidden_size"],
            num_classes=0,
            global_pool="",
        )
        self.blip.text_encoder = BlipTextModel(
            BlipTextConfig(**text, encoder_hidden_size=vision["hidden_size"], is_decoder=True, layer_norm_eps=1e-12),
            add_pooling_layer=False,
        )
        self.blip.vision_proj = nn.Linear(vision["hidden_size"], 8)
        self.blip.text_proj = nn.Linear(text["hidden_size"], 8)
        a, b, c, d = config["head"]
        self.mlp = nn.Module()
        self.mlp.layers = nn.Sequential(
            nn.Linear(text["hidden_size"], a), nn.Dropout(0.2),
            nn.Linear(a, b), nn.Dropout(0.2),
            nn.Linear(b, c), nn.Dropout(0.1),
            nn.Linear(c, d), nn.Linear(d, 1),
        )  # fmt: skip

    def forward(self, picture, ids, mask):
        seen = self.blip.visual_encoder.forward_features(picture)
        read = self.blip.text_encoder(
            input_ids=ids,
            attention_mask=mask,
            encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long),
            is_decoder=False,
        ).last_hidden_state
        return (self.mlp.layers(read[:, 0]).flatten() - MEAN) / STD


def vocabulary():
    words = "a the red blue vase shoe stands on table ##s ##ing of marble 4 k lamp light , . ! ' - é ü cafe 花 x".split()
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1) if chr(c) != "x"]
    pieces = ["##" + chr(c) for c in range(ord("a"), ord("z") + 1) if chr(c) not in "s"]
    return list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters[1:], *pieces]))


tiny = {
    "_class_name": "ImageReward",
    "vision": dict(image_size=16, patch_size=8, hidden_size=12, intermediate_size=20, num_hidden_layers=2,
                   num_attention_heads=3),
    "text": dict(vocab_size=len(vocabulary()) + 2, hidden_size=8, intermediate_size=14, num_hidden_layers=2,
                 num_attention_heads=2, max_position_embeddings=12),
    "max_tokens": 10,
    "head": [9, 7, 5, 3],
}  # fmt: skip
folder = FIXTURES / "image_reward"
save_json(folder / "config.json", tiny)
(folder / "vocab.txt").write_text("".join(token + "\n" for token in vocabulary()))
tokenizer = BertTokenizer(str(folder / "vocab.txt"))

network = randomise(ImageReward(tiny), 3)
weights = {
    name: value
    for name, value in network.state_dict().items()
    if value.is_floating_point()
}
save(folder, "model.safetensors", weights)
# As it was released: a pickled state dict, with a buffer of whole numbers.
released = {**network.state_dict(), "blip.text_encoder.embeddings.position_ids": torch.arange(12)[None]}
torch.save(released, folder / "released.pt")
prompts = ["A red vase stands on the marble table", "shoe", "lamps, of light! unspellable ÜÉ lines are cut off here"]
tokens = tokenizer(prompts, padding="max_length", truncation=True, max_length=10, return_tensors="pt")
picture = pictures(5, 3, 3, 21, 27).requires_grad_()
reward = network(see(picture, 16), tokens.input_ids, tokens.attention_mask)
(reward * torch.tensor([1.0, -2.0, 0.5])).sum().backward()
save(folder, "golden.safetensors", {"picture": picture, "reward": reward, "gradient": picture.grad})

texts = [
    *prompts, "", "  two  spaces\tand\nlines ", "Café CAFÉ cafe\u0301", "花x花", "it's 4k-light...", "[MASK] of it",
    "x" * 120, "naïve\u200b\u0000 a", "red [SEP] blue", "\u2019tis \u00bd", "[enc]", "vases the reds",
]  # fmt: skip
cases = [
    {"text": text, "ids": tokenizer(text, truncation=True, max_length=10).input_ids} for text in texts
]
save_json(folder / "tokenizer.golden.json", {"prompts": prompts, "cases": cases})

real = {
    "vision": dict(image_size=224, patch_size=16, hidden_size=1024, intermediate_size=4096, num_hidden_layers=24,
                   num_attention_heads=16),
    "text": dict(vocab_size=30524, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                 num_attention_heads=12, max_position_embeddings=512),
    "head": [1024, 128, 64, 16],
}  # fmt: skip
with torch.device("meta"):
    network = ImageReward(real)
shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
# The release was saved when transformers still kept this buffer in state dicts.
shapes["blip.text_encoder.embeddings.position_ids"] = [1, 512]
# BLIP's own projections, which the release carries along, are 256 wide.
for name in ("vision", "text"):
    shapes[f"blip.{name}_proj.weight"][0] = 256
    shapes[f"blip.{name}_proj.bias"] = [256]
save_json(FIXTURES / "keys/image_reward.json", shapes)
