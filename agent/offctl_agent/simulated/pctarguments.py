"""The command line of pct: its own way of reading options, and its schema's refusals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import re

from offctl_agent.host import pctformats, pctschema
from offctl_agent.host.pctschema import Kind
from offctl_agent.simulated.result import CommandError

BAD_REQUEST = 255
_VMID = re.compile(r"[1-9][0-9]{2,8}")
_CONFIG_ID = re.compile(r"[a-z][a-z0-9_-]+", re.IGNORECASE)
_MAX_DIGEST = 40

_ANY = Kind()
_BOOL = Kind("boolean")
_CREATE: Mapping[str, Kind] = {
    "force": _BOOL,
    "ignore-unpack-errors": _BOOL,
    "password": Kind(shortest=5),
    "pool": _ANY,
    "start": _BOOL,
    "storage": _ANY,
}
_SET: Mapping[str, Kind] = {"delete": _ANY, "digest": Kind(longest=_MAX_DIGEST), "revert": _ANY}
_LISTS = frozenset({"delete", "revert", "nameserver", "searchdomain", "tags"})
_SKIPLOCK: Mapping[str, Kind] = {"skiplock": _BOOL}
# All of the real program's commands: a prefix must be unique among them.
_ALL = frozenset(
    """
    clone config console cpusets create delsnapshot destroy df enter exec fsck fstrim list
    listsnapshot migrate mount move-volume pending pull push reboot remote-migrate rescan resize
    restore resume rollback set shutdown snapshot start status stop suspend template unlock unmount
    """.split()
)
_OPEN_END = frozenset({"exec"})
# Positional parameters after the id, options of the command, and whether configuration keys too.
COMMANDS: Mapping[str, tuple[int, Mapping[str, Kind], bool]] = {
    "config": (0, {"current": _BOOL, "snapshot": _ANY}, False),
    "create": (1, _CREATE, True),
    "exec": (1, {"keep-env": _BOOL}, False),
    "list": (-1, {}, False),
    "pending": (0, {}, False),
    "reboot": (0, {"timeout": Kind("integer", 0)}, False),
    "set": (0, _SET, True),
    "shutdown": (0, {"timeout": Kind("integer", 0), "forceStop": _BOOL}, False),
    "start": (0, {**_SKIPLOCK, "debug": _BOOL}, False),
    "status": (0, {"verbose": _BOOL}, False),
    "stop": (0, {**_SKIPLOCK, "overrule-shutdown": _BOOL}, False),
    "unlock": (0, {}, False),
}


@dataclass(slots=True)
class Call:
    """One accepted command line. `options` hold what was given, booleans as 1 and 0."""

    command: str
    number: int = 0
    positional: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)

    def words(self, option: str) -> list[str]:
        """The words of a list option; empty when it is absent."""
        return pctformats.words(self.options.get(option, ""))


def parse(argv: Sequence[str]) -> Call:
    """Read `pct ARGV`. Raises CommandError in pct's words."""
    command = _command(argv[0] if argv else "")
    count, own, configurable = COMMANDS[command]
    call = Call(command)
    words = _read(call, argv[1:], own, configurable=configurable)
    if len(words) < count + 1:
        raise CommandError(f"400 not enough arguments\n{usage(command)}", BAD_REQUEST)
    if len(words) > count + 1 and command not in _OPEN_END:
        raise CommandError(f"400 too many arguments\n{usage(command)}", BAD_REQUEST)
    _unify_booleans(call.options, own)
    complaints = list(_judged(call.options, own))
    if words and not _VMID.fullmatch(words[0]):
        complaints.insert(0, "vmid: invalid format - value does not look like a valid VM ID")
    if complaints:
        text = "\n".join(["400 Parameter verification failed.", *complaints, usage(command)])
        raise CommandError(text, BAD_REQUEST)
    if words:
        call.number, call.positional = int(words[0]), words[1:]
    return call


def usage(command: str) -> str:
    """The last line of a refusal."""
    return f"pct {command} " + ("" if command == "list" else "<vmid> ") + "[OPTIONS]"


def _command(text: str) -> str:
    if text in COMMANDS:
        return text
    found = [name for name in _ALL if name.startswith(text)] if text else []
    if len(found) != 1 or found[0] not in COMMANDS:
        raise CommandError(f"ERROR: unknown command '{text}'", BAD_REQUEST)
    return found[0]


def _read(
    call: Call, argv: Sequence[str], own: Mapping[str, Kind], *, configurable: bool
) -> list[str]:
    """Fill in the options; gives the other words. The last value wins, lists accumulate."""
    words = []
    for name, value in _getopt(argv, own, configurable=configurable):
        if not name:
            words.append(value)
        elif name in _LISTS and name in call.options:
            call.options[name] += f",{value}"
        else:
            call.options[name] = value
    return words


def _getopt(
    argv: Sequence[str], own: Mapping[str, Kind], *, configurable: bool
) -> Iterator[tuple[str, str]]:
    """(option, value), or ("", word) for what is no option, by the rules of Getopt::Long."""
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            yield from (("", rest) for rest in words)
            return
        if not re.match(r"-{1,2}[A-Za-z]", word):
            yield "", word
            continue
        text, equals, value = word.lstrip("-").partition("=")
        name, kind = _option(text, own, configurable=configurable)
        if kind.type == "boolean":
            yield name, value if equals else _optional(words)
        elif equals and value:
            yield name, value
        elif words and not equals:
            yield name, words.pop(0)
        else:
            raise CommandError(
                f"Option {name} requires an argument\n400 unable to parse option", BAD_REQUEST
            )


def _optional(words: list[str]) -> str:
    return words.pop(0) if words and not words[0].startswith("-") else "1"


def _unify_booleans(options: dict[str, str], own: Mapping[str, Kind]) -> None:
    for name, value in options.items():
        kind = own.get(name) or pctschema.kind_of(name)
        if kind is not None and kind.type == "boolean":
            options[name] = _boolean(value)


def _boolean(text: str) -> str:
    value = pctschema.boolean(text)
    if value is None:
        raise CommandError("400 unable to parse boolean option", BAD_REQUEST)
    return value


def _option(text: str, own: Mapping[str, Kind], *, configurable: bool) -> tuple[str, Kind]:
    wanted = text.lower()
    known = dict(own)
    if configurable:
        known |= {k: v for k, v in pctschema.KEYS.items() if k not in ("parent", "snaptime")}
        numbered = pctschema.kind_of(wanted)
        if numbered is not None and wanted[-1:].isdigit():
            return wanted, numbered
    exact = [name for name in known if name.lower() == wanted]
    found = exact or [name for name in known if name.lower().startswith(wanted)]
    if len(found) != 1:
        raise CommandError(f"Unknown option: {text}\n400 unable to parse option", BAD_REQUEST)
    return found[0], known[found[0]]


def _judged(options: Mapping[str, str], own: Mapping[str, Kind]) -> Iterator[str]:
    for name, value in options.items():
        if name in ("delete", "revert"):
            for key in pctformats.words(value):
                if not _CONFIG_ID.fullmatch(key):
                    yield f"{name}: invalid format - invalid configuration ID '{key}'"
            continue
        kind = own.get(name) or pctschema.kind_of(name)
        for complaint in pctschema.judge(kind, value) if kind and value else ():
            yield worded(name, complaint)


def worded(name: str, complaint: pctschema.Complaint) -> str:
    """One refusal as pct prints it."""
    reason = f"invalid format - {complaint.reason}" if complaint.is_format else complaint.reason
    if complaint.path:
        return f"{name}: invalid format - format error\n{name}.{complaint.path}: {reason}"
    return f"{name}: {reason}"
