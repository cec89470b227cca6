"""Goldens of tokens beside CLIP's vocabulary, in both files in which they come, on the tokenizers of `clip_tokenizer.py`, which
runs first."""

import json
import shutil
import tempfile
from pathlib import Path

from transformers import CLIPTokenizer

from fixtures import FIXTURES, save_json

TEXTS = ["a <sks> vase", "a <SKS>vase", "a red<two>", "<sks>  <two>,", "the vase <pad> and", "<three>"]
END = max(json.loads((FIXTURES / "tokenizer/vocab.json").read_text()).values()) + 1

older = {
    "added_tokens.json": {"<two>": END + 1, "<sks>": END, "<pad>": END + 2}, "special_tokens_map.json": {"pad_token": "<pad>"},
}
token = lambda text, **fields: dict(
    content=text, lstrip=False, normalized=True, rstrip=False, single_word=False, special=False) | fields
newer = {"tokenizer_config.json": {"pad_token": "<pad>", "added_tokens_decoder": {
    END - 3: token("<|startoftext|>", special=True), END - 2: token("<|endoftext|>", special=True), END: token("<sks>"),
    END + 1: token("<two>", normalized=False, lstrip=True, rstrip=True), END + 2: token("<pad>", special=True),
    END + 3: token("<three>", single_word=True),
}}}
rows = []
for base in ("tokenizer", "tokenizer_json"):
    for files in (older, newer):
        with tempfile.TemporaryDirectory() as scratch:
            directory = Path(shutil.copytree(FIXTURES / base, Path(scratch) / "tokenizer"))
            for name, fields in files.items():
                path = directory / name
                path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | fields))
            clip = CLIPTokenizer.from_pretrained(directory)
            ids = [clip(text, padding="max_length", truncation=True, max_length=24).input_ids for text in TEXTS]
            rows.append(dict(base=base, files=files, size=len(clip), ids=ids))
save_json("added_tokens.golden.json", dict(texts=TEXTS, rows=rows))
