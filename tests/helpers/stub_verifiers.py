"""As much of the `verifiers` package (0.4.0) as a task set needs, for machines without it."""

import importlib.util
import sys
from itertools import islice
from types import ModuleType, SimpleNamespace
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

A, B, C = TypeVar("A"), TypeVar("B"), TypeVar("C")


class TaskConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TasksetConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str = ""
    task: TaskConfig = TaskConfig()


class TaskData(BaseModel):
    model_config = ConfigDict(frozen=True)
    idx: int | None = None
    id: str | None = None
    prompt: str | list[dict[str, Any]] | None = None
    system_prompt: str | None = None


class State(BaseModel):
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
        for idx, task in enumerate(islice(self.load(), self.most)):
            task.data = task.data.model_copy(update={"idx": idx})
            yield task


def _class(name):
    """The first exported task set of a module, as the package finds it."""
    module = importlib.import_module(name.replace("-", "_"))
    found = [getattr(module, one, None) for one in module.__all__]
    found = [one for one in found if isinstance(one, type) and issubclass(one, Taskset)]
    if not found:
        raise TypeError(f"taskset module {name!r} exports no Taskset subclass via `__all__`")
    return found[0]


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
