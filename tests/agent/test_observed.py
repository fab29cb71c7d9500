"""What a host observed lies beside its reports; a report is not kept back by it, and tells."""

from pathlib import Path

from agent.scenario import FULL
from agent.test_long_time import Island


def test_what_was_observed_and_cannot_be_kept_is_told_in_the_report(tmp_path: Path) -> None:
    island = Island(tmp_path)
    island.publish(1, FULL)
    assert island.run().report.observation
    place = island.config.outbox / "observation"
    place.unlink()
    place.mkdir()
    ran = island.run()
    assert ran.report.observation == ""
    assert any(str(place) in note for note in ran.report.notes)
    assert ran.report.sequence == island.agent().outbox.newest()
    place.rmdir()
    assert island.run().report.observation
