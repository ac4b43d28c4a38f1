"""As much of the `verifiers` package (0.4) as a task set needs, for machines without it."""

import importlib.util
import sys
from itertools import islice
from types import ModuleType, SimpleNamespace
from typing import Generic, TypeVar, get_args

A, B, C = TypeVar("A"), TypeVar("B"), TypeVar("C")


class Fields:
    """Named values with defaults, as pydantic's models have them."""

    def __init__(self, **given):
        kinds = [kind for kind in type(self).__mro__ if hasattr(kind, "__annotations__")]
        names = [name for kind in reversed(kinds) for name in vars(kind).get("__annotations__", {})]
        for name in names:
            setattr(self, name, given.pop(name) if name in given else getattr(type(self), name))
        assert not given, given

    def model_dump(self):
        return dict(vars(self))


class TaskConfig(Fields):
    pass


class TasksetConfig(Fields):
    id: str = ""
    task: object = None


class TaskData(Fields):
    id: str | None = None
    prompt: str | None = None

    @property
    def prompt_text(self):
        return self.prompt


class State:
    pass


class Task(Generic[A, B, C]):
    NEEDS_CONTAINER = False

    def __init__(self, data, config=None):
        self.data, self.config = data, config


class Taskset(Generic[A, B]):
    INFINITE = False

    def __init__(self, config):
        self.config, self.most = config, None

    @property
    def bounded(self):
        return not self.INFINITE or self.most is not None

    def take(self, most):
        self.most = most
        return self

    def __iter__(self):
        return islice(self.load(), self.most)


def _class(name):
    module = importlib.import_module(name.replace("-", "_"))
    return getattr(module, module.__all__[0])


def _config_type(name):
    return get_args(_class(name).__orig_bases__[0])[1]


def install(monkeypatch):
    """Puts the stub in the place of the package where that is not installed; returns `verifiers.v1`."""
    if importlib.util.find_spec("verifiers") is None:
        v1, loaders = ModuleType("verifiers.v1"), ModuleType("verifiers.v1.utils.loaders")
        vars(v1).update(TaskConfig=TaskConfig, TasksetConfig=TasksetConfig, TaskData=TaskData, State=State, Task=Task)
        vars(v1).update(Taskset=Taskset, reward=lambda function: function)
        vars(loaders).update(load_taskset=lambda config: _class(config.id)(config), taskset_config_type=_config_type)
        names = {"verifiers": ModuleType("verifiers"), "verifiers.v1": v1}
        names |= {"verifiers.v1.utils": ModuleType("verifiers.v1.utils"), "verifiers.v1.utils.loaders": loaders}
        for name, module in names.items():
            monkeypatch.setitem(sys.modules, name, module)
        names["verifiers"].v1 = v1
    return importlib.import_module("verifiers.v1")


def said(reply):
    """A finished rollout, of which only the reply is read."""
    return SimpleNamespace(last_reply=reply)
