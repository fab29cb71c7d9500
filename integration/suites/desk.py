"""An operator's desk: a site, keys, and the programs of this tree; releases go into inboxes."""

from pathlib import Path
import re
import subprocess
import sys

BIN = Path(sys.executable).parent
INBOX = "/var/lib/offctl/inbox/release.json"
OUTBOX = "/var/lib/offctl/outbox"
TRUST = "trust.toml"


class Desk:
    """A directory with `site` in it; what is made there stays there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.site = directory / "site"
        self.serial = 0

    def run(self, program: str, *arguments: str) -> str:
        """What one program of this tree prints; it must succeed."""
        done = subprocess.run(
            [str(BIN / program), *arguments],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{program} {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def make_trust(self, site: str) -> Path:
        """As `trust`, with a coordinator that nobody starts."""
        said = self.run("offctl-coordinator", "init", "coordinator", "--name", "main")
        return self.trust(site, said, "coordinator/server.cert.pem")

    def trust(self, site: str, said: str, certificate: str) -> Path:
        """Keys of the operator, and the trust root that names them and a coordinator.

        `said` is what the coordinator's `init` printed, `certificate` is a file on the desk.
        """
        release = _found(r"ed25519:\S+", self.run("offctl", "key", "new", "release.pem"))
        self.run("offctl", "identity", "new", ".", "desk")
        self.run(
            *("offctl", "trust", "new", "-o", TRUST, "--site", site, "--threshold", "1"),
            *("--release-key", f"desk={release}", "--operator", "desk=desk.crt"),
            *("--timestamp-key", _found(r'ed25519:[^"]+', said)),
            *("--coordinator", f"main={certificate}"),
        )
        return self.directory / TRUST

    def sign(self) -> Path:
        """The next release, of the site as it is now."""
        self.serial += 1
        name = f"{self.serial}.release"
        key = ("--key", "release.pem", "--serial", str(self.serial))
        self.run("offctl", "sign", "site", *key, "-o", name)
        return self.directory / name


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[0]
