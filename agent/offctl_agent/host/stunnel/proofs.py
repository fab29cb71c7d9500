"""Proofs of tunnels, remembered: a connection that stayed up says so until something has changed.

To prove takes seconds and a program of its own. So it is waited for only when what there is to
prove has never been proven as it is now; after that it is done again at a slow pace, and at every
look for what is broken, while the look itself goes on: the answer is taken at the next one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import threading
import time
import zlib

from offctl.errors import HostError, OffctlError
from offctl_agent.host.stunnel.seat import Seat

Key = tuple[int, str]
# By address, what went wrong, or "" for what stays up; or why nothing could be tried.
Answer = Mapping[str, str] | OffctlError


@dataclass(frozen=True, slots=True)
class Question:
    """Which connections have to be tried from inside one place.

    `subject` is all that the answer depends on, as far as it can be seen from here.
    """

    key: Key
    subject: tuple[object, ...]
    addresses: tuple[str, ...]
    seat: Seat


@dataclass(frozen=True, slots=True)
class _Known:
    subject: tuple[object, ...]
    answer: Answer
    since: float


class _Attempt(threading.Thread):
    """One question being asked, beside everything else."""

    def __init__(self, question: Question, seconds: float) -> None:
        super().__init__(name="proof", daemon=True)
        self.question = question
        self.answer: Answer = HostError("cannot try the tunnels: it came to no end")
        self._seconds = seconds

    def run(self) -> None:
        self.answer = _asked(self.question, self._seconds)


class Proofs:
    """What is known of every instance; with a `pace` of 0 all is asked again at every look."""

    def __init__(self, pace: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._known: dict[Key, _Known] = {}
        self._attempts: dict[Key, _Attempt] = {}

    def answers(self, questions: Iterable[Question], seconds: float) -> dict[Key, Answer]:
        """The answer to each; what must be waited for is asked all at once."""
        asked = {question.key: question for question in questions}
        if not self._pace:
            return {key: _asked(question, seconds) for key, question in asked.items()}
        self._known = {key: known for key, known in self._known.items() if key in asked}
        for key in list(self._attempts):
            self._take(key)
        new = [key for key, question in asked.items() if not self._answered(question)]
        for key, question in asked.items():
            if key in new or self._due(key):
                self._begin(question, seconds)
        for key in new:
            self._attempts[key].join()
            self._take(key)
        return {key: self._known[key].answer for key in asked}

    def age(self, key: Key) -> int:
        """How many seconds ago the answer that is known was taken."""
        known = self._known.get(key)
        return 0 if known is None else int(self._clock() - known.since)

    def _answered(self, question: Question) -> bool:
        known = self._known.get(question.key)
        return known is not None and known.subject == question.subject

    def _due(self, key: Key) -> bool:
        known = self._known[key]
        if isinstance(known.answer, OffctlError) or any(known.answer.values()):
            return True
        # Each at a pace of its own, so that they do not all come in one run.
        share = zlib.crc32(repr(key).encode()) % 1000 / 1000
        return self._clock() - known.since >= self._pace * (0.75 + share / 2)

    def _begin(self, question: Question, seconds: float) -> None:
        under_way = self._attempts.get(question.key)
        if under_way is None or under_way.question.subject != question.subject:
            self._attempts[question.key] = _Attempt(question, seconds)
            self._attempts[question.key].start()

    def _take(self, key: Key) -> None:
        """Take the answer of an attempt that has ended."""
        attempt = self._attempts[key]
        if not attempt.is_alive():
            del self._attempts[key]
            self._known[key] = _Known(attempt.question.subject, attempt.answer, self._clock())


def _asked(question: Question, seconds: float) -> Answer:
    try:
        return dict(question.seat.prove(question.addresses, seconds))
    except OffctlError as error:
        return error
