"""What can go wrong between here and a server of chat completions, and what to do about it."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from agents.chat_format import one_line, server_message

# Statuses that may pass: a server that is busy, restarting or out of order.
PASSING = (408, 409, 425, 429)
# Seconds: a server that wants a longer pause is left alone.
LONGEST_PAUSE = 120.0
MISSING_V1 = "check the address; did you forget /v1 at its end?"


@dataclass(frozen=True)
class Failure:
    """Why there is no answer."""

    reason: str
    """Continues "the server ...". One printable line."""
    advice: str
    passing: bool = False
    """Whether it is worth another try."""
    pause: float | None = None
    """Seconds that the server asks to wait before that."""
    status: int | None = None
    """Of the HTTP response, if one came that might be an API's."""

    @property
    def hopeless(self) -> bool:
        """Whether this answer to "which models?" means that no prompt will be answered either."""
        return self.status is None or 300 <= self.status < 400 or self.status == 401


def too_slow(seconds: float) -> Failure:
    """No answer in time."""
    return Failure(
        f"gave no answer within {seconds:g} s",
        "give it longer by --timeout, ask less at once by --concurrency, or look whether it hangs",
        passing=True,
    )


def unreachable(error: BaseException) -> Failure:
    """No connection, or one that broke; its innermost cause says why."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return Failure(
        f"cannot be reached ({one_line(str(error)) or type(error).__name__})",
        "start it, or check the address: http or https, host and port",
        passing=True,
    )


def web_page() -> Failure:
    """A page for people where an API was expected."""
    return Failure("is no OpenAI-compatible server: it answers with a web page", MISSING_V1)


def unreadable(error: ValueError) -> Failure:
    """A response that claims success, and is not what it should be."""
    return Failure(
        f"answers with what cannot be read: {error}",
        "look into its log, and check that it is an OpenAI-compatible server (did you forget /v1?)",
        passing=True,
        status=200,
    )


def refused(status: int, headers: Mapping[str, str], document: str, key_env: str, key_known: bool) -> Failure:
    """A response with a status that is no success.

    Args:
        status: of the response.
        headers: of the response, by lower-case name.
        document: its body.
        key_env: the environment variable that has the key.
        key_known: whether it has one.
    """
    said = f"{status}: {server_message(document)}" if document.strip() else str(status)
    if status < 400:
        place = one_line(headers.get("location", "").partition("?")[0]) or "nowhere"
        return Failure(f"redirects to {place} ({status})", f"give the address itself, or {MISSING_V1}", status=status)
    if document.lstrip().startswith("<") and status < 500:
        said = f"{status}, a web page"
    if status == 401:
        state = "what it has now is refused" if key_known else "it is not set"
        advice = f"put a valid key into the environment variable {key_env} ({state}), or name another by --api-key-env"
        return Failure(f"refuses the key ({said})", advice, status=status)
    if status == 403:
        return Failure(f"forbids it ({said})", f"the key in {key_env} must be allowed to use the model", status=status)
    if status == 404:
        return Failure(
            f"knows no such model or page ({said})", f"check --served-model, and {MISSING_V1}", status=status
        )
    if status == 429:
        pause = retry_after(headers)
        advice = "lower --concurrency, raise --retries, or go on later"
        return Failure(f"wants fewer requests ({said})", advice, True, pause, status)
    if status in PASSING or status >= 500:
        advice = "look into its log, lower --concurrency, or go on later"
        return Failure(f"is out of order ({said})", advice, True, retry_after(headers), status)
    advice = "change what it complains of; --extra-body '{\"seed\": null}' leaves a field such as seed out"
    return Failure(f"refuses the request ({said})", advice, status=status)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from the header Retry-After (RFC 9110, 10.2.3): a number, or a date; None without a good one."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
