"""The judge of a model directory in PyTorch, frozen: RFNet with its depth and saliency networks, its preprocessing and
its calibration. Imported by the scripts beside it and by parity/speed.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import DPTConfig, DPTForDepthEstimation, RobertaTokenizer

PARITY = Path(__file__).resolve().parents[1]
sys.path += [str(PARITY / "rfnet"), str(PARITY / "rfnet_maps")]
from reference import RfNet, preprocess, preprocess_product  # noqa: E402
from u2net import U2Net  # noqa: E402


def read(path):
    return json.loads(path.read_text())


def load(network, path, dtype):
    rest = network.load_state_dict(load_file(path), strict=False)
    assert not rest.unexpected_keys and all("num_batches_tracked" in key for key in rest.missing_keys), rest
    return network.to(dtype).eval().requires_grad_(False)


class Judge:
    def __init__(self, model, dtype=torch.float32):
        self.config, depth, saliency = (read(model / f"{part}/config.json") for part in ("rfnet", "depth", "saliency"))
        self.calibration = {"temperature": 1.0, "mirrored": False} | read(model / "rfnet/calibration.json")
        assert not saliency.get("min_max")
        self.network = load(RfNet(self.config), model / "rfnet/model.safetensors", dtype)
        self.depth = load(DPTForDepthEstimation(DPTConfig(**depth)), model / "depth/model.safetensors", dtype)
        network = U2Net(saliency["encoder"], saliency["decoder"])
        self.saliency = load(network, model / "saliency/model.safetensors", dtype)
        self.inputs = {"depth": depth, "saliency": saliency}
        self.tokenizer = RobertaTokenizer.from_pretrained(model / "rfnet")

    def captions(self, titles):
        """Ids and mask of titles, padded to the longest."""
        tokens = self.tokenizer(
            titles, padding=True, truncation=True, max_length=self.config["max_caption_tokens"], return_tensors="pt"
        )
        return tokens.input_ids, tokens.attention_mask.bool()

    def seen(self, picture, network):
        """The picture as the depth or the saliency network takes it."""
        config = self.inputs[network]
        small = F.interpolate(picture, (config["image_size"],) * 2, mode="bilinear", antialias=True)
        shape = dict(dtype=picture.dtype)
        mean, std = (torch.tensor(config[key], **shape).view(1, 3, 1, 1) for key in ("image_mean", "image_std"))
        return (small - mean) / std

    def maps(self, picture):
        """Depth and saliency `[n, 1, h, w]` in 0..1: the depth by each picture's least and greatest value."""
        size = picture.shape[2:]
        depth = self.depth(self.seen(picture, "depth")).predicted_depth[:, None]
        depth = F.interpolate(depth, size, mode="bilinear")
        least, most = depth.amin((2, 3), keepdim=True), depth.amax((2, 3), keepdim=True)
        saliency = torch.sigmoid(self.saliency(self.seen(picture, "saliency"))[0])
        return (depth - least) / (most - least), F.interpolate(saliency, size, mode="bilinear")

    def log_probabilities(self, picture, product, captions, detach_maps=True):
        """Calibrated log-probabilities `[n, classes]` of pictures `[n, 3, h, w]` and products `[n, 4, h, w]`, both in
        0..1. Maps are estimated once; with `detach_maps` they carry no gradients."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not detach_maps):
            depth, saliency = self.maps(picture)
        settings = self.config["preprocess"]
        looks = [
            {
                "product": preprocess_product(settings, product),
                "generated": preprocess(settings, picture),
                "depth": preprocess(settings, depth.expand(-1, 3, -1, -1)),
                "saliency": preprocess(settings, saliency.expand(-1, 3, -1, -1)),
            }
        ]
        if self.calibration["mirrored"]:
            looks.append({name: image.flip(3) for name, image in looks[0].items()})
        logits = sum(self.network(images, *captions) for images in looks) / len(looks)
        return F.log_softmax(logits / self.calibration["temperature"], 1)
