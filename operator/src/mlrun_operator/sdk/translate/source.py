"""A function's source: DigitalHub's dictionary, a path or a URI. Local files are read here and carried."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import Any, Final

from mlrun_operator.api.objects import Object
from mlrun_operator.api.rules import checked
from mlrun_operator.api.v1alpha1.source import MAX_INLINE_BYTES, Source
from mlrun_operator.api.values.handlers import FILE_NAME_RULES
from mlrun_operator.sdk.errors import InvalidArgument
from mlrun_operator.sdk.translate.code import code_text, declared_utf8
from mlrun_operator.sdk.translate.notebook import notebook_code
from mlrun_operator.sdk.translate.shapes import snaked, validated

_FIELDS: Final = ("source", "code", "base64", "file_name", "lang", "handler")
# Who wins where several are given, as DigitalHub had it.
_ORDER: Final = ("base64", "code", "source")


@dataclass(frozen=True, slots=True)
class LargeFile:
    """A local file that does not fit into a resource; the store can take it."""

    path: Path
    data: bytes


def source(given: Any) -> Object | LargeFile:
    """The source as the resource has it. Raises InvalidArgument that names what is wrong with it.

    A local file comes back as its code, or, over the limit of inline code, as a LargeFile.
    """
    if isinstance(given, str | PathLike):
        given = {"source": fspath(given)}
    if not isinstance(given, Mapping):
        raise InvalidArgument("source", f"must be a dictionary with source, code or base64, not {given!r:.60}")
    try:
        found = snaked(given, _FIELDS, "source")
    except InvalidArgument as error:
        raise error.within("source") from None
    found = _one(found)
    _refuse_functions_of_mlrun(str(found.get("source") or ""))
    if "source" in found and "://" not in str(found["source"]):
        local = _local(Path(found["source"]), found)
        if isinstance(local, LargeFile):
            return local
        found = local
    return _checked(found)


def _refuse_functions_of_mlrun(text: str) -> None:
    """Raise InvalidArgument for a function of MLRun's hub or database, or its file, with what to do."""
    if text.startswith(("hub://", "db://")):
        what = "of MLRun's hub" if text.startswith("hub://") else "in the database of an MLRun server"
        problem = f"{text} is a function {what}, which this platform does not read"
    elif text.endswith((".yaml", ".yml")) and "://" not in text:
        problem = f"{text} is not code; a function.yaml of MLRun holds the code and more"
    else:
        return
    hint = "`mlrunctl convert function.yaml` prints the MlrunFunction of a function's exported file."
    raise InvalidArgument("source.source", problem, hint=hint)


def _one(found: Object) -> Object:
    """With one of base64, code and source; the others are left out with a warning.

    DigitalHub's entities have the code in base64 and in source the name of its file, which is kept.
    """
    given = [name for name in _ORDER if name in found]
    if not given:
        raise InvalidArgument("source", "has none of source, code and base64")
    if len(given) > 1:
        words = f"source: {given[0]} is used and {' and '.join(given[1:])} ignored"
        warnings.warn(words, UserWarning, stacklevel=6)
    kept = {name: value for name, value in found.items() if name not in given[1:]}
    return {**_file_name(PurePath(str(found["source"]))), **kept} if "source" in given[1:] else kept


def _local(path: Path, found: Object) -> Object | LargeFile:
    path = path.expanduser()
    if not path.exists():
        raise InvalidArgument("source.source", f"{path} does not exist; it is looked for in {Path.cwd()}")
    if not path.is_file() or path.suffix not in (".py", ".ipynb"):
        hint = "Put a folder into a zip archive in S3 or at https:// and write zip+s3:// or zip+https://."
        raise InvalidArgument("source.source", f"{path} is neither a .py file nor a notebook", hint=hint)
    if "handler" in found:
        raise InvalidArgument("source.handler", "is for repositories and archives; the function to call is `handler`")
    code = _notebook(path) if path.suffix == ".ipynb" else code_text(path, path.read_bytes())
    path, data = path.with_suffix(".py"), code.encode()
    if len(data) > MAX_INLINE_BYTES:
        return LargeFile(path, data)
    if not code:
        raise InvalidArgument("source.source", "the file is empty")
    rest = {name: value for name, value in found.items() if name != "source"}
    return {**_file_name(path), **rest, "code": code}


def _notebook(path: Path) -> str:
    """The code of a notebook; a warning for what only notebooks know."""
    code, magics = notebook_code(path, path.read_bytes())
    if magics:
        words = f"{path}: left out, as only notebooks know it: {'; '.join(magics)}"
        warnings.warn(words, UserWarning, stacklevel=7)
    return declared_utf8(code)


def _file_name(path: PurePath) -> Object:
    """The file's name for messages and tracebacks; nothing for one that the resource cannot hold."""
    try:
        path.name.encode()
        checked(path.name, FILE_NAME_RULES)
    except ValueError:
        return {}
    return {"file_name": path.name}


def _checked(found: Object) -> Object:
    try:
        return validated(Source, found).wire()
    except InvalidArgument as error:
        raise error.within("source") from None
