"""Goldens of CLIPTokenizer: a small vocabulary in both file formats, and texts that are easy to get wrong."""

import json

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from fixtures import FIXTURES, save_json

START, END = "<|startoftext|>", "<|endoftext|>"
CORPUS = [
    "a small red ceramic vase on a white marble table, soft morning light",
    "a tall glass bottle on a wooden shelf, warm evening light, plain wall",
    "a photo of the product's front, it's standing on a stone floor; 1234567890 cm",
    "a blue armchair in a bright room with a carpet, shadows, high quality",
    "caf\u00e9 na\u00efve \u00fcber stra\u00dfe",
] * 20
TEXTS = [
    "", " ", "a", "A Small RED vase", "a small red vase on a table",
    "it's the product's front; they'll, I'd, we've, I'm, can't, you're",
    "caf\u00e9 cafe\u0301 na\u00efve STRASSE Stra\u00dfe \u0130stanbul \u01c5",
    "vase!!! (red), [blue] -- 50% off... #1 & more/less @home \\ ~`",
    "table12345 x2 3.5cm 1,000",
    "tabs\tand\nnew\r\nlines   and\u00a0spaces\u3000here",
    "emoji \U0001f600\U0001f469\u200d\U0001f467 heart\u2764\ufe0f flag\U0001f1fa\U0001f1f8",
    "\u4e2d\u6587 \u65e5\u672c\u8a9e \u0420\u0443\u0441\u0441\u043a\u0438\u0439 \u0639\u0631\u0628\u064a \u0939\u093f\u0928\u094d\u0926\u0940",
    f"inside {END} and {START} of a text", "<|ENDOFTEXT|> <| endoftext |>", "don't'll '' ' s",
    "zero\u200bwidth \ufeff bom \x00 nul \x07",
    "a small red ceramic vase on a white marble table, soft morning light " * 3,
    "supercalifragilisticexpialidocious" * 8, "\u00bd \u00b2 \u2167 \u0660 _under_score_",
]

tokenizer = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>", continuing_subword_prefix="", fuse_unk=False))
reference = CLIPTokenizer().backend_tokenizer
tokenizer.normalizer, tokenizer.pre_tokenizer = reference.normalizer, reference.pre_tokenizer
# All single bytes, alone and at a word's end, as in CLIP's own vocabulary, but for a few that stay unknown.
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=[], initial_alphabet=alphabet, end_of_word_suffix="</w>",
                              show_progress=False)
tokenizer.train_from_iterator(CORPUS, trainer)
model = json.loads(tokenizer.to_str())["model"]
words = sorted(model["vocab"], key=model["vocab"].get)
words += [f"{byte}</w>" for byte in alphabet[:-6] if f"{byte}</w>" not in model["vocab"]] + [START, END, "!!"]
vocab = {word: index for index, word in enumerate(words)}

directory = FIXTURES / "tokenizer"
directory.mkdir(parents=True, exist_ok=True)
save_json("tokenizer/vocab.json", vocab)
merges = "\n".join(" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"])
(directory / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
token = lambda text: dict(__type="AddedToken", content=text, lstrip=False, normalized=True, rstrip=False, single_word=False)
save_json("tokenizer/tokenizer_config.json", dict(
    bos_token=token(START), eos_token=token(END), unk_token=token(END), pad_token="!!", model_max_length=24,
    do_lower_case=True, add_prefix_space=False, errors="replace", tokenizer_class="CLIPTokenizer",
))
clip = CLIPTokenizer.from_pretrained(directory)
encode = lambda text: clip(text, padding="max_length", truncation=True, max_length=24).input_ids
ids = [encode(text) for text in TEXTS]

newer = FIXTURES / "tokenizer_json"
clip.save_pretrained(newer)
for name in ("vocab.json", "merges.txt"):
    (newer / name).unlink(missing_ok=True)
save_json("tokenizer.golden.json", [dict(text=text, ids=row) for text, row in zip(TEXTS, ids)])
