"""The tiny model directory of this folder's goldens, and what two items are painted from; run this file first.

Writes, beside the tests of reliad-tuning:
- fixtures/model: a whole model directory (tokenizer, text_encoder, unet, vae, controlnet, scheduler; rfnet, depth,
  saliency), random weights in the classes of diffusers, transformers and this repository's PyTorch references;
  `scheduler/{sample,velocity,epsilon}.json` beside the file that a model has, which is the first of them
- fixtures/reference: another ControlNet near the first, from which tuning is held to have started
- fixtures/given.safetensors: what is painted, as `given` says
- fixtures/encoded.safetensors: the same encoded, as `Painter` says

Imported by the scripts beside it, which compute in double precision: a golden has no rounding of its own.
"""

import json
import shutil
import sys
from pathlib import Path

import cv2
import diffusers
import numpy as np
import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, DPTConfig, DPTForDepthEstimation
from transformers import RobertaTokenizer

PARITY = Path(__file__).resolve().parents[1]
sys.path += [str(PARITY / "rfnet"), str(PARITY / "rfnet_maps")]
import random_weights  # noqa: E402
from reference import RfNet, randomise, weights  # noqa: E402
from u2net import U2Net, config_of  # noqa: E402

torch.set_num_threads(1)
diffusers.logging.set_verbosity_error()
CRATES = PARITY.parent / "crates"
FIXTURES = CRATES / "reliad-tuning/tests/fixtures"
MODEL, REFERENCE = FIXTURES / "model", FIXTURES / "reference"
HEIGHT, WIDTH, ITEMS, CHANNELS = 48, 40, 2, 4
LATENTS = (ITEMS, CHANNELS, HEIGHT // 8, WIDTH // 8)
MOST_STEPS = 7
CONTROL_SCALE = 0.8
PROMPTS = ["a small red ceramic vase on a white marble table", "a lamp on a desk, soft light"]
NEGATIVES = ["plain wall", "clutter"]
TITLES = ["ceramic mug 350 ml with a round handle", "desk lamp, brushed steel"]
# Canny's thresholds and the side of the mask's square, as the painter would be told them.
CANNY, KERNEL = (100, 200), 4
BETAS = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False)
ZERO_SNR = dict(timestep_spacing="trailing", rescale_betas_zero_snr=True)
SCHEDULES = {
    # That of `mini`.
    "sample": BETAS | ZERO_SNR | dict(prediction_type="sample"),
    "velocity": BETAS | ZERO_SNR | dict(prediction_type="v_prediction"),
    # That of Stable Diffusion 1.5.
    "epsilon": BETAS | dict(steps_offset=1, set_alpha_to_one=False, prediction_type="epsilon"),
}
RFNET = {
    "_class_name": "RFNet",
    "preprocess": {
        "image_size": 64,
        "image_mean": [0.48, 0.45, 0.4],
        "image_std": [0.23, 0.22, 0.25],
        "product_background": [1.0, 0.9, 0.8],
    },
    "image_encoder": {"block": "basic", "layers": [1, 1, 1, 1], "base_width": 2},
    "shared_image_encoder": True,
    "text_encoder": {
        "vocab_size": 0,
        "hidden_size": 12,
        "num_hidden_layers": 1,
        "num_attention_heads": 3,
        "intermediate_size": 16,
        "max_position_embeddings": 26,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 1,
    },
    "max_caption_tokens": 24,
    "width": 16,
    "heads": 4,
    "filter_layers": 1,
    "filter_kernel": 1,
    "fusion_layers": 2,
    "fusion_feed_forward": 24,
    "fusion_norm": "pre",
    "position_embedding": True,
    "modality_embedding": True,
    "dropout": 0.1,
    "inputs": dict.fromkeys(("product", "generated", "depth", "saliency", "caption"), True),
    "classes": 5,
}
CALIBRATION = {"version": 1, "temperature": 1.3, "mirrored": True}
HALF, MEAN, STD = [0.5] * 3, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
DEPTH = dict(
    hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24, image_size=32, patch_size=8,
    backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[4, 6, 8, 8], fusion_hidden_size=6, readout_type="ignore",
    reassemble_factors=[2, 1, 0.5, 0.25], use_batch_norm_in_fusion_residual=False, image_mean=HALF, image_std=HALF,
)
SALIENCY = config_of(dict(encoder=[[2, 3]] * 6, decoder=[[2, 3]] * 5)) | dict(
    image_size=32, image_mean=MEAN, image_std=STD, min_max=False
)


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


