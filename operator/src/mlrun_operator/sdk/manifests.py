"""Manifests: our objects as YAML for Git, and back."""

from pathlib import Path
from typing import Any, Final

import yaml

from mlrun_operator.api import constants
from mlrun_operator.api.limited_yaml import ManifestLoader
from mlrun_operator.api.objects import Object, spec_of
from mlrun_operator.sdk.errors import InvalidArgument

_KEPT: Final = ("name", "namespace", "labels", "annotations")


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, so that code can be read and diffed."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and not any(line != line.rstrip() for line in text.split("\n")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def dump(*objects: Object) -> str:
    """YAML, a document each, in the order of their fields."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def clean(obj: Object) -> Object:
    """The object as a person would write it: no status, nothing that the cluster added."""
    meta = {name: obj["metadata"][name] for name in _KEPT if obj["metadata"].get(name)}
    annotations = {n: v for n, v in (meta.pop("annotations", None) or {}).items() if not n.startswith("kubectl.")}
    if annotations:
        meta["annotations"] = annotations
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": meta, "spec": spec_of(obj)}


def load(text: str | Path) -> list[Object]:
    """The functions and runs in a manifest, a file's for a Path. Raises InvalidArgument for anything else."""
    words = text.read_text() if isinstance(text, Path) else text
    try:
        documents = [each for each in yaml.load_all(words, ManifestLoader) if each is not None]
    except yaml.YAMLError as error:
        raise InvalidArgument("manifest", f"is no YAML: {error}") from None
    found: list[Object] = []
    for number, each in enumerate(documents, 1):
        items = each.get("items") if isinstance(each, dict) and each.get("kind") == "List" else [each]
        found += [_checked(item, number) for item in items or ()]
    return found


def _checked(obj: Any, number: int) -> Object:
    field = f"document {number}"
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict) or "name" not in obj["metadata"]:
        raise InvalidArgument(field, "is no Kubernetes object with a metadata.name")
    if obj.get("apiVersion") != constants.API_VERSION:
        raise InvalidArgument(f"{field}.apiVersion", f"is {obj.get('apiVersion')!r}, not {constants.API_VERSION}")
    if obj.get("kind") not in (constants.FUNCTION_KIND, constants.RUN_KIND):
        raise InvalidArgument(f"{field}.kind", f"{obj.get('kind')!r} is neither MlrunFunction nor MlrunRun")
    return obj
