"""Adapters of LyCORIS (LoCon, LoHa, LoKr, DoRA, whole differences, norms, IA3) and directories of PEFT, and what both libraries
make of them, on the networks of `inpaint.py`, which runs first. Needs `peft` and `lycoris-lora`."""

import json
import shutil

import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.lora_conversion_utils import _maybe_map_sgm_blocks_to_diffusers
from lycoris.modules.full import FullModule
from lycoris.modules.ia3 import IA3Module
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from lycoris.modules.norms import NormModule
from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import CLIPTextModel

from fixtures import FIXTURES, noise, save_golden

MODEL, OUT = FIXTURES / "inpaint", FIXTURES / "adapters"
STRENGTH = 0.7
Q, V = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", "up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v"
FF = "mid_block.attentions.0.transformer_blocks.0.ff.net.2"
K = "up_blocks.0.attentions.1.transformer_blocks.0.attn1.to_k"
CONV, CONV2, ONE = "down_blocks.0.resnets.0.conv1", "mid_block.resnets.1.conv2", "mid_block.attentions.0.proj_in"
UP, DOWN = "up_blocks.0.upsamplers.0.conv", "down_blocks.0.downsamplers.0.conv"
FC, PROJ = "encoder.layers.0.mlp.fc1", "encoder.layers.1.self_attn.q_proj"
LDM = {
    Q: "input_blocks_3_1_transformer_blocks_0_attn1_to_q", CONV: "input_blocks_1_0_in_layers_2",
    CONV2: "middle_block_2_out_layers_3", UP: "output_blocks_1_2_conv", DOWN: "input_blocks_2_0_op",
    V: "output_blocks_0_1_transformer_blocks_0_attn2_to_v",
}


def unet():
    return UNet2DConditionModel.from_pretrained(MODEL / "unet")


def text():
    return CLIPTextModel.from_pretrained(MODEL / "text_encoder").eval()


def layer_of(network, name):
    return network.get_submodule(name)


sample, text_in = noise(3, 2, 4, 6, 4), noise(4, 2, 5, 12)
times, ids = torch.tensor([3.0, 801.0]), torch.tensor([[0, 5, 9, 2, 1]])
tensors = {"sample": sample, "text": text_in, "timesteps": times, "ids": ids}


@torch.no_grad()
def painted(network):
    return network.eval()(sample, times, text_in).sample


@torch.no_grad()
def embedded(network):
    return network(ids).last_hidden_state


def randomised(module, generator):
    for key, value in module.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        value.data = value.data * (1 + 0.3 * noise) if key == "dora_scale" else 0.5 * noise
    return module


def lycoris(name, layers, multiplier=STRENGTH, rename=None):
    """Builds the modules of `layers` ((network, layer, class, settings)), lays them on, and writes file and golden."""
    networks, generator, file, modules = {"unet": unet(), "te": text()}, torch.Generator().manual_seed(len(name)), {}, []
    for prefix, layer, kind, settings in layers:
        original = layer_of(networks[prefix], layer)
        module = randomised(kind("", original, multiplier, **settings), generator)
        # What it writes of whole differences is told from the layer's own weight only once it is laid on.
        module.apply_to()
        flat = rename[layer] if rename else layer.replace(".", "_")
        flat = f"text_model_{flat}" if prefix == "te" else flat
        file |= {f"lora_{prefix}_{flat}.{key}": value.detach().clone().contiguous() for key, value in module.state_dict().items()}
        modules.append(module)
    tensors[f"{name}.unet"] = painted(networks["unet"])
    if any(prefix == "te" for prefix, *_ in layers):
        tensors[f"{name}.embedded"] = embedded(networks["te"])
    save_file(file, OUT / f"{name}.safetensors")
    return modules, file


shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir()
low = dict(lora_dim=2, alpha=3)
lycoris("locon", [
    ("unet", Q, LoConModule, low), ("unet", CONV, LoConModule, low | dict(use_tucker=True)),
    ("unet", CONV2, LoConModule, low), ("unet", ONE, LoConModule, low), ("te", PROJ, LoConModule, dict(lora_dim=2, alpha=0)),
])
lycoris("loha", [
    ("unet", Q, LohaModule, low), ("unet", CONV, LohaModule, low | dict(use_tucker=True)),
    ("unet", CONV2, LohaModule, low), ("te", FC, LohaModule, low),
])
lycoris("lokr", [
    ("unet", Q, LokrModule, low | dict(factor=2)), ("unet", V, LokrModule, low | dict(full_matrix=True)),
    ("unet", FF, LokrModule, dict(lora_dim=1, alpha=2, factor=4, decompose_both=True)),
    ("unet", CONV, LokrModule, dict(lora_dim=1, alpha=2, factor=2, use_tucker=True)),
    ("unet", CONV2, LokrModule, dict(lora_dim=1, alpha=2, factor=2)), ("te", FC, LokrModule, low | dict(factor=2)),
])
lycoris("full", [
    ("unet", Q, FullModule, {}), ("unet", CONV, FullModule, {}), ("te", FC, FullModule, {}),
    ("unet", "down_blocks.0.resnets.0.norm1", NormModule, {}), ("te", "final_layer_norm", NormModule, {}),
    ("unet", f"{Q[:-len('.attn1.to_q')]}.norm1", NormModule, {}),
])
lycoris("ia3", [
    ("unet", Q, IA3Module, {}), ("unet", V, IA3Module, dict(train_on_input=True)), ("unet", CONV, IA3Module, {}),
    ("unet", CONV2, IA3Module, dict(train_on_input=True)),
])
wd = dict(weight_decompose=True)
dora = [
    ("unet", Q, LoConModule, low | wd), ("unet", V, LoConModule, low | wd | dict(wd_on_out=False)),
    ("unet", CONV, LoConModule, low | wd), ("unet", CONV2, LoConModule, low | wd | dict(wd_on_out=False)),
    ("unet", UP, LohaModule, low | wd), ("unet", K, LokrModule, low | wd | dict(factor=2)), ("te", PROJ, LoConModule, low | wd),
]
modules, _ = lycoris("dora", dora, multiplier=1)
# With another strength the weights' whole change is multiplied, as published samplers have it, so that 0 is none. (LyCORIS
# itself multiplies the norm's change alone.)
half = unet()
with torch.no_grad():
    for (prefix, layer, *_), module in zip(dora, modules):
        if prefix == "unet":
            weight = layer_of(half, layer).weight
            # `merge_to` of LoHa and LoKr counts alpha twice; what a forward adds counts it once.
            delta = module.get_weight(module.shape) if hasattr(module, "get_weight") else module.get_diff_weight(1)[0]
            weight += STRENGTH * (module.apply_weight_decompose(weight + delta.reshape(weight.shape)) - weight)
tensors["dora.part.unet"] = painted(half)
_, file = lycoris("ldm", [("unet", layer, LoConModule, low) for layer in LDM], rename=LDM)
# That those are LDM's names of these layers is diffusers' word.
config = UNet2DConditionModel.load_config(MODEL / "unet")
class Config: layers_per_block = config["layers_per_block"]
mapped = _maybe_map_sgm_blocks_to_diffusers(dict(file), Config)
theirs = {
    "input_blocks": "down_blocks", "middle_block": "mid_block", "output_blocks": "up_blocks", "in_layers_2": "conv1",
    "out_layers_3": "conv2", "_op": "_conv",
}
for one, other in theirs.items():
    mapped = {key.replace(one, other): value for key, value in mapped.items()}
assert {key.split(".")[0] for key in mapped} == {f"lora_unet_{layer.replace('.', '_')}" for layer in LDM}



def peft(name, network, config, run):
    generator = torch.Generator().manual_seed(len(name))
    model = get_peft_model(network, config)
    for key, value in model.named_parameters():
        if value.requires_grad:
            noise = torch.randn(value.shape, generator=generator)
            value.data = value.data * (1 + 0.3 * noise) if "magnitude" in key else 0.5 * noise
    model.save_pretrained(OUT / name)
    (OUT / name / "README.md").unlink(missing_ok=True)
    path = OUT / name / "adapter_config.json"
    path.write_text(json.dumps({
        key: sorted(value) if isinstance(value, (set, list)) and key == "target_modules" else value
        for key, value in json.loads(path.read_text()).items() if key != "base_model_name_or_path"
    }, indent=1, sort_keys=False) + "\n")
    with torch.no_grad():
        tensors[name + (".unet" if run is painted else ".embedded")] = run(model.eval())


targets = ["to_q", "to_v", "conv1", "proj_in", "linear_1", "net.2"]
# The first of several patterns that match counts; names are matched whole or from a dot on.
patterns = dict(rank_pattern={r"attn\d\.to_q": 3, "conv1": 1}, alpha_pattern={r"down.*to_v": 5, "to_v": 6, "o_q": 99, "^to_q": 99})
peft("peft_lora", unet(), LoraConfig(r=2, lora_alpha=8, target_modules=targets, **patterns), painted)
peft("peft_rslora", unet(), LoraConfig(r=4, lora_alpha=6, target_modules=["to_k"], use_rslora=True), painted)
peft("peft_dora", unet(), LoraConfig(r=2, lora_alpha=8, target_modules=targets, use_dora=True, **patterns), painted)
peft("peft_loha", unet(), LoHaConfig(r=2, alpha=3, target_modules=["to_q", "conv1"], use_effective_conv2d=True), painted)
peft("peft_lokr", unet(), LoKrConfig(r=1, alpha=3, target_modules=["to_q", "conv1"], decompose_factor=2), painted)
peft("peft_text", text(), LoraConfig(r=2, lora_alpha=8, target_modules=["q_proj", "fc1"]), embedded)
save_golden("adapters", tensors)
