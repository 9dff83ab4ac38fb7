"""Any server of OpenAI-compatible chat completions as a policy."""

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from agents import endpoint_failure
from agents.chat_format import check_picture, listing, read_models, read_reply, user_message
from agents.endpoint_failure import LONGEST_PAUSE, Failure
from agents.endpoint_settings import EndpointSettings, import_openai, read_key, request_fields
from agents.policy import Draws, Reply, pictures

if TYPE_CHECKING:
    import anyio
    import openai

T = TypeVar("T")

# Seconds that a server has to say which models it serves. It is not asked again: a user waits for it.
CHECK_TIMEOUT = 30.0
# A key of fewer characters is no secret but a word, such as EMPTY.
SECRET = 8


class EndpointError(RuntimeError):
    """A server that cannot be asked, or not any further: one printable line that says what to do."""


class Endpoint:
    """A server of chat completions as a policy.

    Requests are tried again here rather than by the client: that counts every way to fail together (statuses, broken
    connections, JSON that is none), and `timeout` holds for all of a try, not for each pause between its bytes.
    """

    def __init__(self, settings: EndpointSettings, first_pause: float = 1.0):
        """Nothing is asked yet.

        Args:
            settings: which server, and how.
            first_pause: seconds before the second try, of which between half and all is waited; twice as much before
                each one after that.

        Raises:
            ValueError: the package openai is not installed, or the key cannot be one.
        """
        import_openai()
        read_key(settings.api_key_env)
        self.settings = settings
        self.first_pause = first_pause
        self.served_model = settings.served_model

    def check(self) -> str:
        """Ask the server which models it serves, before any work, and learn which one is meant; costs no tokens.

        A server that does not tell is taken at the user's word.

        Returns:
            the model's name on the server.

        Raises:
            EndpointError: it cannot be reached, is no such server, refuses the key, or it takes a name to choose.
        """
        from anyio.from_thread import start_blocking_portal

        with start_blocking_portal() as portal:
            found = portal.call(self._models)
        if self.served_model is None:
            self.served_model = self._only_one(found)
        elif isinstance(found, Failure) and found.hopeless:
            raise self._error(found)
        return self.served_model

    def respond(
        self, observations: Mapping[str, Any], infos: Mapping[str, Any], draws: Draws
    ) -> Iterator[tuple[int, Reply]]:
        """Ask a request for each observation; replies come as they arrive (see `agents.policy.Policy`).

        If one fails for good, those in flight are waited for and their replies yielded before the error is raised.
        Whoever stops early has those in flight cancelled.

        Raises:
            ValueError: a picture is no uint8 array (H, W, 3), or there are more or fewer keys than prompts.
            EndpointError: a request failed for good.
        """
        import anyio
        from anyio.from_thread import start_blocking_portal

        prompts = observations["prompt"]
        shown = pictures(observations) or [[] for _ in prompts]
        for picture in (picture for several in shown for picture in several):
            check_picture(picture)
        if len(draws.keys) != len(prompts):
            raise ValueError(f"{len(prompts)} prompts came with {len(draws.keys)} keys")
        if self.served_model is None:
            self.check()
        # What has arrived and is not yet taken: a caller that is slow is not run ahead of for ever.
        send, receive = anyio.create_memory_object_stream[tuple[int, Reply]](self.settings.concurrency)
        with receive, start_blocking_portal() as portal:
            asking = portal.start_task_soon(self._ask_all, prompts, shown, draws, send)
            while True:
                try:
                    arrived = portal.call(receive.receive)
                except anyio.EndOfStream:
                    break
                yield arrived
            failure = asking.result()
        if failure is not None:
            raise self._error(failure)

    async def _ask_all(
        self,
        prompts: Sequence[str],
        shown: Sequence[Sequence[Any]],
        draws: Draws,
        send: "anyio.abc.ObjectSendStream[tuple[int, Reply]]",
    ) -> Failure | None:
        """Send a reply for each row, at most `concurrency` requests at a time; tells what failed for good, if any."""
        import anyio

        rows = iter(range(len(prompts)))
        failures: list[Failure] = []
        stop = anyio.Event()

        async def ask_some(client: "openai.AsyncOpenAI") -> None:
            for row in rows:
                message = user_message(prompts[row], shown[row])
                fields = request_fields(self.settings, draws.keys[row], draws.temperature)

                def request(message: Any = message, fields: Any = fields) -> Awaitable[Any]:
                    completions = client.chat.completions.with_raw_response
                    return completions.create(model=self.served_model or "", messages=[message], extra_body=fields)

                found = await self._insist(request, stop)
                if isinstance(found, Failure):
                    failures.append(found)
                    stop.set()
                else:
                    await send.send((row, found))
                if stop.is_set():
                    return

        async with send, self._client() as client, anyio.create_task_group() as group:
            for _ in range(min(self.settings.concurrency, len(prompts))):
                group.start_soon(ask_some, client)
        return await self._explained(failures[0]) if failures else None

    async def _insist(self, request: Callable[[], Awaitable[Any]], stop: "anyio.Event") -> Reply | Failure:
        """The reply to a request, tried again until one can be read; or why there is none for good.

        Args:
            request: begins one try.
            stop: once set, no further try begins.
        """
        import anyio

        tried = 0
        while True:
            found = await self._try(request, read_reply, self.settings.timeout)
            tried += 1
            if not isinstance(found, Failure):
                return found
            if not found.passing or tried > self.settings.retries or stop.is_set():
                break
            pause = found.pause or min(self.first_pause * 2 ** min(tried - 1, 30), LONGEST_PAUSE)
            if pause > LONGEST_PAUSE:
                return replace(found, reason=f"{found.reason}, and asks to wait {pause:.0f} s")
            with anyio.move_on_after(pause if found.pause else pause * random.uniform(0.5, 1)):
                await stop.wait()
                break
        return found if tried == 1 else replace(found, reason=f"{found.reason}, {tried} times in a row")

    async def _try(
        self, request: Callable[[], Awaitable[Any]], read: Callable[[str], T], timeout: float
    ) -> T | Failure:
        """What one request brings, or why it does not."""
        import anyio
        import openai

        try:
            with anyio.fail_after(timeout):
                document = self._without_key((await request()).http_response.text)
        except (TimeoutError, openai.APITimeoutError):
            return endpoint_failure.too_slow(timeout)
        except openai.APIConnectionError as error:
            return endpoint_failure.unreachable(error)
        except openai.APIStatusError as error:
            variable, said = self.settings.api_key_env, self._without_key(error.response.text)
            known = read_key(variable) is not None
            return endpoint_failure.refused(error.status_code, error.response.headers, said, variable, known)
        if document.lstrip().startswith("<"):
            return endpoint_failure.web_page()
        try:
            return read(document)
        except ValueError as error:
            return endpoint_failure.unreadable(error)

    async def _models(self) -> list[str] | Failure:
        """What the server says it serves."""
        async with self._client() as client:
            request = client.models.with_raw_response.list
            return await self._try(request, read_models, min(self.settings.timeout, CHECK_TIMEOUT))

    def _only_one(self, found: list[str] | Failure) -> str:
        """The model that the server has; EndpointError if it has none or several, or does not tell."""
        if isinstance(found, list) and len(found) == 1:
            return found[0]
        if isinstance(found, list):
            reason = f"serves {len(found)} models: {listing(found)}" if found else "lists no model"
        elif found.hopeless:
            raise self._error(found)
        else:
            reason = f"does not tell what it serves, and {found.reason}"
        raise self._error(Failure(reason, "say which one by --served-model NAME"))

    async def _explained(self, failure: Failure) -> Failure:
        """A failure; of a model that is not there, with those that are."""
        found = await self._models() if failure.status == 404 else []
        if isinstance(found, Failure) or not found:
            return failure
        return Failure(failure.reason, f"name a model that it serves by --served-model: {listing(found)}")

    def _client(self) -> "openai.AsyncOpenAI":
        """A client, for one event loop. A redirect is told rather than followed, and no key goes astray."""
        import openai

        client = openai.AsyncOpenAI(
            api_key=read_key(self.settings.api_key_env) or "none",
            base_url=self.settings.url,
            max_retries=0,
            timeout=self.settings.timeout,
            http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),
        )
        client.organization = client.project = None  # which it took from the environment, for whatever address
        return client

    def _without_key(self, text: str) -> str:
        """What a server said, with the key struck out if it repeats that."""
        key = read_key(self.settings.api_key_env) or ""
        return text.replace(key, "***") if len(key) >= SECRET else text

    def _error(self, failure: Failure) -> EndpointError:
        """What to raise."""
        named = f" --served-model {self.served_model}" if self.served_model else ""
        return EndpointError(
            self._without_key(f"--model {self.settings.url}{named}: the server {failure.reason}; {failure.advice}")
        )
