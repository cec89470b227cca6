"""Goldens of RoBERTa's masked-language head: transformers' RobertaForMaskedLM, tiny, random; logits and its loss."""

import torch
from reference import deterministic, randomise, write
from transformers import RobertaConfig, RobertaForMaskedLM

deterministic(21)
config = RobertaConfig(
    vocab_size=50,
    hidden_size=12,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=20,
    max_position_embeddings=14,
    type_vocab_size=1,
    layer_norm_eps=1e-5,
)
model = randomise(RobertaForMaskedLM(config))
lengths = [9, 5]
ids = torch.full((2, 9), config.pad_token_id)
labels = torch.full((2, 9), -100)
for row, length in enumerate(lengths):
    ids[row, :length] = torch.randint(5, 50, (length,))
    ids[row, 0], ids[row, length - 1] = 0, 2
for row, place in [(0, 2), (0, 6), (1, 3)]:
    labels[row, place] = ids[row, place]
    ids[row, place] = 4
mask = (ids != config.pad_token_id).long()
with torch.no_grad():
    out = model(input_ids=ids, attention_mask=mask, labels=labels)
golden = {"ids": ids, "mask": mask, "labels": labels, "logits": out.logits * mask[..., None], "loss": out.loss[None]}
model.lm_head.decoder = torch.nn.Identity()  # the word embeddings once more, which a file holds once
write("masked_lm", config.to_dict(), model, golden)
