"""Goldens of U2-Net from an independent PyTorch version, and the keys of the published networks.

No package ships a class for U2-Net. This one is written from the paper (2005.09007, table 1 and figure 5) with the
public repository's parameter names. `--onnx NAME=FILE` holds it against a published ONNX export: the shapes of all
convolutions in the order of execution, and the number of tensors.

Writes, beside the tests of reliad-rfnet:
- fixtures/u2net_tiny/{config.json,model.safetensors}: all stages of different widths
- fixtures/u2net_tiny/golden.safetensors: `picture` of odd size, `fused`, `side1` .. `side6` (logits) with running statistics;
  the gradient of sum(fused * cotangent) by the picture; `trained`: fused with the batch's statistics; `photo` in 0..1
  of another size, and `estimate`, the whole way to a map of its size in 0..1
- fixtures/keys/{u2net,u2netp}.json: {name: shape} of the published networks

Run: python parity/rfnet_maps/u2net.py
"""

import argparse
import json
from pathlib import Path

import torch
from random_weights import randomise
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

FIXTURES = Path(__file__).parents[2] / "crates/reliad-rfnet/tests/fixtures"

FULL = dict(
    encoder=[[32, 64], [32, 128], [64, 256], [128, 512], [256, 512], [256, 512]],
    decoder=[[16, 64], [32, 64], [64, 128], [128, 256], [256, 512]],
)
SMALL = dict(encoder=[[16, 64]] * 6, decoder=[[16, 64]] * 5)
TINY = dict(
    encoder=[[2, 4], [3, 5], [2, 6], [4, 8], [3, 6], [2, 7]],
    decoder=[[3, 4], [2, 5], [4, 6], [3, 7], [2, 8]],
)


