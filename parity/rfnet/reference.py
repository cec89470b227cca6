"""RFNet in plain PyTorch, written from the method's description, and tiny torchvision ResNets to build it from.

Imported by the golden scripts beside it. Image encoders are torchvision's classes, the text encoder is transformers'
RobertaModel, resizing is torch's antialiased bilinear; filter and fusion are the formulas.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from transformers import RobertaConfig, RobertaModel

FIXTURES = pathlib.Path(__file__).parents[2] / "crates/reliad-rfnet/tests/fixtures"
IMAGES = ("product", "generated", "depth", "saliency")


def deterministic(seed):
    torch.set_num_threads(1)
    torch.manual_seed(seed)


class TinyResNet(ResNet):
    """torchvision's ResNet with its fixed width of 64 replaced by `base_width`."""

    def __init__(self, config):
        self.narrow = 64 // config["base_width"]
        block = {"basic": BasicBlock, "bottleneck": Bottleneck}[config["block"]]
        super().__init__(
            block,
            config["layers"],
            groups=config.get("groups", 1),
            width_per_group=config.get("width_per_group", 64),
            replace_stride_with_dilation=config.get("replace_stride_with_dilation"),
        )
        width = config["base_width"]
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        classes = config.get("num_classes")
        channels = width * 8 * block.expansion
        self.fc = nn.Linear(channels, classes) if classes else nn.Identity()

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes = 64 // self.narrow
        return super()._make_layer(block, planes // self.narrow, blocks, stride, dilate)

    def features(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def randomise(module):
    """Random values everywhere, norms and running statistics included, so that no mistake can hide behind 0 or 1."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif name.endswith("num_batches_tracked") or not value.is_floating_point():
                continue
            elif value.dim() == 1:
                center = 1.0 if name.endswith("weight") else 0.0
                value.normal_(center, 0.2)
            else:
                value.normal_(0.0, (2.0 / value[0].numel()) ** 0.5)
    return module.eval()


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.heads = heads

    def forward(self, queries, context, mask=None):
        def heads(x):
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        mask = None if mask is None else mask[:, None, None, :]
        q, k, v = heads(self.query(queries)), heads(self.key(context)), heads(self.value(context))
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.output(out.transpose(1, 2).flatten(2))


class FeatureFilter(nn.Module):
    """e_f = Conv(Conv(CrossAttn(Q=e_o, K=V=e_c)) * Conv(e_o)) + e_o"""

    def __init__(self, width, heads, kernel):
        super().__init__()
        self.attention = Attention(width, heads)
        self.attended_conv, self.product_conv, self.output_conv = (
            nn.Conv2d(width, width, kernel, padding=kernel // 2) for _ in range(3)
        )

    def forward(self, e_o, e_c, mask):
        tokens = e_o.flatten(2).transpose(1, 2)
        attended = self.attention(tokens, e_c, mask).transpose(1, 2).reshape(e_o.shape)
        return self.output_conv(self.attended_conv(attended) * self.product_conv(e_o)) + e_o


class FusionLayer(nn.Module):
    def __init__(self, width, heads, hidden, norm):
        super().__init__()
        self.attention = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.pre = norm == "pre"

    def feed(self, x):
        return self.linear2(F.gelu(self.linear1(x)))

    def forward(self, x, mask):
        if self.pre:
            y = self.norm1(x)
            x = x + self.attention(y, y, mask)
            return x + self.feed(self.norm2(x))
        x = self.norm1(x + self.attention(x, x, mask))
        return self.norm2(x + self.feed(x))


class RfNet(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        width, heads, self.on = config["width"], config["heads"], config["inputs"]
        encoder = config["image_encoder"]
        images = [name for name in IMAGES if self.on[name]]
        shared = config["shared_image_encoder"]
        names = ["shared"] if shared else images
        self.image_encoder = nn.ModuleDict({name: TinyResNet(encoder) for name in names})
        channels = encoder["base_width"] * 8 * (4 if encoder["block"] == "bottleneck" else 1)
        self.projection = nn.ModuleDict({name: nn.Conv2d(channels, width, 1) for name in images})
        if self.on["caption"]:
            text = RobertaConfig(**config["text_encoder"])
            self.text_encoder = RobertaModel(text, add_pooling_layer=False)
            self.caption_projection = nn.Linear(text.hidden_size, width)
        filters = config["filter_layers"] if self.on["caption"] and self.on["product"] else 0
        self.feature_filter = nn.ModuleList(
            FeatureFilter(width, heads, config["filter_kernel"]) for _ in range(filters)
        )
        tokens = (config["preprocess"]["image_size"] // 32) ** 2
        if config["position_embedding"]:
            self.position_embedding = nn.Parameter(torch.zeros(tokens, width))
        if config["modality_embedding"]:
            self.modality_embedding = nn.Parameter(torch.zeros(4, width))
        self.fusion = nn.ModuleList(
            FusionLayer(width, heads, config["fusion_feed_forward"], config["fusion_norm"])
            for _ in range(config["fusion_layers"])
        )
        if config["fusion_norm"] == "pre":
            self.fusion_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config["classes"])

    def image_tokens(self, feature, stream):
        x = feature.flatten(2).transpose(1, 2)
        if self.config["position_embedding"]:
            x = x + self.position_embedding
        return self.mark(x, stream)

    def mark(self, x, stream):
        return x + self.modality_embedding[stream] if self.config["modality_embedding"] else x

    def forward(self, images, ids=None, mask=None):
        features = {}
        for name in self.projection:
            encoder = self.image_encoder["shared" if "shared" in self.image_encoder else name]
            features[name] = self.projection[name](encoder.features(images[name]))
        tokens, reach = [], []
        if self.on["caption"]:
            e_c = self.text_encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
            e_c = self.caption_projection(e_c)
        if self.on["product"]:
            e_f = features["product"]
            for block in self.feature_filter:
                e_f = block(e_f, e_c, mask)
            tokens.append(self.image_tokens(e_f, 0))
        elif self.on["caption"]:
            tokens.append(self.mark(e_c, 0))
            reach.append(mask)
        for stream, name in enumerate(IMAGES[1:], 1):
            if self.on[name]:
                tokens.append(self.image_tokens(features[name], stream))
        x = torch.cat(tokens, 1)
        if reach:
            images_reach = torch.ones(x.shape[0], x.shape[1] - mask.shape[1], dtype=torch.bool)
            reach = torch.cat([mask, images_reach], 1)
        else:
            reach = torch.ones(x.shape[:2], dtype=torch.bool)
        for layer in self.fusion:
            x = layer(x, reach)
        if self.config["fusion_norm"] == "pre":
            x = self.fusion_norm(x)
        pooled = torch.stack([row[keep].mean(0) for row, keep in zip(x, reach)])
        return self.head(pooled)


def preprocess(config, picture):
    """[n, 3 or 1, h, w] in [0, 1] -> [n, 3, s, s] normalised."""
    size = config["image_size"]
    x = F.interpolate(picture, (size, size), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("image_mean", "image_std"))
    return (x - mean) / std


def preprocess_product(config, rgba):
    colour, alpha = rgba[:, :3], rgba[:, 3:]
    background = torch.tensor(config["product_background"]).view(1, 3, 1, 1)
    return preprocess(config, colour * alpha + background * (1 - alpha))


def weights(module):
    return {
        name: value.contiguous()
        for name, value in module.state_dict().items()
        if value.is_floating_point()
    }


def write(case, config, module, golden):
    """A model directory `case`: config.json, model.safetensors, and golden.safetensors with inputs and outputs."""
    folder = FIXTURES / case
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_file(weights(module), folder / "model.safetensors")
    golden = {name: value.detach().contiguous() for name, value in golden.items()}
    save_file(golden, folder / "golden.safetensors")
