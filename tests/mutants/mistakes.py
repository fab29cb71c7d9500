"""Mistakes that people make, as changes of a syntax tree: one at a time, in a fixed order."""

import ast
from collections import Counter
from collections.abc import Iterator
import copy
from dataclasses import dataclass, field, replace

_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
    ast.Continue: ast.Break, ast.Break: ast.Continue,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in one line of a module; `place` counts the nodes before it."""

    module: str
    line: int
    said: str
    code: str
    source: str = field(repr=False)
    place: int | None

    @property
    def name(self) -> tuple[str, str, str]:
        """What it is called, whatever stands above it."""
        return self.module, self.code, self.said

    def undone(self) -> "Mistake":
        """The module as it is."""
        return replace(self, place=None)

    def tree(self) -> ast.Module:
        """The whole module with it."""
        tree = ast.parse(self.source)
        if self.place is not None:
            list(_change(list(_places(tree))[self.place]))
        return ast.fix_missing_locations(tree)


def mistakes(module: str, source: str) -> Iterator[Mistake]:
    """All of them."""
    lines = source.splitlines()
    met: Counter[tuple[str, str]] = Counter()
    for number, node in enumerate(_places(ast.parse(source))):
        line = getattr(node, "lineno", 1)
        for said in _change(copy.deepcopy(node)):
            code = lines[line - 1].strip()
            met[code, said] += 1
            again = f" ({met[code, said]})" if met[code, said] > 1 else ""
            yield Mistake(module, line, said + again, code, source, number)


def _places(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node where one may be; not in words for people, types and decorators."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr | ast.arguments):
            continue
        yield node
        if isinstance(node, ast.Raise):
            continue
        if isinstance(node, ast.AnnAssign):
            yield from () if node.value is None else _with(node.value)
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for each in node.body:
                yield from _with(each)
            continue
        yield from _places(node)


def _with(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, ast.Raise):
        yield from _places_below(node)


def _places_below(node: ast.AST) -> Iterator[ast.AST]:
    wrapped = ast.Module(body=[], type_ignores=[])
    wrapped.body = [node]  # type: ignore[list-item]
    found = _places(wrapped)
    next(found)
    yield from found


def _change(node: ast.AST) -> Iterator[str]:
    """Change a node in place; what was done, or nothing when there is nothing to do wrong."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _OTHER:
            node.ops = [_OTHER[type(op)]()]  # type: ignore[list-item]
            yield f"{type(op).__name__} → {type(node.ops[0]).__name__}"
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in _OTHER:
            node.op = _OTHER[type(op)]()  # type: ignore[assignment]
            yield f"{type(op).__name__} → {type(node.op).__name__}"
        case ast.UnaryOp(op=ast.Not()):
            node.op = ast.UAdd()
            node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
            yield "not forgotten"
        case ast.Constant(value=bool(value)):
            node.value = not value
            yield f"{value} → {node.value}"
        case ast.Constant(value=int(value)):
            node.value = value + 1
            yield f"{value} → {value + 1}"
        case ast.If(test=test):
            node.test = ast.BoolOp(ast.And(), [ast.Constant(False), test])
            yield "if never"
        case ast.Expr(value=ast.Call()):
            node.value = ast.Constant(None)
            yield "call forgotten"
        case _:
            return
