"""Vectors about TOML: signed manifests and trust roots that say what they must not."""

from collections.abc import Iterator

from offctl.trust import root
from trust.material import (
    CLOCK,
    DESK,
    PAYLOAD,
    ROOT,
    SPARE,
    Vector,
    certificate,
    of_manifest,
    signed,
)


def texts() -> Iterator[Vector]:
    """What TOML can do to a reader; signed, so only the parser stands in the way."""
    head = PAYLOAD + b"\n"
    cases = {
        "d01-dotted-key": b".".join([b"a"] * 40_000) + b" = 1\n",
        "d01-dotted-quoted": b".".join([b'"\\""'] * 16_000) + b" = 1\n",
        "d01-deep-header": b"[" + b".".join([b"a"] * 998) + b"]\n" + b"k = 1\n",
        "d01-one-word": b"# " + b"a" * 1_000_000 + b"\nx = 1\n",
        "d02-brackets": b"x = " + b"[" * 100_000,
        "d02-braces": b"x = " + b"{a = " * 2_000,
        "d03-digits": b"x = " + b"1" * 4301 + b"\n",
        "d03-hexadecimal": head.replace(b"wave = 1", b"wave = 0x" + b"f" * 100_000),
        "d04-nan": head.replace(b"wave = 1", b"wave = nan"),
        "d04-infinite": head.replace(b"wave = 1", b"wave = inf"),
        "d04-minus-zero": head.replace(b"wave = 1", b"wave = -0.0"),
        "d04-1e999": head.replace(b"wave = 1", b"wave = 1e999"),
        "d04-true": head.replace(b"wave = 1", b"wave = true"),
        "d04-float": head.replace(b"wave = 1", b"wave = 1.0"),
        "d04-date": head.replace(b'site = "off"', b"site = 2026-01-01"),
        "d04-no-table": head.replace(b"[hosts.off1]", b"hosts.off1 = 1\n[x]"),
        "d05-nul": head.replace(b'"off"', b'"off\\u0000"'),
        "d05-newline": head.replace(b'"off"', b'"off\\n"'),
        "d05-return": head.replace(b'"off"', b'"off\\r"'),
        "d05-escape": head.replace(b'"off"', b'"off\\u001b[2J"'),
        "d05-bidi": head.replace(b'"off"', b'"off\\u202e"'),
        "d05-zero-width": head.replace(b'"off"', b'"off\\u200b"'),
        "d05-surrogate": head.replace(b'"off"', b'"off\\ud800"'),
        "d05-long": head.replace(b'"off"', b'"' + b"o" * 1_000_000 + b'"'),
        "d05-host-name": head.replace(b"[hosts.off1]", b'[hosts."../off1"]'),
        "d05-host-dash": head.replace(b"[hosts.off1]", b"[hosts.-rf]"),
        "d06-key-twice": head.replace(b"serial = 7", b"serial = 7\nserial = 7"),
        "d06-table-twice": head + b"[hosts.off1]\nwave = 2\n",
        "d06-dotted-clash": head.replace(b"serial = 7", b"serial = 7\nserial.x = 7"),
        "d06-bom": b"\xef\xbb\xbf" + head,
        "d06-only-returns": head.replace(b"\n", b"\r"),
        "d08-not-utf8": head.replace(b'"off"', b'"off\xff"'),
        "d08-utf-16": head.decode().encode("utf-16"),
        "d08-empty": b"",
        "d08-comment": b"# nothing is desired\n",
        "d08-no-hosts": head[: head.index(b"[hosts.off1]")],
        "d08-zeros": bytes(4096),
        "d14-schema": head.replace(b"schema = 1", b"schema = 2"),
        "a27-unknown-key": b"protct = true\n" + head,
        "a27-unknown-in-host": head.replace(b"wave = 1", b"wawe = 1"),
        "a27-more-in-host": head.replace(b"wave = 1", b"wave = 1\nprotect = 1"),
        "a27-missing": head.replace(b"serial = 7\n", b""),
        "a27-wave-zero": head.replace(b"wave = 1", b"wave = 0"),
        "a27-hash-upper": head.replace(b'sha256 = "', b'sha256 = "A', 1),
        "b06-shared-identity": head + b"identity = " + head.split(b"identity = ")[1][:66] + b"\n",
    }
    for name, payload in cases.items():
        about = f"a signed manifest: {name[4:].replace('-', ' ')}"
        yield of_manifest(name, "MALFORMED", about, signed(payload))


def roots() -> Iterator[Vector]:
    def of_root(name: str, content: str, expect: str = "MALFORMED") -> Vector:
        about = f"a trust root: {name[4:].replace('-', ' ')}"
        return Vector(name, about, "root", expect, content.encode())

    yield of_root("a03-good", ROOT, "ok")
    for name, text in (
        ("zero", "0"), ("negative", "-1"), ("text", '"2"'), ("true", "true"), ("above", "4"),
        ("float", "1.0"), ("list", "[1]"),
    ):  # fmt: skip
        content = ROOT.replace("threshold = 1", f"threshold = {text}")
        yield of_root(f"a03-threshold-{name}", content)
    yield of_root("a03-threshold-missing", ROOT.replace("threshold = 1\n", ""))
    yield of_root("a03-no-keys", ROOT.replace(_between(ROOT, "[release_keys]", "[coord"), ""))
    yield of_root("a04-key-twice", ROOT.replace(SPARE.public.text, DESK.public.text))
    yield of_root("a04-clock-is-signer", ROOT.replace(CLOCK.public.text, DESK.public.text))
    both = ROOT.replace(certificate("desk"), certificate("main"))
    yield of_root("a04-certificate-twice", both)
    given = f'desk = {{ keyid = "{"0" * 64}", key = "{DESK.public.text}" }}'
    yield of_root("a05-given-keyid", ROOT.replace(f'desk = "{DESK.public.text}"', given))
    yield of_root("a27-root-typo", ROOT.replace("threshold", "treshold"))
    yield of_root("a27-root-extra", ROOT.replace("[release_keys]", "ca = 1\n[release_keys]"))
    for who in ("operators.desk", "coordinators.main"):
        more = ROOT.replace(f"[{who}]\n", f"[{who}]\nmore = 1\n")
        yield of_root(f"a27-root-{who.partition('.')[0]}-extra", more)
    yield of_root("a22-version-zero", ROOT.replace("version = 1", "version = 0"))
    yield of_root("a22-version-true", ROOT.replace("version = 1", "version = true"))
    yield of_root("d05-root-site", ROOT.replace('"off"', '"../off"'))
    yield of_root("d05-root-name", ROOT.replace("[operators.desk]", '[operators."a b"]'))
    yield of_root("d08-root-empty", "")
    yield of_root("d08-root-zeros", "\0" * 512)
    yield of_root("d01-root-large", "#" * (root.MAX_TRUST_ROOT + 1), "TOO_LARGE")
    pem = certificate("main")
    yield of_root("a08-two-blocks", ROOT.replace(pem, pem + pem))
    yield of_root("a08-trailing", ROOT.replace(pem, pem + "more\n"))
    yield of_root("a08-damaged", ROOT.replace(pem, pem.replace("M", "N")))
    desk = certificate("desk")
    yield of_root("a08-operator-two-blocks", ROOT.replace(desk, desk + desk))
    yield of_root("a08-operator-trailing", ROOT.replace(desk, desk + "more\n"))


def _between(text: str, start: str, end: str) -> str:
    return text[text.index(start) : text.index(end)]
