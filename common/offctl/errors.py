"""One tree of errors, its families named by who must act.

Text is `cannot <verb> <thing>: <cause>`; `hint` says what to do next; `code` is stable, for
programs. No error ever carries a secret: raise with names, never with contents.
"""


class OffctlError(Exception):
    """Something a person must know about; the programs print it and exit, never a traceback."""

    code = "ERROR"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        """`code` narrows the class's own code where one class has several causes."""
        super().__init__(message)
        self.hint = hint
        if code:
            self.code = code


class AuthorError(OffctlError):
    """What an operator wrote is wrong: the site, a trust root, arguments."""

    code = "INPUT"


class MalformedError(AuthorError):
    """Bytes that should be one of our documents are not."""

    code = "MALFORMED"


class RefusedError(OffctlError):
    """A release, bundle or timestamp is not to be believed; nothing changes because of it."""

    code = "REFUSED"


class AdminError(OffctlError):
    """The machine or its set-up stands in the way: permissions, a missing file, a full disk."""

    code = "LOCAL"


class UnreachableError(OffctlError):
    """The other side of the network did not answer, or would not speak with us."""

    code = "UNREACHABLE"


class NotFoundError(OffctlError):
    """What was asked for does not exist on the other side."""

    code = "NOT_FOUND"


class HostError(OffctlError):
    """An action on the host failed; `evidence` keeps what the command said."""

    code = "FAILED"

    def __init__(self, message: str, *, hint: str = "", code: str = "", evidence: str = "") -> None:
        """`evidence` is the command's own words, already cut to a bounded length."""
        super().__init__(message, hint=hint, code=code)
        self.evidence = evidence


class InternalError(OffctlError):
    """We made a mistake; the text asks for a bug report."""

    code = "INTERNAL"
