"""When a proof is waited for, when it is done beside, and when not at all."""

from collections.abc import Iterable, Mapping
import threading
from typing import Any

import pytest

from offctl.errors import HostError
from offctl_agent.host.stunnel.proofs import Proofs, Question

ADDRESS = "10.1.0.113:6379"
PACE = 600.0


class Place:
    """Somewhere connections can be tried; it tells how often that was done."""

    def __init__(self) -> None:
        self.answer: Mapping[str, str] | HostError = {ADDRESS: ""}
        self.tried = 0
        self.open = threading.Event()
        self.open.set()

    def prove(self, addresses: Iterable[str], seconds: float) -> Mapping[str, str]:
        self.tried += 1
        assert list(addresses) == [ADDRESS]
        assert self.open.wait(10)
        if isinstance(self.answer, HostError):
            raise self.answer
        return self.answer


class Scene:
    def __init__(self, pace: float = PACE) -> None:
        self.now = 0.0
        self.place = Place()
        self.proofs = Proofs(pace, lambda: self.now)

    def look(self, subject: str = "one", number: int = 113) -> Any:
        place: Any = self.place
        asked = Question((number, "off"), (subject,), (ADDRESS,), place)
        return self.proofs.answers([asked], 1.0)[number, "off"]

    def settle(self) -> None:
        for thread in threading.enumerate():
            if thread.name == "proof":
                thread.join(10)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_has_not_changed_is_not_tried_again(scene: Scene) -> None:
    for _ in range(100):
        assert scene.look() == {ADDRESS: ""}
    assert scene.place.tried == 1


def test_another_subject_is_waited_for(scene: Scene) -> None:
    scene.look()
    scene.place.answer = {ADDRESS: "closed at once"}
    assert scene.look("two") == {ADDRESS: "closed at once"}


def test_after_a_while_it_is_tried_beside_and_the_answer_is_taken_next_time(scene: Scene) -> None:
    scene.look()
    scene.place.answer = {ADDRESS: "closed at once"}
    scene.place.open.clear()
    scene.now = PACE * 1.3
    for _ in range(3):
        assert scene.look() == {ADDRESS: ""}, "not waited for"
    scene.place.open.set()
    scene.settle()
    assert scene.look() == {ADDRESS: "closed at once"}


def test_a_proof_is_as_old_as_its_answer(scene: Scene) -> None:
    scene.look()
    scene.now = PACE / 2
    scene.look()
    assert scene.proofs.age((113, "off")) == PACE / 2
    scene.now = PACE * 1.3
    scene.look()
    scene.settle()
    scene.look()
    assert scene.proofs.age((113, "off")) == 0
    assert scene.proofs.age((113, "other")) == 0


def test_what_is_broken_is_tried_at_every_look(scene: Scene) -> None:
    scene.place.answer = {ADDRESS: "closed at once"}
    scene.look()
    scene.place.answer = {ADDRESS: ""}
    assert scene.look() == {ADDRESS: "closed at once"}
    scene.settle()
    assert scene.look() == {ADDRESS: ""}
    assert scene.place.tried == 2


def test_what_could_not_be_tried_is_said_and_tried_again(scene: Scene) -> None:
    scene.place.answer = HostError("no systemd")
    assert isinstance(scene.look(), HostError)
    scene.place.answer = {ADDRESS: ""}
    scene.look()
    scene.settle()
    assert scene.look() == {ADDRESS: ""}


def test_an_answer_to_another_question_is_none(scene: Scene) -> None:
    """It changed while it was being tried: that says nothing of what is there now."""
    scene.look()
    scene.now = PACE * 1.3
    scene.place.open.clear()
    scene.look()
    scene.place.open.set()
    scene.place.answer = {ADDRESS: "closed at once"}
    assert scene.look("two") == {ADDRESS: "closed at once"}


def test_what_is_not_asked_any_more_is_forgotten(scene: Scene) -> None:
    scene.look()
    scene.proofs.answers([], 1.0)
    scene.look()
    assert scene.place.tried == 2


def test_not_all_at_once() -> None:
    scene = Scene()
    place: Any = scene.place
    asked = [Question((n, "off"), ("x",), (ADDRESS,), place) for n in range(100, 140)]
    scene.proofs.answers(asked, 1.0)
    began = scene.place.tried
    scene.now = PACE
    scene.proofs.answers(asked, 1.0)
    scene.settle()
    assert 0 < scene.place.tried - began < len(asked)


def test_without_a_pace_every_look_tries() -> None:
    scene = Scene(pace=0)
    scene.look()
    scene.place.answer = {ADDRESS: "closed at once"}
    assert scene.look() == {ADDRESS: "closed at once"}
    assert scene.place.tried == 2
