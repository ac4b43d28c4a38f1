"""An update in one process, without DeepSpeed: a stub for the engine, and collectives of one rank."""

from types import SimpleNamespace


class OneProcess:
    """What an update asks of a model engine."""

    def __init__(self, model):
        self.module, self.optimizer = model, SimpleNamespace(param_groups=[{"lr": 0.0}])

    def __call__(self, **inputs):
        return self.module(**inputs)

    def managed_gradient_accumulation(self):
        return False

    def backward(self, loss):
        loss.backward()

    def step(self):
        """The weights stay."""

    def get_global_grad_norm(self):
        return 1.0

    def was_step_applied(self):
        return True


def pretend_one_rank(monkeypatch):
    """What an update asks of the process group, answered for one rank."""
    monkeypatch.setattr("trainers.runtime.zero3.total", lambda values, device: [float(value) for value in values])
    monkeypatch.setattr("trainers.runtime.zero3.largest", lambda value, device: value)
    monkeypatch.setattr("trainers.runtime.zero3.summed", lambda values: values)
    monkeypatch.setattr("trainers.runtime.zero3.concatenated", lambda values: (values, 0))
    monkeypatch.setattr("trainers.runtime.zero3.world_size", lambda: 1)
