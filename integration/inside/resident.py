"""The agent as it runs on a host: its own process, its configuration, a signed release."""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import hashlib
import os
from pathlib import Path
import re
import subprocess
import sys
import time

from offctl import certificates
from offctl.desired import bundle
from offctl.desired.model import DesiredState, Identity
from offctl.trust import envelope, manifest, root
from offctl.trust.keys import SecretKey
from offctl.trust.manifest import HostEntry, Manifest
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl_agent import config as configs
from offctl_agent import mailbox
from offctl_agent.state import State

PATIENCE = 300.0
_STARTED = re.compile(r'^\d+ +execve\("([^"]+)", \[([^\]]*)\].* = 0$', re.MULTILINE)


class Resident:
    """An agent below `home` that is to make `desired` true; `traced` notes what it starts."""

    def __init__(self, home: Path, desired: DesiredState) -> None:
        self._file = home / "agent.toml"
        self._file.write_text(
            f'host = "{desired.host}"\ncoordinators = ["127.0.0.1:1"]\ninterval = 86400\n'
            'state = "."\nruntime = "run"\n'
        )
        self._config = configs.load(self._file)
        self._trace = home / "trace"
        # As `offctl-agent init` leaves it: a host that has come nowhere yet, not one that forgot.
        State(self._config.agent_state).begin()
        _release(self._config, desired)

    def build(self) -> None:
        """`offctl-agent apply`, until all is as desired."""
        done = subprocess.run(
            self._program("apply"), check=False, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def apply(self) -> list[str]:
        """`offctl-agent apply`, and what it started; it must have had nothing to do."""
        self._trace.unlink(missing_ok=True)
        with subprocess.Popen(self._traced("apply"), stdout=subprocess.PIPE, text=True) as applying:
            said, _ = applying.communicate(timeout=PATIENCE)
        assert applying.returncode == 0, said
        last = re.compile(rf"^{applying.pid} +\+\+\+ exited", re.MULTILINE)
        self._until(lambda: last.search(self._trace.read_text()) is not None, "its trace")
        return self.started()[1:]

    @contextlib.contextmanager
    def served(self) -> Iterator[None]:
        """The service runs, and its first run has ended."""
        self._trace.unlink(missing_ok=True)
        before = self._reports()
        with subprocess.Popen(self._traced("run"), stdout=subprocess.DEVNULL) as service:
            try:
                self._wait(before)
                yield
            finally:
                service.terminate()

    def ring(self) -> list[str]:
        """Make the service run once more; what it started for that."""
        before, earlier = self._reports(), len(self.started())
        mailbox.ring(mailbox.agent_bell(self._config.runtime))
        self._wait(before)
        return self.started()[earlier:]

    def started(self) -> list[str]:
        """The programs started so far, each with its first argument; the agent itself first."""
        text = self._trace.read_text()
        return [
            " ".join((Path(program).name, *re.findall(r'"([^"]*)"', words)[1:2]))
            for program, words in _STARTED.findall(text)
        ]

    def _program(self, command: str) -> list[str]:
        return [sys.executable, "-m", "offctl_agent", command, "--config", str(self._file)]

    def _traced(self, command: str) -> list[str]:
        # The agent is our child, not its tracer; only this one call is caught, not every one.
        tracing = [
            "strace",
            "-D",
            "-f",
            "--seccomp-bpf",
            "-e",
            "trace=execve",
            "-o",
            str(self._trace),
        ]
        return [*tracing, *self._program(command)]

    def _reports(self) -> int:
        return mailbox.Outbox(self._config.outbox, self._config.runtime).newest()

    @staticmethod
    def _until(condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, f"waited in vain for {what}"
            time.sleep(0.1)

    def _wait(self, before: int) -> None:
        self._until(lambda: self._reports() > before, "a report")
        # The bell is heard again when the pause between two runs is over.
        time.sleep(1)


def _release(config: configs.Config, desired: DesiredState) -> None:
    """Trust, and a release with this desired state, as the courier would have put it there."""
    key = SecretKey.generate()
    pem, coordinator, operator = (
        certificates.generate(name, dns_name="")[0] for name in (desired.host, "one", "desk")
    )
    tunnel = certificates.generate_tunnel_key()[0]
    whole = replace(desired, identity=Identity(pem, tunnel))
    now = datetime.now(UTC).replace(microsecond=0)
    trust = TrustRoot(
        version=1,
        site=desired.site,
        expires=now + timedelta(days=1),
        release_keys=(("desk", key.public),),
        threshold=1,
        timestamp_key=SecretKey.generate().public,
        coordinators=(("one", coordinator),),
        operators=(("desk", operator),),
    )
    config.trust.write_bytes(root.dump(trust))
    content = bundle.dump(whole)
    entry = HostEntry(
        *(desired.host, hashlib.sha256(content).hexdigest(), len(content)),
        *(certificates.fingerprint(pem), desired.wave, desired.soak),
    )
    document = Manifest(
        site=desired.site, serial=1, created=now, expires=now + timedelta(days=1), hosts=(entry,)
    )
    signed = envelope.sign(manifest.PAYLOAD_TYPE, manifest.dump(document), [key])
    for directory in (config.inbox, config.outbox):
        directory.mkdir(mode=0o770)
    release = SignedRelease(signed, ((desired.host, content),))
    mailbox.Inbox(config.inbox).put_release(release.dump())
    os.sync()