def write_painter():
    """Weights of variance-preserving size, norms and biases away from 1 and 0, zero convolutions among them."""
    diffusion = CRATES / "reliad-diffusion/tests/fixtures/inpaint/tokenizer"
    shutil.copytree(diffusion, MODEL / "tokenizer", dirs_exist_ok=True)
    tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    unet = UNet2DConditionModel(
        block_out_channels=[8, 12], layers_per_block=1, norm_num_groups=4, cross_attention_dim=12,
        attention_head_dim=2, down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"],
        up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
    )
    vae = AutoencoderKL(
        block_out_channels=[4, 4, 4, 8], layers_per_block=1, norm_num_groups=4, scaling_factor=0.7,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
        mid_block_add_attention=False,
    )
    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 8, 8))
    parts = dict(text_encoder=CLIPTextModel(text), unet=unet, vae=vae, controlnet=controlnet)
    for seed, (component, module) in enumerate(parts.items()):
        random_weights.randomise(module, seed)
        if component == "vae":
            # Pictures that are neither flat nor saturated.
            with torch.no_grad():
                vae.decoder.conv_out.weight.mul_(0.5)
        module.save_pretrained(MODEL / component)
    generator = torch.Generator().manual_seed(10)
    with torch.no_grad():
        for weight in controlnet.parameters():
            weight += 0.15 * weight.std() * torch.randn(weight.shape, generator=generator)
    controlnet.save_pretrained(REFERENCE)
    for name, fields in SCHEDULES.items():
        write_json(MODEL / f"scheduler/{name}.json", fields | dict(_class_name="DDIMScheduler"))
    shutil.copy(MODEL / "scheduler/sample.json", MODEL / "scheduler/scheduler_config.json")
    shutil.copy(PARITY.parent / "models/mini/model_index.json", MODEL / "model_index.json")


def write_judge():
    roberta = CRATES / "reliad-rfnet/tests/fixtures/roberta"
    for directory in ("rfnet", "depth", "saliency"):
        (MODEL / directory).mkdir(parents=True, exist_ok=True)
    for file in ("vocab.json", "merges.txt"):
        shutil.copy(roberta / file, MODEL / "rfnet")
    RFNET["text_encoder"]["vocab_size"] = len(RobertaTokenizer.from_pretrained(MODEL / "rfnet"))
    torch.manual_seed(20)
    write_json(MODEL / "rfnet/config.json", RFNET)
    write_json(MODEL / "rfnet/calibration.json", CALIBRATION)
    save_file(weights(randomise(RfNet(RFNET))), MODEL / "rfnet/model.safetensors")
    depth = DPTForDepthEstimation(DPTConfig(**DEPTH)).eval()
    random_weights.randomise(depth, 21)
    with torch.no_grad():
        # Its last ReLU shall let everything through, so that the least value stands at one place.
        depth.head.head[4].bias.fill_(3.0)
    depth.save_pretrained(MODEL / "depth")
    saliency = U2Net(SALIENCY["encoder"], SALIENCY["decoder"]).eval()
    random_weights.randomise(saliency, 22)
    write_json(MODEL / "saliency/config.json", SALIENCY)
    kept = {name: value for name, value in saliency.state_dict().items() if not name.endswith("num_batches_tracked")}
    save_file(kept, MODEL / "saliency/model.safetensors")


def products():
    """A disc and a box, soft at the rim, as bytes `[n, H, W, 4]`; black where invisible."""
    generator = np.random.default_rng(30)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    inside = [11.5 - np.hypot(rows - 27, columns - 18), np.minimum(9.5 - abs(rows - 30), 12.5 - abs(columns - 22))]
    pictures = []
    for distance in inside:
        alpha = np.clip(distance + 0.5, 0, 1)[..., None]
        colour = 120 + 80 * np.sin(rows[..., None] / 5 + [0, 2, 4]) + generator.normal(0, 20, (HEIGHT, WIDTH, 3))
        colour = np.clip(colour, 0, 255) * (alpha > 0)
        pictures.append(np.concatenate([colour, 255 * alpha], -1).round().astype(np.uint8))
    return np.stack(pictures)


