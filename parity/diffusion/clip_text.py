"""Goldens of CLIPTextModel: two tiny models, one for each activation."""

import torch
from transformers import CLIPTextConfig, CLIPTextModel

from fixtures import randomise, save_component, save_golden

COMMON = dict(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, bos_token_id=38,
              eos_token_id=39, pad_token_id=39)
MODELS = {
    "clip_quick_gelu": dict(num_attention_heads=4, max_position_embeddings=11, hidden_act="quick_gelu"),
    "clip_gelu": dict(num_attention_heads=2, max_position_embeddings=9, hidden_act="gelu", layer_norm_eps=1e-3),
}

for seed, (name, fields) in enumerate(MODELS.items()):
    model = randomise(CLIPTextModel(CLIPTextConfig(**COMMON, **fields)), seed)
    ids = torch.randint(0, 40, (3, fields["max_position_embeddings"] - seed), generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        hidden = model(input_ids=ids).last_hidden_state
    prefix = "" if seed else "text_model."
    save_component(model, name, rename=lambda key: prefix + key.removeprefix("text_model."))
    save_golden(name, {"ids": ids, "last_hidden_state": hidden})
