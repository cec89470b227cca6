"""Adapters (LoRA) in the three kinds of files they come in, and what diffusers makes of each, on the networks of `inpaint.py`, which
runs first. Needs `peft`."""

import torch
import transformers.integrations.peft
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_kohya
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

from fixtures import FIXTURES, noise, save_golden

# It asks for a newer one than there is; what it calls of it is there.
transformers.integrations.peft.check_peft_version = lambda min_version: None
MODEL = FIXTURES / "inpaint"
OUT = FIXTURES / "lora"
STRENGTH = 0.7


def pipeline():
    return StableDiffusionPipeline(
        unet=UNet2DConditionModel.from_pretrained(MODEL / "unet"),
        text_encoder=CLIPTextModel.from_pretrained(MODEL / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(MODEL / "tokenizer"),
        vae=None, scheduler=None, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )


def adapters(module, targets, rank, alpha, seed):
    module.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, init_lora_weights="gaussian"))
    generator = torch.Generator().manual_seed(seed)
    # Quarters: they are written exactly in half precision, and the files stay small.
    return {
        key: torch.randint(-2, 3, value.shape, generator=generator).float() / 4
        for key, value in get_peft_model_state_dict(module).items()
    }


UNET = ["to_q", "to_out.0", "conv1", "conv_shortcut", "proj_in", "linear_1", "ff.net.2"]
TEXT = ["q_proj", "fc1"]
pipe = pipeline()
unet, text = adapters(pipe.unet, UNET, 2, 3, 1), adapters(pipe.text_encoder, TEXT, 1, 2, 2)
attention = {k: v for k, v in unet.items() if ".attn" in k}
half = lambda tensors: {key: value.half().contiguous() for key, value in tensors.items()}

StableDiffusionPipeline.save_lora_weights(
    OUT, unet_lora_layers=half(unet), text_encoder_lora_layers=half(text), weight_name="peft.safetensors",
    unet_lora_adapter_metadata={"r": 2, "lora_alpha": 3, "target_modules": UNET},
    text_encoder_lora_adapter_metadata={"r": 1, "lora_alpha": 2, "target_modules": TEXT},
)
both = {f"unet.{k}": v for k, v in unet.items()} | {f"text_encoder.{k}": v for k, v in text.items()}
# Published files name CLIP's layers as it had them until transformers 5.
kohya = {
    key.replace("lora_te1_encoder", "lora_te_text_model_encoder"): value
    for key, value in convert_state_dict_to_kohya(both).items()
}
for key in [key for key in kohya if key.endswith(".alpha")]:
    kohya[key] = torch.tensor(3.0 if key.startswith("lora_unet") else 2.0)
save_file(half(kohya), OUT / "kohya.safetensors")
# Before PEFT: attention alone, no alpha.
old = {}
for key, value in attention.items():
    block, rest = key.split(".attn")
    number, layer, factor = rest[0], rest[2:].split(".lora_")[0], rest.split(".lora_")[1][0]
    layer = {"to_out.0": "to_out"}.get(layer, layer)
    old[f"unet.{block}.attn{number}.processor.{layer}_lora.{'down' if factor == 'A' else 'up'}.weight"] = value
save_file(half(old), OUT / "old.safetensors")

sample, text_in = noise(3, 2, pipe.unet.config.in_channels, 6, 4), noise(4, 2, 5, pipe.unet.config.cross_attention_dim)
times = torch.tensor([3.0, 801.0])
ids = torch.tensor([[0, 5, 9, 2, 1]])
tensors = {"sample": sample, "text": text_in, "timesteps": times, "ids": ids}
for name in ["peft", "kohya", "old"]:
    pipe = pipeline()
    pipe.load_lora_weights(OUT, weight_name=f"{name}.safetensors", adapter_name="a")
    pipe.set_adapters(["a"], [STRENGTH])
    with torch.no_grad():
        tensors[f"{name}.unet"] = pipe.unet(sample, times, text_in).sample
        if name == "peft":
            # Of kohya's file these versions read the text encoder's attention not at all: the same values as PEFT's are meant.
            tensors["embedded"] = pipe.text_encoder(ids).last_hidden_state
save_golden("lora", tensors)
