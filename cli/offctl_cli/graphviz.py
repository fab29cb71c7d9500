"""The operator's one door to Graphviz: from the text of a diagram to a picture."""

import subprocess

from offctl import errors, progress

PROGRAM = "dot"
SECONDS = 120
MAX_PICTURE = 64 * 1024 * 1024


def svg(text: str) -> bytes:
    """The picture as SVG; raises AdminError when `dot` is not there or does not come to an end."""
    argv = [PROGRAM, "-Tsvg"]
    hint = "or draw it elsewhere: --format dot or --format mermaid gives its text"
    try:
        with progress.shown("drawing"):
            done = subprocess.run(
                argv, input=text.encode(), capture_output=True, timeout=SECONDS, check=False
            )
    except FileNotFoundError as error:
        raise errors.AdminError(
            "cannot draw SVG: the program `dot` of Graphviz is not here",
            hint=f"`apt install graphviz`, {hint}",
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.AdminError(
            f"cannot draw SVG: `dot`: {error}", hint=f"draw less of the site, {hint}"
        ) from error
    if done.returncode or not done.stdout or len(done.stdout) > MAX_PICTURE:
        said = done.stderr.decode("utf-8", "replace").strip()[:500]
        raise errors.AdminError(
            f"cannot draw SVG: `dot` ended with {done.returncode} and "
            f"{len(done.stdout)} bytes: {said or 'it said nothing'}",
            hint=f"draw less of the site, {hint}",
        )
    return done.stdout