def over(rgba, grey):
    """The product on a ground of one grey, in bytes as the painter's conditions are made."""
    colour, alpha = rgba[..., :3].astype(np.uint32), rgba[..., 3:].astype(np.uint32)
    return ((colour * alpha + grey * (255 - alpha) + 127) // 255).astype(np.uint8)


def given():
    """What is painted:
    - product `[n, 4, H, W]` straight-alpha RGBA in 0..1; edges `[n, 3, H, W]` 0 or 1, Canny's of the product on black;
      known `[n, 3, H, W]` in -1..1, the product on grey; paint `[n, 1, H, W]`, 1 where the scene may be painted
    - ids `[n, tokens]`, the titles' tokens, padded
    - noise `[n, 4, h, w]`, from which runs start; fresh `[steps, n, 4, h, w]`, row i of it for step i
    - clean and other `[n, 4, h, w]`, stand for latents of finished pictures
    """
    rgba = products()
    canny = [cv2.Canny(cv2.cvtColor(over(picture, 0), cv2.COLOR_RGB2GRAY), *CANNY) for picture in rgba]
    paint = [cv2.dilate(255 - picture[..., 3], np.ones((KERNEL, KERNEL), np.uint8)) for picture in rgba]

    def planes(pictures):
        return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255

    def noise(seed, *shape):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    return {
        "product": planes(rgba),
        "edges": planes([np.repeat(picture[..., None], 3, -1) for picture in canny]),
        "known": planes([over(picture, 127) for picture in rgba]) * 2 - 1,
        "paint": planes([picture[..., None] for picture in paint]),
        "ids": RobertaTokenizer.from_pretrained(MODEL / "rfnet")(TITLES, padding=True, return_tensors="pt").input_ids,
        "noise": noise(31, *LATENTS),
        "fresh": noise(32, MOST_STEPS, *LATENTS),
        "clean": noise(33, *LATENTS),
        "other": noise(34, *LATENTS),
    }


class Schedule(DDIMScheduler):
    """diffusers' DDIM with its schedule in double precision. The variance can't exceed by rounding what is left of it:
    its square root is NaN there at eta 1 and zero SNR."""

    @classmethod
    def named(cls, name):
        schedule = cls(**SCHEDULES[name])
        config = schedule.config
        betas = torch.linspace(config.beta_start**0.5, config.beta_end**0.5, 1000, dtype=torch.float64) ** 2
        if config.rescale_betas_zero_snr:
            betas = rescale_zero_terminal_snr(betas)
        schedule.alphas_cumprod = torch.cumprod(1 - betas, 0)
        clean = torch.tensor(1.0, dtype=torch.float64)
        schedule.final_alpha_cumprod = clean if config.set_alpha_to_one else schedule.alphas_cumprod[0]
        return schedule

    def _get_variance(self, timestep, prev_timestep):
        return super()._get_variance(timestep, prev_timestep) * (1 - 1e-12)

    def level(self, t):
        """Shares of the clean latents and of noise at timesteps `t`, a number or `[n]`, to multiply `[n, c, h, w]`."""
        alpha = self.alphas_cumprod[t].reshape(-1, 1, 1, 1)
        return alpha**0.5, (1 - alpha) ** 0.5

    def noised(self, clean, noise, t):
        signal, spread = self.level(t)
        return (signal * clean.double() + spread * noise.double()).to(clean.dtype)

    def target(self, clean, noise, t):
        """What the network should say."""
        signal, spread = self.level(t)
        return {
            "sample": clean,
            "epsilon": noise,
            "v_prediction": signal * noise.double() - spread * clean.double(),
        }[self.config.prediction_type].to(clean.dtype)

    def epsilon(self, sample, output, t):
        """The noise that follows from the network's output."""
        signal, spread = self.level(t)
        of_sample, of_output = {
            "sample": (1 / spread, -signal / spread),
            "epsilon": (torch.zeros_like(signal), torch.ones_like(signal)),
            "v_prediction": (spread, signal),
        }[self.config.prediction_type]
        return of_sample.to(sample.dtype) * sample + of_output.to(sample.dtype) * output

    def clean(self, sample, output, t):
        """The clean latents that follow from the network's output."""
        signal, spread = self.level(t)
        of_sample, of_output = {
            "sample": (torch.zeros_like(signal), torch.ones_like(signal)),
            "epsilon": (1 / signal, -spread / signal),
            "v_prediction": (signal, -spread),
        }[self.config.prediction_type]
        return of_sample.to(sample.dtype) * sample + of_output.to(sample.dtype) * output


class Painter:
    """The networks of fixtures/model and the reference ControlNet, frozen but for the first ControlNet, in `dtype`; and
    what `given` says, encoded: text and negative `[n, tokens, width]`, known `[n, 4, h, w]` (the posterior's mean times
    the scaling factor), paint `[n, 1, h, w]` (every eighth pixel)."""

    def __init__(self, dtype):
        def load(kind, path):
            return kind.from_pretrained(path).to(dtype).eval().requires_grad_(False)

        self.unet = load(UNet2DConditionModel, MODEL / "unet")
        self.vae = load(AutoencoderKL, MODEL / "vae")
        self.controlnet = load(ControlNetModel, MODEL / "controlnet").requires_grad_(True)
        self.reference = load(ControlNetModel, REFERENCE)
        given = load_file(FIXTURES / "given.safetensors")
        self.given = {name: value.to(dtype) for name, value in given.items() if name != "ids"}
        tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
        encoder = load(CLIPTextModel, MODEL / "text_encoder")

        def embed(texts):
            ids = tokenizer(
                texts, padding="max_length", max_length=tokenizer.model_max_length, truncation=True,
                return_tensors="pt",
            ).input_ids
            return encoder(ids)[0]

        with torch.no_grad():
            self.text, self.negative = embed(PROMPTS), embed(NEGATIVES)
            mean = self.vae.encode(self.given["known"]).latent_dist.mean
        self.known = mean * self.vae.config.scaling_factor
        self.paint = self.given["paint"][..., ::8, ::8]

    def predict(self, controlnet, latents, t, texts):
        """The network's output for `texts`; `t` is one timestep or one an item."""
        t = torch.as_tensor(t).expand(len(latents))
        down, middle = controlnet(
            latents, t, encoder_hidden_states=texts, controlnet_cond=self.given["edges"],
            conditioning_scale=CONTROL_SCALE, return_dict=False,
        )
        return self.unet(
            latents, t, encoder_hidden_states=texts, down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample

    def guided(self, controlnet, latents, t, guidance, rescale, is_guided):
        """Conditional, unconditional and guided output; outside the guided steps the last is the first."""
        conditional = self.predict(controlnet, latents, t, self.text)
        free = self.predict(controlnet, latents, t, self.negative)
        if not is_guided:
            return conditional, free, conditional
        guided = free + guidance * (conditional - free)
        return conditional, free, rescale_noise_cfg(guided, conditional, rescale) if rescale else guided

    def blend(self, latents, known):
        return latents * self.paint + known * (1 - self.paint)

    @torch.no_grad()
    def roll_out(self, schedule, steps, until, eta, guidance, rescale, interval):
        """Latents before the step `until`, and before and after what is known is put back into those after it."""
        schedule.set_timesteps(steps)
        latents = self.given["noise"]
        for index, t in enumerate(schedule.timesteps):
            before = latents
            is_guided = int(interval[0] * steps) <= index < int(interval[1] * steps)
            output = self.guided(self.controlnet, latents, t, guidance, rescale, is_guided)[2]
            drawn = schedule.step(output, t, latents, eta=eta, variance_noise=self.given["fresh"][index]).prev_sample
            known = self.known
            if index + 1 < steps:
                known = schedule.noised(known, self.given["noise"], schedule.timesteps[index + 1])
            latents = self.blend(drawn, known)
            if index == until:
                return before, drawn, latents

    def tuned_weights(self):
        """Those of the ControlNet whose gradients goldens hold."""
        net = self.controlnet
        return {
            "conv_in": net.conv_in.weight,
            "time": net.time_embedding.linear_1.weight,
            "embedding_in": net.controlnet_cond_embedding.conv_in.weight,
            "embedding_block": net.controlnet_cond_embedding.blocks[1].weight,
            "norm": net.down_blocks[1].resnets[0].norm1.weight,
            "to_k": net.down_blocks[1].attentions[0].transformer_blocks[0].attn2.to_k.weight,
            "zero_0": net.controlnet_down_blocks[0].weight,
            "zero_mid": net.controlnet_mid_block.weight,
            "zero_mid_bias": net.controlnet_mid_block.bias,
        }

    def gradients(self, name, loss):
        """`loss.<name>` and `gradient.<name>.<weight>`."""
        tuned = self.tuned_weights()
        found = torch.autograd.grad(loss, list(tuned.values()), retain_graph=True)
        gradients = {f"gradient.{name}.{weight}": gradient for weight, gradient in zip(tuned, found)}
        return {f"loss.{name}": loss[None]} | gradients


def save_golden(name, run):
    """Writes what `run(dtype)` says in double precision, as float32, and says how far float32 is from it."""
    exact, rounded = run(torch.float64), run(torch.float32)
    worst = max(((rounded[key] - value).norm() / value.norm()).item() for key, value in exact.items())
    print(f"{name}: PyTorch's own relative error in float32 is {worst:.1e} at most")
    for key, value in exact.items():
        assert torch.isfinite(value).all() and value.norm() > 0, key
        if key.startswith("loss"):
            print(f"  {key} {value.item():.6g}")
    tensors = {key: value.detach().float().contiguous() for key, value in exact.items()}
    (FIXTURES / name).parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, FIXTURES / f"{name}.safetensors")


if __name__ == "__main__":
    write_painter()
    write_judge()
    save_file({name: value.contiguous() for name, value in given().items()}, FIXTURES / "given.safetensors")
    for leftover in FIXTURES.rglob("generation_config.json"):
        leftover.unlink()
    names = ("text", "negative", "known", "paint")
    save_golden("encoded", lambda dtype: {name: getattr(Painter(dtype), name) for name in names})
