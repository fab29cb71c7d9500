"""Writes vectors/*.toml: what the trust core must refuse, and why, one file per case.

Run `PYTHONPATH=tests python -m trust.make_vectors` after changing a case in *_vectors.py; a test
compares the files with what this program makes. A name starts with the rule of the catalogue of
attacks that the case is about.
"""

from trust import (
    document_vectors,
    envelope_vectors,
    load_vectors,
    material,
    release_vectors,
    rotation_vectors,
)
from trust.material import Vector

SOURCES = (
    envelope_vectors.signatures, envelope_vectors.kinds,
    release_vectors.serials, release_vectors.times,
    release_vectors.places, release_vectors.timestamps,
    document_vectors.texts, document_vectors.roots,
    load_vectors.public_keys, load_vectors.secret_keys, load_vectors.releases,
    rotation_vectors.rotations,
)  # fmt: skip


def all_vectors() -> list[Vector]:
    return [vector for source in SOURCES for vector in source()]


def main() -> None:
    material.VECTORS.mkdir(exist_ok=True)
    for old in material.VECTORS.glob("*.toml"):
        old.unlink()
    for vector in all_vectors():
        (material.VECTORS / f"{vector.name}.toml").write_bytes(vector.dump())


if __name__ == "__main__":
    main()
