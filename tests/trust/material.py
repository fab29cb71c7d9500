"""What the tests of the trust core are made of: keys, one good release, and the form of a vector.

Everything comes from fixed seeds, so that it is the same each time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import hashlib
import json
from pathlib import Path
import zlib

import tomli_w

from offctl.desired import bundle as bundles
from offctl.desired.model import DesiredState, Identity, Mode
from offctl.trust import base64text, envelope, manifest, root
from offctl.trust.keys import SecretKey
from offctl.trust.manifest import HostEntry, Manifest
from offctl.trust.root import TrustRoot

HERE = Path(__file__).parent
VECTORS = HERE / "vectors"

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TUNNEL_KEY = "x25519:CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Vector:
    """One case: `content` is judged as `kind`; `expect` is a code, or "ok"."""

    name: str
    about: str
    kind: str
    expect: str
    content: bytes
    root: str = ""
    envelope: bytes = b""
    host: str = "off1"
    serial: int = 0
    sha256: str = ""
    now: datetime = NOW
    kept: bool = False

    def dump(self) -> bytes:
        """The file of this case. Contents are deflated: some are large and all the same."""
        values = {
            "expect": self.expect,
            "about": self.about,
            "kind": self.kind,
            "now": self.now,
            "kept": self.kept,
            "host": self.host,
            "floor": {"serial": self.serial, "sha256": self.sha256},
            "root": self.root,
            "envelope": _packed(self.envelope),
            "content": _packed(self.content),
        }
        return tomli_w.dumps(values).encode()


def _packed(content: bytes) -> str:
    return base64text.encode(zlib.compress(content, 9)) if content else ""


def secret(name: str) -> SecretKey:
    return SecretKey.generate(lambda size: hashlib.sha256(name.encode()).digest()[:size])


def certificate(name: str) -> str:
    return (HERE / "certificates" / f"{name}.pem").read_text()


DESK, SPARE, VAULT, STRANGER, CLOCK = map(secret, ("desk", "spare", "vault", "stranger", "clock"))


def trust_root(threshold: int = 1, **changes: object) -> TrustRoot:
    made = TrustRoot(
        version=1,
        site="off",
        expires=NOW + 300 * DAY,
        release_keys=(("desk", DESK.public), ("spare", SPARE.public), ("vault", VAULT.public)),
        threshold=threshold,
        timestamp_key=CLOCK.public,
        coordinators=(("main", certificate("main")),),
        operators=(("desk", certificate("desk")),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


ROOT = root.dump(trust_root()).decode()
ROOT_OF_TWO = root.dump(trust_root(2)).decode()

STATE = DesiredState("off", "off1", Mode.ENFORCE, Identity(certificate("off1"), TUNNEL_KEY))
OTHER = DesiredState("off", "off2", Mode.ENFORCE)
BUNDLE = bundles.dump(STATE)
OTHER_BUNDLE = bundles.dump(OTHER)


def entry(host: str, content: bytes, **changes: object) -> HostEntry:
    made = HostEntry(host, hashlib.sha256(content).hexdigest(), len(content))
    return replace(made, **changes)  # type: ignore[arg-type]


def off1(content: bytes = BUNDLE, **changes: object) -> HostEntry:
    from offctl import certificates

    identity = certificates.fingerprint(certificate("off1"))
    return entry("off1", content, **{"identity": identity, **changes})


MANIFEST = Manifest("off", 7, NOW - DAY, NOW + 89 * DAY, (off1(), entry("off2", OTHER_BUNDLE)))
PAYLOAD = manifest.dump(MANIFEST)
PAYLOAD_SHA256 = hashlib.sha256(PAYLOAD).hexdigest()


def signed(payload: bytes, *keys: SecretKey, kind: str = manifest.PAYLOAD_TYPE) -> bytes:
    return envelope.sign(kind, payload, keys or (DESK,))


def edited(content: bytes, edit: Callable[[Json], object]) -> bytes:
    values = json.loads(content)
    edit(values)
    return json.dumps(values).encode()


def changed(**changes: object) -> bytes:
    return signed(manifest.dump(replace(MANIFEST, **changes)))  # type: ignore[arg-type]


def of_manifest(
    name: str, expect: str, about: str, content: bytes, *, trusted: str = ROOT, **more: object
) -> Vector:
    made = Vector(name, about, "manifest", expect, content, trusted)
    return replace(made, **more)  # type: ignore[arg-type]


def with_signature(sig: bytes, keyid: str = "") -> bytes:
    entry = {"keyid": keyid or DESK.public.keyid, "sig": base64text.encode(sig)}
    return edited(signed(PAYLOAD), lambda v: v.update(signatures=[entry]))
