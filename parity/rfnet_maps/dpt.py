"""Goldens of DPT from transformers' `DPTForDepthEstimation`, and the keys of DPT-large.

Writes, beside the tests of reliad-rfnet:
- fixtures/dpt_<case>/{config.json,model.safetensors}: a tiny network, as transformers saves it
- fixtures/dpt_<case>/golden.safetensors: `picture`, `depth`, and the gradient of sum(depth * cotangent) by the picture
  (case `add_norm` also: `photo` in 0..1 of another size, and `estimate`, the whole way to a map of its size in 0..1)
- fixtures/keys/dpt_large.json: {name: shape} of the real network

Run: python parity/rfnet_maps/dpt.py
"""

import json
from pathlib import Path

import torch
from random_weights import randomise
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import DPTConfig, DPTForDepthEstimation

FIXTURES = Path(__file__).parents[2] / "crates/reliad-rfnet/tests/fixtures"
SMALL = dict(
    hidden_size=32,
    num_hidden_layers=5,
    num_attention_heads=4,
    intermediate_size=48,
    image_size=32,
    patch_size=8,
    backbone_out_indices=[0, 1, 3, 4],
    neck_hidden_sizes=[8, 12, 16, 16],
    fusion_hidden_size=12,
)
# (case, config, height, width): 40 x 24 and 24 x 56 are grids of 5 x 3 and 3 x 7, so positions are interpolated, and
# halved maps do not double to the size of the next.
CASES = [
    ("project", SMALL | dict(readout_type="project"), 40, 24),
    ("add_norm", SMALL | dict(readout_type="add", use_batch_norm_in_fusion_residual=True, qkv_bias=False), 32, 32),
    (
        "ignore",
        SMALL
        | dict(
            readout_type="ignore",
            reassemble_factors=[2, 1, 0.5, 0.25],
            use_batch_norm_in_fusion_residual=True,
            use_bias_in_fusion_residual=True,
            head_in_index=2,
            layer_norm_eps=1e-3,
        ),
        24,
        56,
    ),
]


def depth_of(model, picture):
    """The class's own forward for its own grid; for others its parts, told the grid that it would take for square."""
    size, patch = model.config.image_size, model.config.patch_size
    height, width = picture.shape[2:]
    if (height, width) == (size, size):
        return model(picture).predicted_depth
    states = model.dpt(picture, output_hidden_states=True).hidden_states[1:]
    states = [state for index, state in enumerate(states) if index in model.config.backbone_out_indices]
    return model.head(model.neck(states, height // patch, width // patch))


def golden(case, config, height, width, seed):
    model = DPTForDepthEstimation(DPTConfig(**config)).eval()
    randomise(model, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    picture = torch.randn(2, 3, height, width, generator=generator, requires_grad=True)
    with torch.no_grad():
        # The network ends in a ReLU: three quarters of its output shall be above it, the rest below.
        before = []
        hook = model.head.head[4].register_forward_hook(lambda _, __, output: before.append(output))
        depth_of(model, picture)
        hook.remove()
        model.head.head[4].bias.sub_(before[0].quantile(0.25))
    depth = depth_of(model, picture)
    cotangent = torch.randn(depth.shape, generator=generator)
    (depth * cotangent).sum().backward()
    positive = (depth > 0).float().mean().item()
    print(case, tuple(depth.shape), f"positive {positive:.2f}, spread {depth.std().item():.3f}")
    assert 0.5 < positive < 1.0
    model.save_pretrained(FIXTURES / f"dpt_{case}")
    (FIXTURES / f"dpt_{case}" / "generation_config.json").unlink(missing_ok=True)
    tensors = {
        "picture": picture.detach(),
        "depth": depth.detach().unsqueeze(1).contiguous(),
        "cotangent": cotangent.unsqueeze(1).contiguous(),
        "picture_grad": picture.grad,
    }
    if case == "add_norm":
        tensors |= estimate(model, torch.rand(2, 3, 50, 70, generator=generator))
    save_file(tensors, FIXTURES / f"dpt_{case}" / "golden.safetensors")


def estimate(model, photo):
    size = (model.config.image_size,) * 2
    picture = F.interpolate(photo, size, mode="bilinear", align_corners=False, antialias=True)
    with torch.no_grad():
        depth = model((picture - 0.5) / 0.5).predicted_depth.unsqueeze(1)
    depth = F.interpolate(depth, photo.shape[2:], mode="bilinear", align_corners=False)
    least, most = depth.amin((2, 3), keepdim=True), depth.amax((2, 3), keepdim=True)
    return {"photo": photo, "estimate": (depth - least) / (most - least)}


def large_keys():
    config = dict(
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        image_size=384,
        patch_size=16,
        backbone_out_indices=[5, 11, 17, 23],
        neck_hidden_sizes=[256, 512, 1024, 1024],
        fusion_hidden_size=256,
    )
    with torch.device("meta"):
        model = DPTForDepthEstimation(DPTConfig(**config))
    shapes = {name: list(tensor.shape) for name, tensor in sorted(model.state_dict().items())}
    (FIXTURES / "keys/dpt_large.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")
    print(len(shapes), "keys of DPT-large")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, case in enumerate(CASES):
        golden(*case, seed=100 * (index + 1))
    large_keys()