class Unit(nn.Module):
    def __init__(self, inp, out, dilation):
        super().__init__()
        self.conv_s1 = nn.Conv2d(inp, out, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(out)

    def forward(self, x):
        return F.relu(self.bn_s1(self.conv_s1(x)))


class Block(nn.Module):
    """RSU-`levels`, or RSU-4F when `flat`. Written recursively: level k wraps level k + 1."""

    def __init__(self, levels, flat, inp, mid, out):
        super().__init__()
        self.levels, self.flat = levels, flat
        self.rebnconvin = Unit(inp, out, 1)
        for k in range(1, levels + 1):
            dilation = 2 ** (k - 1) if flat else (2 if k == levels else 1)
            self.add_module(f"rebnconv{k}", Unit(out if k == 1 else mid, mid, dilation))
        for k in range(levels - 1, 0, -1):
            dilation = 2 ** (k - 1) if flat else 1
            self.add_module(f"rebnconv{k}d", Unit(2 * mid, out if k == 1 else mid, dilation))

    def inner(self, k, x):
        here = getattr(self, f"rebnconv{k}")(x)
        if k == self.levels:
            return here
        below = here
        if not self.flat and k < self.levels - 1:
            below = F.max_pool2d(here, 2, 2, ceil_mode=True)
        below = self.inner(k + 1, below)
        below = F.interpolate(below, size=here.shape[2:], mode="bilinear", align_corners=False)
        return getattr(self, f"rebnconv{k}d")(torch.cat([below, here], 1))

    def forward(self, x):
        x = self.rebnconvin(x)
        return self.inner(1, x) + x


class U2Net(nn.Module):
    def __init__(self, encoder, decoder, in_channels=3):
        super().__init__()
        kinds = [(7, False), (6, False), (5, False), (4, False), (4, True), (4, True)]
        channels = in_channels
        for k in range(6):
            self.add_module(f"stage{k + 1}", Block(*kinds[k], channels, *encoder[k]))
            channels = encoder[k][1]
        for k in reversed(range(5)):
            inp = channels + encoder[k][1]
            self.add_module(f"stage{k + 1}d", Block(*kinds[k], inp, *decoder[k]))
            channels = decoder[k][1]
        for k in range(6):
            width = decoder[k][1] if k < 5 else encoder[5][1]
            self.add_module(f"side{k + 1}", nn.Conv2d(width, 1, 3, padding=1))
        self.outconv = nn.Conv2d(6, 1, 1)

    def forward(self, picture):
        down, x = [], picture
        for k in range(1, 7):
            x = getattr(self, f"stage{k}")(x)
            down.append(x)
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        maps = {6: down[5]}
        for k in range(5, 0, -1):
            skip = down[k - 1]
            below = F.interpolate(maps[k + 1], size=skip.shape[2:], mode="bilinear", align_corners=False)
            maps[k] = getattr(self, f"stage{k}d")(torch.cat([below, skip], 1))
        sides = []
        for k in range(1, 7):
            side = getattr(self, f"side{k}")(maps[k])
            sides.append(F.interpolate(side, size=picture.shape[2:], mode="bilinear", align_corners=False))
        return [self.outconv(torch.cat(sides, 1)), *sides]


def config_of(widths):
    return dict(model_type="u2net", in_channels=3, **widths)


def golden():
    model = U2Net(**TINY).eval()
    randomise(model, 7)
    generator = torch.Generator().manual_seed(8)
    picture = torch.randn(2, 3, 37, 50, generator=generator, requires_grad=True)
    fused, *sides = model(picture)
    cotangent = torch.randn(fused.shape, generator=generator)
    (fused * cotangent).sum().backward()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    photo = torch.rand(2, 3, 50, 70, generator=generator)
    small = F.interpolate(photo, (32, 32), mode="bilinear", align_corners=False, antialias=True)
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
    with torch.no_grad():
        estimate = torch.sigmoid(model((small - mean) / std)[0])
        estimate = F.interpolate(estimate, photo.shape[2:], mode="bilinear", align_corners=False)
        trained = model.train()(picture.detach())[0]
    print("tiny", tuple(fused.shape), f"spread {fused.std().item():.3f}, by batch {trained.std().item():.3f}")
    folder = FIXTURES / "u2net_tiny"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config_of(TINY) | dict(image_size=32)) + "\n")
    save_file(weights, folder / "model.safetensors")
    tensors = {
        "picture": picture.detach(),
        "fused": fused.detach(),
        "cotangent": cotangent,
        "picture_grad": picture.grad,
        "trained": trained,
        "photo": photo,
        "estimate": estimate,
    }
    tensors |= {f"side{k + 1}": side.detach() for k, side in enumerate(sides)}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "golden.safetensors")


def executed_convolutions(model):
    """Shapes of all convolutions in the order of execution."""
    shapes = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, *_: shapes.append(list(module.weight.shape)))
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, 32, 32))
    return shapes


def check_onnx(name, file, model):
    import onnx

    graph = onnx.load(file).graph
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    theirs = [weights[node.input[1]] for node in graph.node if node.op_type == "Conv"]
    ours = executed_convolutions(model)
    # The export runs each side convolution in its own place; compare in order and as a whole.
    blocks = lambda shapes: [shape for shape in shapes if shape[0] != 1]
    assert blocks(theirs) == blocks(ours), f"{name}: other convolutions"
    assert sorted(theirs) == sorted(ours), f"{name}: other convolutions"
    print(f"{name}: {len(theirs)} convolutions agree with {Path(file).name}")


def keys(onnx_files):
    for name, widths in [("u2net", FULL), ("u2netp", SMALL)]:
        model = U2Net(**widths)
        if name in onnx_files:
            check_onnx(name, onnx_files[name], model)
        shapes = {key: list(tensor.shape) for key, tensor in sorted(model.state_dict().items())}
        (FIXTURES / f"keys/{name}.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")
        count = sum(tensor.numel() for tensor in model.parameters())
        kept = sum(not key.endswith("num_batches_tracked") for key in shapes)
        print(f"{name}: {count} parameters, {kept} tensors that matter")


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--onnx", action="append", default=[], metavar="NAME=FILE")
    golden()
    keys(dict(entry.split("=", 1) for entry in parser.parse_args().onnx))
