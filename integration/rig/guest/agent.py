"""The guest's end of the control channel: does what the rig asks, as root, one thread a request.

Lines of JSON over a virtio serial port, so no network, address or key is needed. Runs on what the
guest has: Python's standard library.
"""

from base64 import b64decode, b64encode
import fcntl
import json
import os
from pathlib import Path
import struct
import subprocess
import sys
import threading
import time
from typing import Any

PORT = Path("/dev/virtio-ports/rig.control")
NETWORK = Path("/etc/rig/network.json")
LAN, OUTSIDE = "eth0", "eth1"
PIECE = 1 << 20
RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
Message = dict[str, Any]


def run(message: Message) -> Message:
    """Run a program to its end; what it prints comes when it has ended."""
    process = subprocess.Popen(
        message["argv"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, **message.get("env", {})},
        cwd=message.get("cwd", "/root"),
        start_new_session=True,
    )
    late = False
    try:
        out, err = process.communicate(b64decode(message["stdin"]), timeout=message["limit"])
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(process.pid, 9)
        # Something may have left the session and hold the pipe: do not wait for it for ever.
        try:
            out, err = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            out, err = b"", b""
    return {
        "code": process.returncode,
        "late": late,
        "out": b64encode(out).decode(),
        "err": b64encode(err).decode(),
    }


def put(message: Message) -> Message:
    """Write a piece of a file; the first one makes it."""
    path = Path(message["path"])
    if message["first"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        path.chmod(message["mode"])
    with path.open("ab") as file:
        file.write(b64decode(message["data"]))
    return {}


def get(message: Message) -> Message:
    """Read a piece of a file."""
    with Path(message["path"]).open("rb") as file:
        file.seek(message["offset"])
        data = file.read(PIECE)
    return {"data": b64encode(data).decode(), "more": len(data) == PIECE}


def refresh(message: Message) -> Message:
    """Have another random state than what was restored from the same state, and the right time."""
    entropy = b64decode(message["entropy"])
    with Path("/dev/urandom").open("wb") as urandom:
        # Writing alone would not change what the kernel already derived.
        header = struct.pack("ii", len(entropy) * 8, len(entropy))
        fcntl.ioctl(urandom, RNDADDENTROPY, header + entropy)
        fcntl.ioctl(urandom, RNDRESEEDCRNG)
    time.clock_settime(time.CLOCK_REALTIME, message["now"])
    return {}


def become(message: Message) -> Message:
    """Be somebody else than the siblings restored from the same state."""
    refresh(message)
    seed = Path("/var/lib/systemd/random-seed")
    if seed.exists():
        seed.write_bytes(os.urandom(512))
    Path("/etc/hostid").write_bytes(b64decode(message["hostid"]))
    Path("/etc/machine-id").write_text(message["machine_id"] + "\n")
    Path("/etc/hostname").write_text(message["name"] + "\n")
    Path("/etc/hosts").write_text(message["hosts"])
    Path("/proc/sys/kernel/hostname").write_text(message["name"])
    NETWORK.parent.mkdir(exist_ok=True)
    NETWORK.write_text(json.dumps(message["network"]))
    network()
    # Its files are found by the machine's id.
    subprocess.run(["/usr/bin/systemctl", "restart", "systemd-journald"], check=True)
    os.sync()
    return {}


def network() -> None:
    """Give the network cards their addresses: the LAN's own, and the one port forwards end at."""
    if not NETWORK.exists():
        return
    wanted = json.loads(NETWORK.read_text())
    while not Path(f"/sys/class/net/{OUTSIDE}").exists():
        time.sleep(0.05)
    lines = [
        "link set lo up",
        f"link set {LAN} address {wanted['mac']}",
        f"addr replace {wanted['address']} dev {LAN}",
        f"link set {LAN} up",
        f"addr replace 10.0.2.15/24 dev {OUTSIDE}",
        f"link set {OUTSIDE} up",
    ]
    batch = "\n".join(lines) + "\n"
    subprocess.run(["/usr/sbin/ip", "-batch", "-"], input=batch.encode(), check=True)


HANDLERS = {
    "become": become,
    "get": get,
    "ping": lambda _: {},
    "put": put,
    "refresh": refresh,
    "run": run,
}


class Channel:
    """The serial port, as lines."""

    def __init__(self) -> None:
        while not PORT.exists():
            time.sleep(0.05)
        self._port = os.open(PORT, os.O_RDWR)
        self._writing = threading.Lock()

    def serve(self) -> None:
        """Answer for ever."""
        rest = bytearray()
        while True:
            # The kernel gives a page at most, so a long line comes in hundreds of pieces.
            data = os.read(self._port, 1 << 16)
            if not data:
                # Nobody is at the other end.
                time.sleep(0.05)
            rest += data
            if b"\n" not in data:
                continue
            *lines, rest = rest.split(b"\n")
            for line in lines:
                threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: bytearray) -> None:
        message = json.loads(line)
        try:
            answer = HANDLERS[message["op"]](message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other end must hear it
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer["id"] = message["id"]
        data = json.dumps(answer).encode() + b"\n"
        with self._writing:
            while data:
                data = data[os.write(self._port, data) :]


if __name__ == "__main__":
    if sys.argv[1:] == ["network"]:
        network()
    else:
        Channel().serve()
