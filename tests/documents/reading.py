"""The commands that the documentation shows, in its order: what a reader would type, and where.

A fenced block ```` ```console MACHINE ```` has commands after `$ `; other lines of it are what they
print. With several machines each line is typed on every one, and HOST is its name. A block
```` ```toml PATH ```` is a file that the reader writes on the machine in front of the path.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re

from unitfiles import ROOT

README = "README.md"
PAGES = (README, *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
PROGRAMS = ("offctl", "offctl-agent", "offctl-courier", "offctl-coordinator")
_FENCE = re.compile(r"(?ms)^```([a-z]*)([^\n]*)\n(.*?)^```$")
_PARTS = re.compile(rf"(?ms)^## ([^\n]+)$|{_FENCE.pattern.removeprefix('(?ms)')}")
# Where a block of text ends besides an empty line: no code span reaches from one into the next.
_BLOCKS = re.compile(r"\n[ \t]*\n|\n(?=[ \t]*(?:[-*+] |\d+\. |\||#+ |> ))")
# Code is set between as many backticks as it begins with.
_SPAN = re.compile(r"(?s)(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_USER = re.compile(r"^sudo (?:-u \S+ )?")
_COMMENT = re.compile(r"\s+# .*$")


@dataclass(frozen=True)
class Shown:
    """A command as it stands in a document; `machine` is where it is typed."""

    page: str
    machine: str
    text: str


@dataclass(frozen=True)
class Written:
    """A file that a reader writes."""

    page: str
    machine: str
    path: str
    text: str


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def steps(page: str) -> Iterator[Shown | Written | str]:
    """What a reader does, from top to bottom; a string is the title of a section."""
    for title, language, words, body in _PARTS.findall(text_of(page)):
        if title:
            yield title
        elif language == "console":
            yield from _commands(page, words.split(), body)
        elif language == "toml" and words.strip():
            machine, path = words.split()
            yield Written(page, machine, path, body)


def _commands(page: str, machines: list[str], body: str) -> Iterator[Shown]:
    assert machines, f"{page}: a console without a machine: {body}"
    for line in body.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            text = re.sub(r"\s+", " ", _COMMENT.sub("", line[2:]))
            for machine in machines:
                yield Shown(page, machine, text.replace("HOST", machine))


def other_fences(page: str) -> list[str]:
    """Blocks that are neither run nor written: nothing in them may look like a command of ours."""
    found = _FENCE.findall(text_of(page))
    return [body for language, words, body in found if language != "console" and not words.strip()]


def prose(page: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("\n", text_of(page))


def spans(text: str) -> list[str]:
    """What is set as code in sentences; a span goes on over the ends of lines, as in a browser."""
    found = (span for block in _BLOCKS.split(text) for _, span in _SPAN.findall(block))
    return [" ".join(span.split()) for span in found]


def unpaired(text: str) -> list[str]:
    """Blocks of text with a backtick that begins or ends nothing."""
    return [block for block in _BLOCKS.split(text) if "`" in _SPAN.sub("", block)]


def code(page: str) -> str:
    """Everything in a page that is set as code."""
    blocks = (body for _, _, body in _FENCE.findall(text_of(page)))
    return "\n".join((*blocks, *spans(prose(page))))


def inline(page: str) -> list[str]:
    """Commands of ours in the middle of a sentence, or in a table."""
    meant = (_USER.sub("", span, count=1) for span in spans(prose(page)))
    return [span for span in meant if span.split(" ")[0] in PROGRAMS and " " in span]


def manual(path: Path) -> list[str]:
    """The commands in a manual page's examples."""
    blocks = re.findall(r"(?ms)^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", path.read_text(encoding="utf-8"))
    lines = (line.strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line.split() and line.split()[0] in PROGRAMS]
