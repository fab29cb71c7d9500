"""The HTTP listener for Prometheus: one path, read only, in threads of its own.

It has no TLS and asks nobody who they are, as exporters do: it belongs on loopback, or into a
network of one's own.
"""

from collections.abc import Callable, Iterable, Iterator
import contextlib
from http import HTTPStatus
import socket
import socketserver
import threading
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import prometheus_client

from offctl import errors

PATH = "/metrics"
# Whoever says nothing has a thread for so many seconds, and there are so many threads.
SECONDS = 10.0
AT_ONCE = 8

_Started: TypeAlias = Callable[[str, list[tuple[str, str]]], object]
_Application: TypeAlias = Callable[[dict[str, Any], _Started], Iterable[bytes]]


@contextlib.contextmanager
def listening(address: str, registry: prometheus_client.CollectorRegistry) -> Iterator[str]:
    """Answer at `HOST:PORT` (port 0: any) while the context lasts; gives the real address.

    Raises AdminError when it cannot be had.
    """
    host, _, port = address.rpartition(":")
    plain = host.strip("[]")
    try:
        server = (_Server6 if ":" in plain else _Server)((plain, int(port)), _Handler)
    except (OSError, OverflowError):
        raise errors.AdminError(
            f"cannot listen for Prometheus on {address}: the address is in use or not ours",
            hint="set `metrics` in coordinator.toml; `ss -ltnp` shows who has the port",
        ) from None
    server.set_app(_only_metrics(prometheus_client.make_wsgi_app(registry)))
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield f"{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # A stop does not wait for who is being answered.
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type["_Handler"]) -> None:
        self._places = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks DNS for our name, which can take as long as it likes.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Whether there is a place for one more; whoever gets none is hung up on."""
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up; what is wrong with an answer, wsgiref has told."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        """Nothing: a line for every scrape helps nobody."""


def _only_metrics(metrics: _Application) -> _Application:
    def answer(environ: dict[str, Any], start: _Started) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return _refuse(start, HTTPStatus.NOT_FOUND)
        if environ["REQUEST_METHOD"] != "GET":
            return _refuse(start, HTTPStatus.METHOD_NOT_ALLOWED)
        return metrics(environ, start)

    return answer


def _refuse(start: _Started, status: HTTPStatus) -> Iterable[bytes]:
    start(f"{status.value} {status.phrase}", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{status.phrase}; metrics are at {PATH}\n".encode()]
