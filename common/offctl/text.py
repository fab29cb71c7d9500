"""Text from elsewhere, made harmless for a terminal and a log. Pure."""


def visible(text: str, limit: int = 2000) -> str:
    """`text` on one line, with every character escaped that could move, hide or fake output."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
