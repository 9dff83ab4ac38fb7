"""OpenEnv: any task behind its server; the protocol's `/ws` session is one Gymnasium-like environment of one question.

Over plain HTTP the protocol keeps no state between requests: `/reset` shows a problem there, and `/step` has none open.
"""

import inspect
import json
import secrets
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from envs.adapters.extras import require
from envs.adapters.messages import picture_uri, printable
from envs.answers import is_unicode
from envs.problems import Problem
from envs.question import SEED_LIMIT, step_info
from envs.registry import make_task, resolve
from envs.task import Task, problem

EXTRA = "openenv"

SESSIONS = 64
"""How many sessions are open at once, unless told otherwise."""

IDLE_SECONDS = 3600.0
"""A session that no socket belongs to, as `/mcp` opens them, is closed after so long."""


def to_openenv(name: str, /, *, split: str = "train", max_sessions: int = SESSIONS, **fields: Any) -> Any:
    """A `fastapi.FastAPI` application that serves a task by OpenEnv's protocol.

    `reset(seed=..., split=...)` poses a problem: the observation has a `prompt` and an `image`, the data URI of a PNG,
    or None for a text task. `step({"text": ...})` scores all that the policy wrote and ends the episode; its `metadata`
    then holds the answer, `error`, `lenient_error`, `parsed` and `reward/<part>`, as `gymnasium` has them in the info.
    Nothing that is told before the step reveals the answer.

    Args:
        name: The environment: `clock`, `eyechart/Clock-v0` or `module:name`.
        split: Whose problems a `reset` poses that names no split.
        max_sessions: How many sessions may be open at once, from 1 up.
        **fields: The task's fields.

    Raises:
        MissingExtraError: OpenEnv is not installed.
        ValueError: For an unknown name, split or field, a bad value, or fewer than one session.
    """
    if max_sessions < 1:
        raise ValueError(f"max_sessions must be 1 or more, got {max_sessions}.")
    spec = resolve(name)
    task = make_task(spec, **fields)
    problem(task, 0, split)  # complains here, not in the middle of a session
    require("openenv", EXTRA)
    from openenv.core.env_server import Action, ConcurrencyConfig, Environment, Observation, State, create_fastapi_app
    from openenv.core.env_server.types import EnvironmentMetadata
    from pydantic import Field, SkipValidation

    class Answer(Action):
        # pydantic refuses half of a surrogate pair, which a policy may well write: `step` checks instead
        text: Annotated[str, SkipValidation] = Field(description="All that the policy wrote.")

    class Question(Observation):
        prompt: str = Field(description="What the policy reads, answer instructions included.")
        image: str | None = Field(None, description="What it sees: the data URI of a PNG; none after the step.")

    class EyechartEnvironment(Environment):
        SUPPORTS_CONCURRENT_SESSIONS = True

        def __init__(self) -> None:
            super().__init__()
            self._state = State()
            self._open: tuple[Problem, dict[str, Any]] | None = None

        # what else a client sends with a `reset`, such as columns of its data set, the server leaves out
        def reset(self, seed: int | None = None, episode_id: str | None = None, split: str = split) -> Question:
            seed = secrets.randbelow(SEED_LIMIT) if seed is None else _whole(seed)
            posed = problem(task, seed, split)
            told = {"seed": seed, "split": split}
            self._open, self._state = (posed, told), State(episode_id=episode_id, **told)
            return Question(prompt=printable(posed.prompt), image=picture_uri(task, posed), metadata=told)

        def step(self, action: Answer, timeout_s: float | None = None) -> Question:
            if self._open is None:
                raise ValueError(
                    "There is no open question: reset() poses one, in the same /ws session, for each step."
                )
            if not isinstance(action.text, str):
                raise ValueError(f"The answer must be a text, got {type(action.text).__name__}.")
            (posed, told), self._open = self._open, None
            self._state.step_count += 1
            score = task.score(action.text, posed.answer)
            metadata = told | {"answer": posed.answer} | dict(posed.info) | step_info(score)
            metadata = {name: printable(value) if isinstance(value, str) else value for name, value in metadata.items()}
            return Question(prompt=printable(posed.prompt), done=True, reward=score.reward, metadata=metadata)

        @property
        def state(self) -> State:
            return self._state

        def get_metadata(self) -> EnvironmentMetadata:
            return EnvironmentMetadata(name=spec.id, description=_about(task))

    concurrency = ConcurrencyConfig(max_concurrent_envs=max_sessions, session_timeout=IDLE_SECONDS)
    app = create_fastapi_app(
        EyechartEnvironment,
        Answer,
        Question,
        concurrency_config=concurrency,
        env_name=spec.id,
        mode="simulation",
    )
    app.add_exception_handler(ValueError, _refused)
    app.add_middleware(_Manners)
    return app


def _whole(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"A seed must be a whole number, got {seed!r:.60}.")
    return seed


def _about(task: Task) -> str:
    """The first paragraph of a task's docstring."""
    return inspect.cleandoc(type(task).__doc__ or "").partition("\n\n")[0].replace("\n", " ")


async def _refused(request: Any, error: Exception) -> Any:
    """What HTTP answers to a request that makes no sense, in place of a traceback."""
    from fastapi.responses import JSONResponse

    return JSONResponse({"detail": str(error)}, status_code=422)


class _Manners:
    """What the protocol's own application does not mind: foreign web pages, odd messages, and sudden departures."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.responses import PlainTextResponse
        from starlette.websockets import WebSocketClose, WebSocketDisconnect

        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        if is_foreign({name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}):
            refusal: Any = PlainTextResponse("Web pages of another host may not play here.", status_code=403)
            return await (refusal if scope["type"] == "http" else WebSocketClose(1008))(scope, receive, send)

        async def receive_objects() -> Any:
            while (complaint := complaint_of(message := await receive())) is not None:
                said = {"type": "error", "data": {"message": complaint, "code": "VALIDATION_ERROR"}}
                await send({"type": "websocket.send", "text": json.dumps(said)})
            return message

        try:
            await self.app(scope, receive_objects if scope["path"] == "/ws" else receive, send)
        except (WebSocketDisconnect, RuntimeError):  # the latter is "send" to a socket that is closed
            if scope["type"] != "websocket":  # elsewhere a client that goes without a goodbye is worth no traceback
                raise


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a web page of another host; programs are no pages, and name no `Origin`.

    Browsers let any page open a socket to this machine, and leave it to the server to look at where it comes from.

    Args:
        headers: By lower-case name.
    """
    if "origin" not in headers:
        return False
    try:
        page, here = urlsplit(headers["origin"]).hostname, urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        return True
    return page is None or page != here


def complaint_of(message: Mapping[str, Any]) -> str | None:
    """What is wrong with a socket's message, of what would end its session; the protocol answers all else itself.

    Args:
        message: As ASGI has it; one that is no `websocket.receive` is as it should be.
    """
    if message["type"] != "websocket.receive":
        return None
    try:
        told = json.loads(message.get("text") or "")
    except json.JSONDecodeError:
        return None if message.get("text") else "Invalid message: it must be a text, and not empty."
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or brackets as deep
        return "Invalid message: a number in it is too long, or it is nested too deeply."
    if not isinstance(told, dict):
        return f"Invalid message: it must be a JSON object, got {type(told).__name__}."
    data = told.get("data")
    others = {**told, "data": {**data, "text": None}} if isinstance(data, dict) else told  # a text may hold anything
    if not is_unicode(json.dumps(others, ensure_ascii=False)):
        return "Invalid message: half a character (a lone surrogate) may stand in an answer's text alone."
    return None
