"""Goldens of the RoBERTa encoder (transformers' RobertaModel, tiny, random) and of its tokenizer on awkward titles."""

import json

import torch
from reference import FIXTURES, deterministic, randomise, write
from tokenizers import ByteLevelBPETokenizer
from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

deterministic(20)
TEXTS = [
    "walnut side table, 60 cm wide, 45 cm high",
    "ceramic mug 350 ml with a round handle",
    "desk lamp, brushed steel, 40cm tall",
    "a lounge chair for two people and a small dog",
    "the bottle's cap doesn't leak; it's dishwasher-safe",
]
folder = FIXTURES / "roberta"
folder.mkdir(parents=True, exist_ok=True)
trainer = ByteLevelBPETokenizer()
trainer.train_from_iterator(
    TEXTS * 3,
    vocab_size=360,
    min_frequency=2,
    special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    show_progress=False,
)
trainer.save_model(str(folder))

TRICKY = TEXTS + [
    "",
    " ",
    "  two  spaces\tand a tab\nand a line ",
    "Ünïcödé — 保温杯 500ml 🫖👩‍👩‍👧",
    "e\u0301 combining, \u00a0 no-break, \u200b zero width",
    "it's 'quoted' they'll I'd WE'RE",
    "a</s>b <mask> c<pad> <unk>",
    "10,000 x 2.5\" @ 99.9% #1!!! $$$ ...",
    "word " * 40,
    "\u0000\u0007 control",
]
MAX_TOKENS = 24
tokenizer = RobertaTokenizer.from_pretrained(folder)
ids = [tokenizer(text, truncation=True, max_length=MAX_TOKENS)["input_ids"] for text in TRICKY]
golden = {"max_tokens": MAX_TOKENS, "texts": TRICKY, "ids": ids}
(folder / "tokens.json").write_text(json.dumps(golden, indent=0) + "\n")

config = RobertaConfig(
    vocab_size=len(tokenizer),
    hidden_size=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=40,
    max_position_embeddings=30,
    type_vocab_size=1,
    layer_norm_eps=1e-5,
)
model = randomise(RobertaModel(config))
batch = tokenizer.pad({"input_ids": ids}, padding=True, return_tensors="pt")
ids, mask = batch["input_ids"], batch["attention_mask"]
with torch.no_grad():
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
write("roberta", config.to_dict(), model, {"ids": ids, "mask": mask, "hidden": hidden * mask[..., None]})
