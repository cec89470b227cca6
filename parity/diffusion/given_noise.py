"""Runs diffusers' schedulers on given noise in the place of drawn noise."""

import importlib
from contextlib import contextmanager
from unittest import mock


@contextmanager
def giving(scheduler, fresh):
    """Within, the scheduler's draws are the tensors of `fresh`, in their order."""
    left = iter(fresh)
    module = importlib.import_module(type(scheduler).__module__)
    take = lambda *_, **__: next(left)
    if type(scheduler).__name__ == "DPMSolverSDEScheduler":
        scheduler.noise_sampler = BrownianPath(left)
        yield
        return
    with mock.patch.object(module, "randn_tensor", take, create=True):
        yield


class BrownianPath:
    """The increments of a path over noise-to-signal ratios, in units of their spread; each asks for the first half of a step,
    then for the whole of it, as DPM++ SDE does."""

    def __init__(self, left):
        self.left = left
        self.half = None

    def __call__(self, start, end):
        start, end = float(start), float(end)
        noise = next(self.left)
        if self.half is None:
            self.half = (end, noise)
            return noise
        middle, first = self.half
        self.half = None
        return (first * (start - middle) ** 0.5 + noise * (middle - end) ** 0.5) / (start - end) ** 0.5
