"""A service behind a tunnel: `ADDRESS PORT`; clients of it: `ask ADDRESS PORT LINE`, `hold ADDRESS
PORT`.
"""

import socket
import socketserver
import sys


class _Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        here = self.request.getsockname()
        for line in self.rfile:
            self.wfile.write(f"{here[0]}:{here[1]} ".encode() + line)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that goes away is no news."""


def serve(address: str, port: int) -> None:
    _Server.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with _Server((address, port), _Lines) as server:
        server.serve_forever()


def ask(address: str, port: int, line: str) -> str:
    try:
        with socket.create_connection((address, port), timeout=5) as connection:
            connection.sendall(line.encode() + b"\n")
            return connection.makefile().readline()
    except OSError:
        return ""


def hold(address: str, port: int) -> None:
    """Be answered once, say so, and stay until the connection ends."""
    with socket.create_connection((address, port), timeout=60) as connection:
        connection.sendall(b"hello\n")
        connection.recv(100)
        sys.stdout.write("up\n")
        sys.stdout.flush()
        connection.recv(1)


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        hold(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "ask":
        sys.stdout.write(ask(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
    else:
        serve(sys.argv[1], int(sys.argv[2]))
