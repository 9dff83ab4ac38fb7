"""A server of chat completions, whole or streamed, that answers as a function says."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ChatServer:
    """Answers the messages of a request with `reply(messages)`; `requests` holds the path of each, whatever it asks."""

    def __init__(self, reply):
        self.reply, self.requests = reply, []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.send("application/json", "{}", status=404)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not self.path.endswith("/chat/completions"):
                    return self.send("application/json", "{}", status=404)
                text = server.reply(body["messages"])
                if not body.get("stream"):
                    return self.send("application/json", json.dumps(completion(body["model"], "message", text)))
                chunks = (completion(body["model"], "delta", text, ".chunk"), None)
                lines = (f"data: {'[DONE]' if chunk is None else json.dumps(chunk)}\n\n" for chunk in chunks)
                return self.send("text/event-stream", "".join(lines))

            def send(self, kind, text, status=200):
                server.requests.append(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                """Quietly."""

        return Handler


def completion(model, part, text, kind=""):
    choice = {"index": 0, "finish_reason": "stop", part: {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return {
        "id": "a",
        "object": f"chat.completion{kind}",
        "created": 0,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }
