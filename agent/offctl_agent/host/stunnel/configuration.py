"""The text of a stunnel configuration, of its key files and of its unit. Pure; the same every time.

A running stunnel does not say what it has read, and a reload that fails leaves it silent with the
old. So every configuration also listens at an address of the loopback network that is made from
its content: which one is open says which configuration is in force, whatever happened meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import re

from offctl import errors
from offctl.desired import names
from offctl.tunnelkeys import PreSharedKey
from offctl_agent.host.stunnel.sections import CLIENT, Section

# How long stunnel waits for the far end to take a connection, and then for its part of the
# handshake: five minutes, by itself, for a far end that is frozen while its kernel goes on taking
# connections. A proof has to outlast both.
CONNECT_TIMEOUT = 2
HANDSHAKE_TIMEOUT = 5
HOLD = CONNECT_TIMEOUT + HANDSHAKE_TIMEOUT + 1.0
USER = "stunnel4"
PROGRAM = "/usr/bin/stunnel4"
# Below what Linux gives to outgoing connections by itself and above what services use.
_MARKER_PORTS = range(29_000, 32_000)
_MAX_LINES = 256

_LINE = re.compile(r"([^:]{1,64}):([\x21-\x7e]{1,256})")
_NUMERIC = re.compile(r"[0-9.]+|.*:.*")


@dataclass(frozen=True, slots=True)
class Rendering:
    """The files of one instance by their name below its directory, and its marker's address.

    The files hold keys: they never show in repr. `main` is the configuration itself, which names
    the others; the unit and the others may stand beside older ones.
    """

    main: str
    files: Mapping[str, bytes] = field(repr=False)
    marker: str


def configuration(sections: Iterable[Section], directory: str, edition: str, at: str) -> bytes:
    """`NAME.conf`, as stunnel that sees its files below `directory` will read it.

    `edition` is in the names of its key files, so that one rename changes all of it at once; `at`
    is its marker.
    """
    blocks = [_head()]
    blocks += [_block(section, directory, edition) for section in sections]
    if at:
        blocks.append(_marker(at))
    return "\n".join(blocks).encode()


def keys(lines: Mapping[str, PreSharedKey]) -> bytes:
    """A key file: one line for each identity. Raises MalformedError for what stunnel would not
    read as it is meant: it takes an empty file for an error, and of two keys the second.
    """
    if not lines:
        raise errors.MalformedError("cannot write a key file without a key: stunnel refuses it")
    if len({key.reveal() for key in lines.values()}) < len(lines):
        raise errors.MalformedError(
            f"cannot write the keys of {', '.join(sorted(lines))}: two of them are one key",
            hint="every tunnel needs a key of its own",
        )
    for identity in lines:
        names.checked(identity, names.PSK_IDENTITY, "identity")
    return "".join(f"{name}:{key.reveal()}\n" for name, key in sorted(lines.items())).encode()


def parse_keys(content: bytes) -> dict[str, PreSharedKey]:
    """Read a key file in the form that `keys` writes; raises MalformedError, showing no line.

    A byte order mark, blanks, carriage returns, comments and a second line for an identity are all
    taken by stunnel and then fail every handshake.
    """
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise _bad_keys("it is not ASCII") from None
    if not text.endswith("\n"):
        raise _bad_keys("its last line has no end" if text else "it is empty")
    found: dict[str, PreSharedKey] = {}
    lines = text[:-1].split("\n")
    if len(lines) > _MAX_LINES:
        raise _bad_keys(f"it has more than {_MAX_LINES} lines")
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None or not names.PSK_IDENTITY.fullmatch(match[1]):
            raise _bad_keys(f"line {number} is not IDENTITY:KEY")
        if match[1] in found:
            raise _bad_keys(f"line {number} has an identity that is there already")
        found[match[1]] = PreSharedKey(match[2])
    return found


def readable_keys(content: bytes) -> dict[str, PreSharedKey]:
    """As `parse_keys`, but nothing for a file that is not in the form we write."""
    try:
        return parse_keys(content)
    except errors.MalformedError:
        return {}


def unit(instance: str, directory: str) -> bytes:
    """The unit of one instance: the same whatever Debian's stunnel4 package brings or lacks.

    It starts again for ever, for its address may come later than stunnel does.
    """
    return f"""\
# Made by offctl; changes are undone.
[Unit]
Description=stunnel of offctl ({instance})
Documentation=man:stunnel4(8)
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={PROGRAM} {directory}/{instance}.conf
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=3
# Keys stay out of memory dumps.
LimitCORE=0

[Install]
WantedBy=multi-user.target
""".encode()


def marker(digest: bytes) -> str:
    """The loopback address and port that stand for a digest."""
    first, second, third = 1 + digest[0] % 254, digest[1], 1 + digest[2] % 254
    port = _MARKER_PORTS[int.from_bytes(digest[3:7], "big") % len(_MARKER_PORTS)]
    return f"127.{first}.{second}.{third}:{port}"


def is_marker(address: str) -> bool:
    """Whether an address has the shape of a marker."""
    host, _, port = address.rpartition(":")
    return host.startswith("127.") and int(port) in _MARKER_PORTS and host != "127.0.0.1"


def key_file(section: str, edition: str) -> str:
    """The name of a section's key file below the instance's directory."""
    return f"psk/{section}.{edition}.txt"


def parse(content: bytes) -> dict[str, dict[str, str]]:
    """The sections of a configuration and their settings, the last of each key; "" is the head.

    Reads what people write too: any blanks, comments, no last newline. Raises MalformedError.
    """
    found: dict[str, dict[str, str]] = {"": {}}
    now = found[""]
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), 1):
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        if text[0] == "[" and text[-1] == "]":
            name = text[1:-1].strip()
            if name in found:
                raise errors.MalformedError(f"cannot read line {number}: [{name}] stands twice")
            now = found[name] = {}
            continue
        key, equals, value = text.partition("=")
        if not equals:
            raise errors.MalformedError(f"cannot read line {number}: it is not KEY = VALUE")
        now[key.strip()] = value.strip()
    return found


def _head() -> str:
    return f"""\
# Made by offctl; changes are undone.
foreground = yes
setuid = {USER}
setgid = {USER}
pid =
debug = warning
syslog = no
sslVersionMin = TLSv1.2
ciphers = kECDHEPSK
"""


def _block(section: Section, directory: str, edition: str) -> str:
    lines = [
        f"[{section.name}]",
        f"client = {'yes' if section.role == CLIENT else 'no'}",
        f"accept = {section.accept}",
        f"connect = {section.connect}",
        f"PSKsecrets = {directory}/{key_file(section.name, edition)}",
        f"TIMEOUTconnect = {CONNECT_TIMEOUT}",
    ]
    if section.role == CLIENT:
        lines.append(f"PSKidentity = {section.identities[0]}")
        # Of the handshake alone: a connection that is up may be silent for as long as it likes.
        lines.append(f"TIMEOUTbusy = {HANDSHAKE_TIMEOUT}")
        if not _NUMERIC.fullmatch(section.connect.rpartition(":")[0]):
            lines.append("delay = yes")  # a name may be unknown at boot, and may move
    return "\n".join(lines) + "\n"


def _marker(address: str) -> str:
    return f"""\
# Leads nowhere: that it is open says that this file, with its keys, is the one in force.
[offctl-marker]
client = yes
accept = {address}
connect = 127.0.0.1:1
"""


def _bad_keys(cause: str) -> errors.MalformedError:
    return errors.MalformedError(f"cannot use a key file: {cause}")
