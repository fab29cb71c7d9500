"""No key of a tunnel is ever in what anything says: every key made in a test is looked for.

Knows each PreSharedKey that this process has made, and looks for it in whatever it is shown.
"""

from offctl.tunnelkeys import PreSharedKey

KEYS: set[str] = set()
# Keys that tests write themselves may be anything; one that says so little is found everywhere.
_LEAST = 16


def watch() -> None:
    """From now on every key is known."""
    made = PreSharedKey.__init__

    def remember(self: PreSharedKey, text: str) -> None:
        made(self, text)
        if len(set(text)) > 4 and len(text) >= _LEAST:
            KEYS.add(text)

    PreSharedKey.__init__ = remember  # type: ignore[method-assign]


def seen_in(content: bytes | str) -> bool:
    """Whether any key made so far is there; which one is not told."""
    text = content if isinstance(content, str) else content.decode("latin-1")
    return any(key in text for key in KEYS)
