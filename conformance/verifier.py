"""offctl's own verifier behind the command-line protocol; see README.md beside this file."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
import sys

from offctl import errors
from offctl.tables import INSTANT
from offctl.trust import accept, release, root, rotation
from offctl.trust.keys import PublicKey, SecretKey


def parser() -> argparse.ArgumentParser:
    """The protocol's options."""
    made = argparse.ArgumentParser(prog="verifier", description=__doc__)
    made.add_argument("kind")
    made.add_argument("--root", type=Path)
    made.add_argument(
        "--now", type=lambda text: datetime.strptime(text, INSTANT).replace(tzinfo=UTC)
    )
    made.add_argument("--floor-serial", type=int, default=0)
    made.add_argument("--floor-sha256", default="")
    made.add_argument("--kept", action="store_true")
    made.add_argument("--envelope", type=Path)
    made.add_argument("--host", default="")
    made.add_argument("content", type=Path)
    return made


def _instant(text: str) -> datetime:
    return datetime.strptime(text, INSTANT).replace(tzinfo=UTC)


def answer(asked: argparse.Namespace) -> str:
    """The line to print."""
    try:
        return "ok" + _judge(asked, asked.content.read_bytes())
    except (errors.RefusedError, errors.MalformedError) as error:
        return error.code


def _judge(asked: argparse.Namespace, content: bytes) -> str:
    match asked.kind:
        case "public-key":
            PublicKey.parse(content.decode())
        case "secret-key":
            SecretKey.from_pem(content)
        case "root":
            root.parse(content)
        case "release":
            release.parse(content)
        case "rotation":
            trusted = root.parse(asked.root.read_bytes())
            return f" {rotation.follow(rotation.parse_chain(content), trusted).root.version}"
        case _:
            _judge_signed(asked, content)
    return ""


def _judge_signed(asked: argparse.Namespace, content: bytes) -> None:
    trusted = root.parse(asked.root.read_bytes())
    floor = accept.Floor(asked.floor_serial, asked.floor_sha256)
    match asked.kind:
        case "timestamp":
            accept.timestamp(content, trusted, now=asked.now)
        case "manifest":
            accept.manifest(content, trusted, floor=floor, now=asked.now, kept=asked.kept)
        case "bundle":
            envelope = asked.envelope.read_bytes()
            accepted = accept.manifest(envelope, trusted, floor=floor, now=asked.now)
            accept.bundle(accepted, host=asked.host, content=content)
        case _:
            raise SystemExit(f"verifier: no such kind: {asked.kind}")


if __name__ == "__main__":
    said = answer(parser().parse_args())
    print(said)
    sys.exit(0 if said.startswith("ok") else 1)
