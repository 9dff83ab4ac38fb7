"""Tasks that data name: rows of a training, the `export.json` of a data set.

Whoever wrote the data decides nothing about which code runs. A name `module:name` would import a module, and a reward
`module:function` would import one and call it with what a model wrote: both are refused, unless this process's own code
registered just that, or somebody says that the data are trusted, by `trust=True` or by setting `EYECHART_TRUST_ROWS=1`.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from gymnasium.envs.registration import EnvSpec

from envs.fields import require_known
from envs.registry import make_task, registered, resolve, task_class
from envs.rewards.terms import users_functions
from envs.task import Task

TRUST = "EYECHART_TRUST_ROWS"
"""The environment variable that, set to 1, lets data name modules to import and functions to call."""


def task_from_data(env: Any, fields: Any, *, trust: bool = False) -> Task:
    """Make the task that data name, as `make_task` does, but import and call nothing that only they ask for.

    Args:
        env: The environment's name.
        fields: The task's fields by name, or the text of such a JSON object.
        trust: Whether modules that the data name may be imported and their functions called; also where the
            environment variable `EYECHART_TRUST_ROWS` is 1.

    Raises:
        ValueError: For a module or a function that is neither trusted nor registered, anything else than a name and
            fields, an unknown name or field, or a bad value.
    """
    trust = trust is True or os.environ.get(TRUST) == "1"
    if not isinstance(env, str):
        raise ValueError(f"The data must name an environment, got {env!r:.80}.")
    spec = resolve(env) if trust else _registered(env)
    fields = _read(fields)
    require_known(task_class(spec), fields)
    if not trust and "rewards" in fields:
        _require_known_functions(spec, fields["rewards"])
    return make_task(spec, **fields)


def _registered(env: str) -> EnvSpec:
    """The environment of a name, without importing a module for it.

    Raises:
        ValueError: If its module would have to be imported, or for an unknown name.
    """
    module, colon, id = env.rpartition(":")
    if not colon:
        return resolve(env)
    for spec in registered():
        home = spec.kwargs["task"].partition(":")[0]
        if spec.id == id and (home == module or home.startswith(f"{module}.")):
            return spec
    raise ValueError(
        f"The data name the environment {env!r:.80}, and data are not let import anything: import its module yourself "
        f"beforehand, or set {TRUST}=1 if you trust whoever wrote them."
    )


def _require_known_functions(spec: EnvSpec, rewards: Any) -> None:
    """Refuse a user's function among the rewards, unless the environment itself was registered or defined with it."""
    defaults = [field.default for field in dataclasses.fields(task_class(spec)) if field.name == "rewards"]
    known = [spec.kwargs.get("rewards", ()), *(default for default in defaults if default is not dataclasses.MISSING)]
    own = {name for rewards_known in known for name in users_functions(rewards_known)}
    strange = users_functions(rewards) - own
    if strange:
        raise ValueError(
            f"The data name the reward {min(strange)!r:.80}, and data are not let call anything: register an "
            f"environment with that reward, or set {TRUST}=1 if you trust whoever wrote them."
        )


def _read(fields: Any) -> dict[str, Any]:
    """The fields of a task.

    Raises:
        ValueError: For anything else.
    """
    try:
        found = json.loads(fields) if isinstance(fields, str) else fields
    except (ValueError, RecursionError):
        found = None
    if not (isinstance(found, Mapping) and all(isinstance(name, str) for name in found)):
        raise ValueError(f"The fields that data give a task must be a JSON object, got {fields!r:.80}.")
    return dict(found)
