"""pct and its hook without starting Python for every call: one process has all loaded, and forks.

In an emulated guest most of a call to the stand-in is Python starting. What is called instead,
while `served` lasts, are a few lines of Perl; whoever calls sees no difference.

python3 -m integration.inside.forking SOCKET
"""

from collections.abc import Callable, Iterator
import contextlib
import os
from pathlib import Path
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback

from integration.pct import __main__ as pct
from integration.pct import hook, kernel, lxcconfig

PATIENCE = 120.0
PROGRAMS: dict[str, tuple[str, Callable[[], int]]] = {
    "pct": ("/usr/sbin/pct", pct.main),
    "hook": (lxcconfig.HOOK, hook.main),
}
CLIENT = r"""#!/usr/bin/perl
# A stand-in for a program of Proxmox VE, for tests only: asks a process that has it loaded.
use Socket;
socket(my $server, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
connect($server, sockaddr_un("SERVER")) or die "SERVER: $!\n";
my $asked = pack("(N/a*)*", "NAME", $$, @ARGV);
syswrite($server, pack("N/a*", $asked));
my $answer = "";
while (sysread($server, $answer, 65536, length $answer)) {}
exit 255 if length $answer < 12;
my ($code, $out, $err) = unpack("N N/a* N/a*", $answer);
syswrite(STDOUT, $out);
syswrite(STDERR, $err);
exit $code;
"""


@contextlib.contextmanager
def served(home: Path) -> Iterator[None]:
    """Calls to pct and its hook are answered by one process."""
    path = home / "pct.sock"
    argv = [sys.executable, "-m", "integration.inside.forking", str(path)]
    with subprocess.Popen(argv) as server, contextlib.ExitStack() as stack:
        stack.callback(server.terminate)
        until = time.monotonic() + PATIENCE
        while not path.exists():
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.1)
        for name, (program, _) in PROGRAMS.items():
            text = CLIENT.replace("SERVER", str(path)).replace("NAME", name)
            stack.enter_context(_replaced(Path(program), text))
        yield


@contextlib.contextmanager
def _replaced(program: Path, text: str) -> Iterator[None]:
    kept = program.read_text()
    program.write_text(text)
    try:
        yield
    finally:
        program.write_text(kept)


def serve(path: str) -> None:
    """Answer calls, each in a process of its own, until ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path + ".new")
        listening.listen(64)
        Path(path + ".new").rename(path)
        while True:
            with listening.accept()[0] as call:
                _begin(call)


def _begin(call: socket.socket) -> None:
    if not os.fork():
        _ended(lambda: _answer(call))


def _answer(call: socket.socket) -> int:
    """One call: carried out by a child, which may become another program."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    name, caller, *arguments = _words(call)
    out, err = os.memfd_create("stdout"), os.memfd_create("stderr")
    child = os.fork()
    if not child:
        call.close()
        _ended(lambda: _carry_out(name, int(caller), arguments, (out, err)))
    _end_with_caller(child, call)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said = b"".join(struct.pack(">I", len(text)) + text for text in map(_read, (out, err)))
    with contextlib.suppress(OSError):
        call.sendall(struct.pack(">I", code if code >= 0 else 128 - code) + said)
    return 0


def _carry_out(name: str, caller: int, arguments: list[str], outputs: tuple[int, int]) -> int:
    os.setsid()
    for number, output in zip((1, 2), outputs, strict=True):
        os.dup2(output, number)
    os.chdir("/")
    os.environ.clear()
    os.environ.update({"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    program, main = PROGRAMS[name]
    if name == "hook":
        # It mounts where its caller, the monitor of a container, sees it.
        kernel.enter_mount_namespace(caller)
        os.chdir("/")
    sys.argv = [program, *arguments]
    return main()


def _end_with_caller(child: int, call: socket.socket) -> None:
    """Wait for the child; whoever ends the caller meant the program."""
    handle = os.pidfd_open(child)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(call, select.POLLIN | select.POLLHUP)
    if handle not in dict(poll.poll()):
        os.kill(child, signal.SIGTERM)


def _ended(work: Callable[[], int]) -> None:
    """End this process with what `work` gives, whatever happens."""
    code = 255
    try:
        code = work()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 255
    except BaseException:  # noqa: BLE001 - the process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code & 255)


def _words(call: socket.socket) -> list[str]:
    content = _exactly(call, struct.unpack(">I", _exactly(call, 4))[0])
    words = []
    while content:
        (length,) = struct.unpack_from(">I", content)
        words.append(os.fsdecode(content[4 : 4 + length]))
        content = content[4 + length :]
    return words


def _exactly(call: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        part = call.recv(length - len(content))
        if not part:
            raise EOFError
        content += part
    return content


def _read(file: int) -> bytes:
    return os.pread(file, os.fstat(file).st_size, 0)


if __name__ == "__main__":
    serve(sys.argv[1])
