"""What a simulated program leaves behind, and how it gives up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """Exit status and texts; `timed_out` when it never came back."""

    code: int = 0
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False


class CommandError(Exception):
    """A program gives up: its message and exit status."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
