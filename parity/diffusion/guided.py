"""Goldens of what `mini` is sampled with, and of the gradients that reward tuning takes, on the networks of `inpaint.py`,
which runs first:

- a run whose UNet predicts the sample, at zero terminal SNR with trailing timesteps, eta 1, guidance rescaled and in a part
  of the steps only, inpainting (diffusers' networks, scheduler and `rescale_noise_cfg`; its pipelines have no interval);
- one guided step of it with gradients: those of ControlNet's weights through the predicted clean latents.
"""

import torch
from diffusers import ControlNetModel, DDIMScheduler, UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from fixtures import FIXTURES, noise, save_golden, save_json

MODEL = FIXTURES / "inpaint"
STEPS, GUIDANCE, RESCALE, CONTROL = 7, 3.0, 0.8, 0.8
START, STOP = 0.14, 0.74
given = load_file(FIXTURES / "inpaint.golden.safetensors")
unet = UNet2DConditionModel.from_pretrained(MODEL / "unet")
controlnet = ControlNetModel.from_pretrained(MODEL / "controlnet")
tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
text_encoder = CLIPTextModel.from_pretrained(MODEL / "text_encoder")
config = dict(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="sample", clip_sample=False,
    timestep_spacing="trailing", rescale_betas_zero_snr=True,
)
save_json("inpaint/scheduler/sample.json", dict(DDIMScheduler(**config).config) | dict(_class_name="DDIMScheduler"))


def embed(prompt):
    ids = tokenizer(prompt, padding="max_length", max_length=24, truncation=True, return_tensors="pt").input_ids
    return text_encoder(ids)[0]


class Ddim(DDIMScheduler):
    """In double precision, and with a variance that can't exceed what is left of it by rounding: the reference's square
    root is NaN there at eta 1 and zero SNR."""

    def _get_variance(self, timestep, prev_timestep):
        return super()._get_variance(timestep, prev_timestep) * (1 - 1e-12)


def predict(latents, t, is_guided):
    control, text = given["edges"], texts[1:]
    if is_guided:
        latents, control, text = latents.repeat(2, 1, 1, 1), control.repeat(2, 1, 1, 1), texts
    down, middle = controlnet(
        latents, t, encoder_hidden_states=text, controlnet_cond=control, conditioning_scale=CONTROL, return_dict=False
    )
    output = unet(
        latents, t, encoder_hidden_states=text, down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
    ).sample
    if not is_guided:
        return output
    free, prompted = output.chunk(2)
    return rescale_noise_cfg(free + GUIDANCE * (prompted - free), prompted, RESCALE)


with torch.no_grad():
    texts = torch.cat([embed("plain wall"), embed("a small red ceramic vase on a white marble table")])
scheduler = Ddim(**config)
scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
scheduler.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
scheduler.set_timesteps(STEPS)
known = noise(9, *given["start"].shape)
fresh = noise(10, STEPS, *given["start"].shape[1:])
paint = given["paint"][..., ::8, ::8]
latents = given["start"]
tensors = {"known": known, "fresh": fresh, "texts": texts}
with torch.no_grad():
    for index, t in enumerate(scheduler.timesteps):
        is_guided = int(START * STEPS) <= index < int(STOP * STEPS)
        if index == 3:
            tensors["before"] = latents
        output = predict(latents.float(), t, is_guided)
        latents = scheduler.step(output.double(), t, latents.double(), eta=1.0, variance_noise=fresh[index : index + 1])
        latents = latents.prev_sample
        proper = known
        if index + 1 < STEPS:
            proper = scheduler.add_noise(known.double(), given["start"].double(), scheduler.timesteps[index + 1 : index + 2])
        latents = (latents * paint + proper * (1 - paint)).float()
        assert torch.isfinite(latents).all(), index
tensors["latents"] = latents

# The fourth step, which is guided: the network predicts the clean latents, so the guided output is x0.
weights = noise(11, *known.shape)
x0 = predict(tensors["before"], scheduler.timesteps[3], True)
loss = (x0 * weights).sum() + 0.5 * (x0**2).sum()
WEIGHTS = {
    "conv_in": controlnet.conv_in.weight,
    "time": controlnet.time_embedding.linear_1.weight,
    "embedding_in": controlnet.controlnet_cond_embedding.conv_in.weight,
    "embedding_out": controlnet.controlnet_cond_embedding.conv_out.weight,
    "resnet": controlnet.down_blocks[0].resnets[0].conv1.weight,
    "norm": controlnet.down_blocks[1].resnets[0].norm1.weight,
    "to_k": controlnet.mid_block.attentions[0].transformer_blocks[0].attn2.to_k.weight,
    "to_q": controlnet.down_blocks[1].attentions[0].transformer_blocks[0].attn1.to_q.weight,
    "zero_0": controlnet.controlnet_down_blocks[0].weight,
    "zero_mid": controlnet.controlnet_mid_block.weight,
    "zero_mid_bias": controlnet.controlnet_mid_block.bias,
}
gradients = torch.autograd.grad(loss, list(WEIGHTS.values()))
tensors |= {"weights": weights, "x0": x0, "loss": loss[None]}
tensors |= {f"gradient.{name}": gradient for name, gradient in zip(WEIGHTS, gradients)}
save_golden("guided", tensors)
