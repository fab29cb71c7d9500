"""Generate the committed gRPC stubs from proto/ (grpcio-tools 1.51.1, as ADR 0004 explains)."""

from importlib import resources
from pathlib import Path
import sys

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


def generate(target: Path) -> list[Path]:
    """Write the stubs of every .proto file below `target`; return the files, sorted."""
    sources = sorted((ROOT / "proto").rglob("*.proto"))
    include = resources.files("grpc_tools") / "_proto"
    arguments = [
        "protoc",
        f"--proto_path={ROOT / 'proto'}",
        f"--proto_path={include}",
        f"--python_out={target}",
        f"--pyi_out={target}",
        f"--grpc_python_out={target}",
        *(str(source) for source in sources),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("cannot generate the stubs: protoc refused a file above")
    written = sorted(target.glob("offctl/api/**/*_pb2*.py*"))
    # Messages without services leave empty files behind.
    for path in written:
        if path.name.endswith("_pb2_grpc.py") and "class " not in path.read_text(encoding="utf-8"):
            path.unlink()
    return [path for path in written if path.exists()]


if __name__ == "__main__":
    for file in generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "common"):
        print(file)
