"""YAML and JSON files as people write them: each document with the line of every part of it."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from mlrun_operator.api.limited_yaml import ManifestLoader, problem_of
from mlrun_operator.cli.errors import CliError

Path_ = Sequence[str | int]
_SUFFIXES: Final = (".yaml", ".yml", ".json")


class Loader(ManifestLoader):
    """YAML as kubectl reads it, with limits, and no key is written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        """The mapping. Raises a YAML error at a key that is there twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:str" and key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"{key.value!r} is written twice", key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file. `node` is where PyYAML found it."""

    file: str
    value: Any
    node: yaml.Node

    def line(self, path: Path_ = ()) -> int:
        """The line of the deepest part of `path` that is written. Parts that are not are passed over."""
        node, line = self.node, self.node.start_mark.line
        for part in path:
            found = _child(node, part)
            if found is not None:
                node, line = found
        return line + 1

    def text_line(self, path: Path_) -> int:
        """The line on which the text at `path` begins; of a block (`|`) that is the line below its key."""
        node = self.node
        for part in path:
            found = _child(node, part)
            if found is None:
                return self.line(path)
            node = found[0]
        block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
        return node.start_mark.line + (2 if block else 1)


def read_all(paths: Sequence[str]) -> list[Document]:
    """The objects in these files, folders (with all below) and `-`, the standard input; lists taken apart.

    Raises CliError for a file that cannot be read or is no YAML.
    """
    return [document for path in paths for name, text in _texts(path) for document in parse(text, name)]


def parse(text: str, name: str) -> list[Document]:
    """The objects of one text, empty documents left out. Raises CliError with the line where it is no YAML."""
    if text.lstrip()[:1] in ("{", "["):
        text = text.replace("\t", " ")  # JSON may be indented by tabs, YAML may not
    loader = Loader(text)
    found = []
    try:
        while loader.check_node():
            node = loader.get_node() or yaml.ScalarNode("tag:yaml.org,2002:null", "")
            found += list(_apart(Document(name, loader.construct_document(node), node)))
    except yaml.MarkedYAMLError as error:
        line, words = problem_of(error)
        where = f"{name}:{line}" if line else name
        raise CliError(f"{where}: {words}", "Correct the YAML; nothing was done.") from error
    except yaml.YAMLError as error:
        raise CliError(f"{name}: {error}".split("\n")[0], "The file must be YAML or JSON in UTF-8.") from error
    return found


def value_of(text: str) -> Any:
    """A value as YAML reads it: 3, true, [1, 2], 1e-3, text. Raises ValueError where it is no YAML."""
    try:
        return yaml.load(text, Loader)  # noqa: S506 - made of a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(str(getattr(error, "problem", None) or error)) from error


def _texts(path: str) -> Iterator[tuple[str, str]]:
    if path == "-":
        yield "<stdin>", sys.stdin.read()
        return
    folder = Path(path)
    files = sorted(f for f in folder.rglob("*") if f.suffix in _SUFFIXES) if folder.is_dir() else [folder]
    if not files:
        raise CliError(f"{path} holds no .yaml, .yml or .json file", "Name a file, a folder with manifests, or -.")
    for file in files:
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            words = error.strerror if isinstance(error, OSError) else "is no text in UTF-8"
            raise CliError(
                f"{file}: {words}", "Name a file, a folder with manifests, or - for standard input."
            ) from error


def _apart(document: Document) -> Iterator[Document]:
    """The document, or the items of a List; nothing for an empty one."""
    value = document.value
    if isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list):
        items = _child(document.node, "items")
        if items is not None and isinstance(items[0], yaml.SequenceNode):
            for item, node in zip(value["items"], items[0].value, strict=True):
                yield Document(document.file, item, node)
    elif value is not None:
        yield document


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, int] | None:
    """The part of a node, and the line that names it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line
    return None
