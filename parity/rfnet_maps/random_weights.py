"""Random weights for goldens: every parameter and every running statistic, so that no term of a formula is hidden."""

import torch


def randomise(module: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def normal(tensor):
        return torch.randn(tensor.shape, generator=generator)

    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif name.endswith("running_mean"):
                tensor.copy_(0.3 * normal(tensor))
            elif tensor.dim() >= 2 and "embeddings.cls" not in name and "position" not in name:
                # Variance-preserving, so that a deep stack neither dies nor explodes.
                tensor.copy_(normal(tensor) * (1.5 / tensor[0].numel()) ** 0.5)
            elif name.endswith("weight"):
                tensor.copy_(1.0 + 0.3 * normal(tensor))
            else:
                tensor.copy_(0.3 * normal(tensor))
