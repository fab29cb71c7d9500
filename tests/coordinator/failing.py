"""A database that does not answer one call, and then does again."""

from typing import Any

import pytest

from offctl import errors
from offctl_coordinator.store.sql import SqlStore


def once(monkeypatch: pytest.MonkeyPatch, method: str) -> list[str]:
    """The next call of this method of any store fails; the list says so when it has."""
    original = getattr(SqlStore, method)
    failed: list[str] = []

    def answer(self: SqlStore, *arguments: Any) -> Any:
        if failed:
            return original(self, *arguments)
        failed.append(method)
        raise errors.UnreachableError(f"cannot {method}: lock timeout", code="DATABASE")

    monkeypatch.setattr(SqlStore, method, answer)
    return failed
