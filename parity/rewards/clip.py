"""Goldens of CLIP: transformers' CLIPModel, tiny and random, in a directory as transformers writes it, with the picture's
gradient; names and shapes of ViT-L/14."""

import json
import shutil

import torch
from reference import FIXTURES, pictures, randomise, save, save_json, see
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

# A tokenizer that the tests of reliad-diffusion have: 24 places.
TOKENIZER = FIXTURES.parents[2] / "reliad-diffusion/tests/fixtures/tokenizer"

vocabulary = json.loads((TOKENIZER / "vocab.json").read_text())
end = vocabulary["<|endoftext|>"]
text = dict(vocab_size=max(vocabulary.values()) + 1, hidden_size=8, intermediate_size=12, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=24, bos_token_id=vocabulary["<|startoftext|>"],
            eos_token_id=end, pad_token_id=end)  # fmt: skip
vision = dict(image_size=16, patch_size=8, hidden_size=12, intermediate_size=20, num_hidden_layers=2,
              num_attention_heads=3)  # fmt: skip
PROMPTS = ["a red vase", "a small blue cup on the table, in soft light"]

# (name, activation, eos_token_id): the second as files before 2023 have it.
for seed, (name, activation, eos) in enumerate([("clip", "quick_gelu", end), ("clip_2022", "gelu", 2)]):
    config = CLIPConfig(
        text_config={**text, "hidden_act": activation, "eos_token_id": eos},
        vision_config={**vision, "hidden_act": activation},
        projection_dim=6,
    )
    network = randomise(CLIPModel(config), seed)
    folder = FIXTURES / name
    network.save_pretrained(folder)
    for leftover in folder.glob("generation_config.json"):
        leftover.unlink()
    for file in TOKENIZER.iterdir():
        shutil.copy(file, folder / file.name)
    tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
    ids = tokenizer(PROMPTS, padding="max_length", max_length=24, return_tensors="pt").input_ids
    picture = pictures(7 + seed, 2, 3, 24, 19 + 5 * seed).requires_grad_()
    out = network(input_ids=ids, pixel_values=see(picture, 16))
    similarity = 100 * (out.image_embeds * out.text_embeds).sum(1)
    (similarity * torch.tensor([1.0, -2.0])).sum().backward()
    save(folder, "golden.safetensors", {
        "picture": picture, "similarity": similarity, "gradient": picture.grad,
        "pictures": out.image_embeds, "texts": out.text_embeds, "ids": ids,
    })  # fmt: skip
save_json(FIXTURES / "clip_prompts.json", PROMPTS)

with torch.device("meta"):
    real = CLIPModel(
        CLIPConfig(
            text_config=dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12, projection_dim=768),
            vision_config=dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16,
                               patch_size=14, projection_dim=768),
            projection_dim=768,
        )
    )  # fmt: skip
shapes = {name: list(value.shape) for name, value in real.state_dict().items()}
# Buffers that the published files of 2021 hold.
shapes["text_model.embeddings.position_ids"] = [1, 77]
shapes["vision_model.embeddings.position_ids"] = [1, 257]
save_json(FIXTURES / "keys/clip_vit_large_patch14.json", shapes)
