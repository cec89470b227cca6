"""PyTorch's processor time for the layers that `examples/measure.rs` of reliad-kernels times: one thread, f32."""

import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(1)


def cost(run):
    run()
    begin, runs = time.process_time(), 0
    while runs < 3 or time.process_time() - begin < 0.25:
        run()
        runs += 1
    return (time.process_time() - begin) / runs * 1e3


def line(name, inputs, op):
    with torch.no_grad():
        forward = cost(lambda: op(*inputs))
    tracked = [t.clone().requires_grad_() for t in inputs]

    def both():
        y = op(*tracked)
        torch.autograd.grad(y, tracked, y.detach())

    print(f"{name:40} fwd {forward:8.3f} ms | fwd+bwd {cost(both):8.3f} ms", flush=True)


for n, c, s in [(16, 48, 32), (16, 96, 16), (16, 160, 8), (8, 16, 128), (8, 32, 64)]:
    groups = 16 if c >= 48 else 8
    inputs = [torch.randn(n, c, s, s), torch.randn(c), torch.randn(c)]
    line(f"norm+silu {n}x{c}x{s}x{s}", inputs, lambda x, w, b: F.silu(F.group_norm(x, groups, w, b)))
for n, ci, co, s, k, stride in [
    (16, 48, 48, 32, 3, 1), (16, 96, 96, 16, 3, 1), (16, 160, 160, 8, 3, 1), (16, 96, 48, 32, 3, 1),
    (8, 16, 16, 128, 3, 1), (8, 32, 32, 64, 3, 1), (8, 64, 64, 32, 3, 1), (16, 96, 96, 16, 1, 1), (16, 96, 96, 16, 3, 2),
]:
    inputs = [torch.randn(n, ci, s, s), torch.randn(co, ci, k, k), torch.randn(co)]
    line(f"conv{k} {n}x{ci}->{co} {s}x{s} stride {stride}", inputs,
         lambda x, w, b: F.conv2d(x, w, b, stride=stride, padding=k // 2))
for n, length, c in [(16, 256, 96), (16, 64, 160)]:
    def attention(q, k, v):
        q, k, v = (t.view(n, length, 4, c // 4).transpose(1, 2) for t in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, c)

    line(f"attention {n}x4x{length}x{c // 4}", [torch.randn(n, length, c) for _ in range(3)], attention)

    def geglu(x):
        value, gate = x.chunk(2, -1)
        return value * F.gelu(gate)

    line(f"geglu {n}x{length}x{4 * c}", [torch.randn(n, length, 8 * c)], geglu)
