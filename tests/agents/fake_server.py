"""A server of chat completions that does as it is told, for one test."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agents.endpoint import Endpoint
from agents.endpoint_settings import EndpointSettings
from agents.policy import Draws


class FakeServer:
    """Answers every prompt with its own words backwards, or with what `script` has for it.

    `script` maps a prompt to what is done when it is asked for the first time, the second, and so on; the last holds
    for ever. Each is a body (a string, or JSON), or `(status, headers, body)`, or a function that makes one of these
    from the request's body. With the header `Drip`, a space follows every 20 ms.
    """

    def __init__(self):
        self.script = {}
        self.models = completion_models("toy")
        self.bodies, self.headers = [], []
        self.most_in_flight = self._in_flight = 0
        self.release = threading.Event()  # what hangs goes on
        self._asked = {}
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self):
        self.release.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def hang(self, body):
        """For a script: no answer until `release` is set."""
        self.release.wait(60)
        return completion(prompt_of(body)[::-1])

    @property
    def prompts(self):
        """In the order in which they came."""
        return [prompt_of(body) for body in self.bodies]

    def _answer(self, body):
        prompt = prompt_of(body)
        with self._lock:
            times = self._asked[prompt] = self._asked.get(prompt, 0) + 1
        steps = self.script.get(prompt, [completion(prompt[::-1])])
        step = steps[min(times, len(steps)) - 1]
        return step(body) if callable(step) else step

    def _handler(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                fake.headers.append(self.headers)
                self._send(fake.models if self.path == "/v1/models" else (404, {}, "no such page"))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with fake._lock:
                    fake.bodies.append(body)
                    fake.headers.append(self.headers)
                    fake._in_flight += 1
                    fake.most_in_flight = max(fake.most_in_flight, fake._in_flight)
                found = fake._answer(body) if self.path == "/v1/chat/completions" else (404, {}, "no such page")
                with fake._lock:
                    fake._in_flight -= 1
                self._send(found)

            def _send(self, found):
                status, headers, content = found if isinstance(found, tuple) else (200, {}, found)
                data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                kind = "application/json" if not data.startswith(b"<") else "text/html"
                try:
                    self.send_response(status)
                    for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data)
                    while "Drip" in headers and not fake.release.wait(0.02):
                        self.wfile.write(b" ")
                except OSError:  # whoever asked is gone
                    self.close_connection = True

            def log_message(self, *arguments):
                pass

        return Handler


def completion(content, **more):
    """A chat completion's JSON."""
    return {"object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": content}}], **more}


def completion_models(*names):
    """The JSON of a list of models."""
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}


def prompt_of(body):
    """The text of a request."""
    content = body["messages"][0]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def endpoint(fake, **settings):
    """The policy that asks it, without long pauses."""
    return Endpoint(EndpointSettings(fake.url, **{"served_model": "toy", **settings}), first_pause=0.001)


def ask(policy, *prompts, draws=None, **shown):
    """Replies to prompts, greedy unless `draws` says otherwise."""
    return policy.respond({"prompt": prompts, **shown}, {}, draws or Draws.greedy(range(len(prompts))))


def threads():
    """All but those in which the server answers."""
    return {thread for thread in threading.enumerate() if "process_request_thread" not in thread.name}
