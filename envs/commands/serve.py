"""`python -m envs serve`: a task behind OpenEnv's protocol."""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from envs.adapters.extras import require
from envs.adapters.openenv import EXTRA, SESSIONS, to_openenv
from envs.fields import read_fields
from envs.registry import resolve, task_class

LONGEST_GOODBYE = 3
"""How many seconds an interrupted server waits for the sessions that are open."""


@dataclass(frozen=True)
class Serve:
    """Serve a task by OpenEnv's protocol, to this machine alone unless `--host` says otherwise."""

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """The environment: `clock`, `eyechart/Clock-v0` or `module:name`."""
    port: int = 8000
    """Where to listen; 0 takes a free port, which is printed."""
    host: str = "127.0.0.1"
    """The address to listen at; 0.0.0.0 lets in every machine that reaches this one."""
    split: Literal["train", "eval"] = "train"
    """Whose problems a `reset` poses that names no split."""
    sessions: int = SESSIONS
    """How many clients may play at once."""

    def run(self, texts: dict[str, str]) -> int:
        """Serve until Ctrl-C."""
        fields = read_fields(task_class(resolve(self.name)), texts)
        app = to_openenv(self.name, split=self.split, max_sessions=self.sessions, **fields)
        uvicorn = require("uvicorn", EXTRA)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=LONGEST_GOODBYE)
        with listen(self.host, self.port) as listening:
            host, port = listening.getsockname()[:2]
            if not ipaddress.ip_address(host).is_loopback:
                print(f"note: whoever reaches this machine at {self.host} can play; there are no passwords.")
            shown = f"[{host}]" if ":" in host else host
            print(f"{resolve(self.name).id}: http://{shown}:{port} (OpenEnv; Ctrl-C ends it)", flush=True)
            try:
                uvicorn.Server(config).run(sockets=[listening])
            except KeyboardInterrupt:
                print()
        return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ValueError: The address is not this machine's, or the port is taken or out of range.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise ValueError(f"Cannot listen at {host}, port {port}: {reason}. Give another --host or --port.") from error
