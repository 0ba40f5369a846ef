"""The page of what starts a new execution, from the marks on the models' fields."""

from collections.abc import Iterator
from typing import Final

from docgen.markdown import code, page, table
from mlrun_operator.api.base import HashMark
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.render.meaning import Shape, shape_of

Row = tuple[str, str, str]
MIXED: Final = "see below"
# Not a part of the comparison, yet made to start an execution.
_ANSWERS: Final = {"rerun": "a new value does"}
HEAD: Final = ("Field", "A change starts a new execution", "The same as an absent field")


def executions_page() -> str:
    """Return the page."""
    run, function = shape_of(RunSpec), shape_of(FunctionSpec)
    return page(
        "What starts a new execution",
        "The operator compares a run with what its last execution was started for. A change of a field marked *yes* "
        "starts a new execution once the last one has ended. A new value of `rerun` does so without any change. "
        "How executions work: [concepts](concepts.md#executions).",
        "## How values are compared",
        "- A row stands for all fields below its field that have no row of their own.\n"
        "- `null` is the same as an absent field.\n"
        "- An empty list, map or text is the same as an absent field where the third column names it, and in "
        f"{_nested(HashMark.EMPTY_IS_ABSENT, run, function)}.\n"
        f"- `false` is the same as an absent field in {_nested(HashMark.FALSE_IS_ABSENT, run, function)}.\n"
        "- A map with one field is the same as its text: `secrets: [{name: keys}]` and `secrets: [keys]`, "
        "`outputs: {model: {name: best}}` and `outputs: {model: best}`, in `inputs` `{path: s3://bucket/x.csv}` and "
        "`s3://bucket/x.csv`, `{key: store://…}` and `store://…`.\n"
        "- A quantity in `resources`, `sizeLimit` or `size` is compared by its amount: `cpu: 1`, `cpu: '1.0'` and "
        "`cpu: 1000m` are the same, and so are `64Mi` and `65536Ki`.\n"
        "- The order of a list counts; the order of fields does not.\n"
        "- Other spellings of one meaning are changes: a default that is written out, code in `base64` instead of "
        "`code`, the name of a function in another form.\n"
        "- Where the third column says *as written*, each value inside counts: `null`, an empty value and another "
        "spelling of a number are changes.",
        "A new version of the operator compares a run by the rules that its last execution was recorded with, so an "
        "upgrade alone starts nothing, and an edit that is made during the upgrade is not lost.",
        "## MlrunRun",
        "The fields of `spec`.",
        table(HEAD, rows(run, without=("function",))),
        "## MlrunFunction",
        "The fields of `spec.function`, a function that is written into the run. A change of a function that a run "
        "refers to starts nothing by itself; with `functionRef.onChange: Rerun` the fields marked *yes* do.",
        table(HEAD, rows(function)),
    )


def rows(shape: Shape, prefix: str = "", *, without: tuple[str, ...] = ()) -> Iterator[Row]:
    """Return the path, the answer and the values like absent of each field; fields of one answer share a row."""
    for name, part in shape.fields.items():
        if name in without:
            continue
        path = f"{prefix}{name}"
        yield code(path), _ANSWERS.get(path) or answer(part), _like_absent(part)
        if answer(part) == MIXED:
            yield from rows(part, f"{path}.")


def answer(shape: Shape) -> str:
    """Return yes or no for a field and all below it, or `see below` where they differ."""
    if shape.starts_nothing:
        return "no"
    answers = {answer(part) for part in _parts(shape)}
    return MIXED if answers - {"yes"} else "yes"


def _parts(shape: Shape) -> list[Shape]:
    if HashMark.AS_WRITTEN in shape.marks:
        return []
    return [part for part in (*shape.fields.values(), shape.values, shape.items) if part is not None]


def _like_absent(shape: Shape) -> str:
    if shape.starts_nothing:
        return ""
    names = ["`null`"]
    if HashMark.EMPTY_IS_ABSENT in shape.marks:
        names.append(code(_empty(shape)))
    return ", ".join(names) + ("; inside as written" if HashMark.AS_WRITTEN in shape.marks else "")


def _empty(shape: Shape) -> str:
    if shape.items is not None:
        return "[]"
    return "{}" if shape.fields or shape.values is not None else '""'


def _nested(mark: HashMark, *shapes: Shape) -> str:
    """Return the paths of the fields with this mark; of those like an empty absent one only those below rows."""
    listed = mark is HashMark.EMPTY_IS_ABSENT
    paths = (path for shape in shapes for path in _marked_paths(mark, shape, "", listed=listed))
    return ", ".join(code(path) for path in dict.fromkeys(paths) if not path.startswith(("run.", "function.")))


def _marked_paths(mark: HashMark, shape: Shape, prefix: str, *, listed: bool) -> Iterator[str]:
    for name, part in shape.fields.items():
        if part.starts_nothing or HashMark.AS_WRITTEN in part.marks:
            continue
        if mark in part.marks and not listed:
            yield f"{prefix}{name}"
        yield from _below(mark, part, f"{prefix}{name}", listed=listed and answer(part) == MIXED)


def _below(mark: HashMark, shape: Shape, path: str, *, listed: bool) -> Iterator[str]:
    yield from _marked_paths(mark, shape, f"{path}.", listed=listed)
    if shape.items is not None:
        yield from _below(mark, shape.items, f"{path}[]", listed=listed)
    if shape.values is not None:
        yield from _below(mark, shape.values, f"{path}.{{name}}", listed=listed)
