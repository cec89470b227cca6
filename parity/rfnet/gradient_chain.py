"""The reward's gradient chain: UNet (guided) -> x0 -> VAE decoder -> preprocessing -> RFNet -> -log p(Available).

UNet and VAE are diffusers' classes at tiny configs with random weights; RFNet is the plain PyTorch one with the weights
of the fixture `rfnet` (run rfnet.py first). Gradients with respect to the latents and to some UNet weights.
"""

import json

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from reference import (
    FIXTURES,
    RfNet,
    deterministic,
    preprocess,
    preprocess_product,
    randomise,
)
from safetensors.torch import load_file, save_file

deterministic(30)
unet = UNet2DConditionModel(
    block_out_channels=[8, 16],
    layers_per_block=1,
    norm_num_groups=4,
    cross_attention_dim=12,
    attention_head_dim=4,
    down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
)
vae = AutoencoderKL(
    block_out_channels=[8, 8, 16],
    down_block_types=["DownEncoderBlock2D"] * 3,
    up_block_types=["UpDecoderBlock2D"] * 3,
    layers_per_block=1,
    norm_num_groups=4,
    latent_channels=4,
)
folder = FIXTURES / "gradient_chain"
for name, network in (("unet", unet), ("vae", vae)):
    randomise(network).save_pretrained(folder / name)

config = json.loads((FIXTURES / "rfnet/config.json").read_text())
rfnet = RfNet(config)
# Buffers that count batches are not in the file.
rest = rfnet.load_state_dict(load_file(FIXTURES / "rfnet/model.safetensors"), strict=False)
assert not rest.unexpected_keys and all("num_batches_tracked" in key for key in rest.missing_keys)
rfnet.eval()

ALPHA, GUIDANCE, TIMESTEP = 0.7, 2.5, 81.0
latents = torch.randn(2, 4, 12, 10, requires_grad=True)
text, no_text = torch.randn(2, 5, 12), torch.randn(1, 5, 12).expand(2, -1, -1)
product = torch.rand(2, 4, 48, 40)
depth, saliency = torch.rand(2, 1, 48, 40), torch.rand(2, 1, 48, 40)
ids = torch.tensor([[0, 7, 21, 2], [0, 50, 2, 1]])

steps = torch.full((4,), TIMESTEP)
both = unet(torch.cat([latents, latents]), steps, torch.cat([no_text, text])).sample
eps_u, eps_t = both.chunk(2)
eps = eps_u + GUIDANCE * (eps_t - eps_u)
x0 = (latents - (1 - ALPHA) ** 0.5 * eps) / ALPHA**0.5
picture = (vae.decode(x0 / vae.config.scaling_factor).sample / 2 + 0.5).clamp(0, 1)
settings = config["preprocess"]
images = {
    "product": preprocess_product(settings, product),
    "generated": preprocess(settings, picture),
    "depth": preprocess(settings, depth),
    "saliency": preprocess(settings, saliency),
}
loss = -F.log_softmax(rfnet(images, ids, ids != 1), -1)[:, 0].mean()
saturated = ((picture == 0) | (picture == 1)).float().mean().item()
print(f"loss {loss.item():.4f}, {saturated:.0%} of the pixels saturated")

WEIGHTS = {
    "conv_in": unet.conv_in.weight,
    "time": unet.time_embedding.linear_1.weight,
    "to_k": unet.mid_block.attentions[0].transformer_blocks[0].attn2.to_k.weight,
    "up_conv": unet.up_blocks[1].resnets[0].conv1.weight,
    "norm": unet.down_blocks[0].resnets[0].norm1.weight,
    "conv_out": unet.conv_out.bias,
}
gradients = torch.autograd.grad(loss, [latents, *WEIGHTS.values()])
golden = {
    "latents": latents,
    "text": text,
    "no_text": no_text,
    "product": product,
    "depth": depth,
    "saliency": saliency,
    "ids": ids,
    "loss": loss[None],
    "picture": picture,
    "gradient.latents": gradients[0],
    **{f"gradient.{name}": value for name, value in zip(WEIGHTS, gradients[1:])},
}
save_file({k: v.detach().contiguous() for k, v in golden.items()}, folder / "golden.safetensors")
