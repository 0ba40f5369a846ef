"""MLRun's own functions, as `function.yaml` has them, as the arguments of `new_function`. Pure."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PureWindowsPath
from typing import Any, Final

from mlrun_operator.api.objects import Object
from mlrun_operator.sdk.foreign.entity_fields import RefusalError, mapping_of, maps_of, text_of, texts_of
from mlrun_operator.sdk.foreign.pip_commands import installed_packages

# Kinds that run to an end in one container; the empty kind is mlrun's default.
_KINDS: Final = ("job", "", "local", "handler")
_SERVES: Final = "serves requests and has no end; put what is to run once into a handler of kind job"
_OTHER_KINDS: Final = {
    "remote": _SERVES,
    "nuclio": _SERVES,
    "serving": _SERVES,
    "application": _SERVES,
    "dask": "needs a Dask cluster; call `dask.distributed.LocalCluster` in a handler of kind job, or use a sweep",
    "spark": "needs the Spark operator; run it there, or read with pandas or pyarrow in a handler of kind job",
    "remote-spark": "needs a Spark service; run it there, or read with pandas or pyarrow in a handler of kind job",
    "mpijob": "needs the MPI operator; run it there, or use `replicas` of a run for processes that need no MPI",
    "databricks": "runs in Databricks; run it there, or put the code into a handler of kind job",
}
# Of a spec, what says nothing here, or what MLRun's server fills in.
_IDLE: Final = (
    *("build", "command", "image", "description", "default_handler", "filename", "entry_points", "default_class"),
    *("disable_auto_mount", "preemption_mode", "mount_otlp_secret", "state_thresholds", "allow_empty_resources"),
    *("volume_mounts", "image_pull_secret", "service_account", "requirements"),
)
# Of `build`, what is read, and what only the making of an image needs.
_IDLE_OF_BUILD: Final = (
    *("functionSourceCode", "origin_filename", "code_origin", "base_image", "image", "source", "requirements"),
    *("commands", "with_mlrun", "auto_build", "load_source_on_run", "extra", "registry", "overwrite_build_params"),
)
_OPTIONS: Final = ("env", "node_selector", "affinity", "tolerations", "priority_class_name", "image_pull_policy")
_VOLUMES: Final = ("configMap", "secret", "persistentVolumeClaim", "emptyDir")
_EMPTY: Final[tuple[object, ...]] = (None, "", [], {}, False)


def is_mlrun_function(value: Any) -> bool:
    """Return whether a document is a function as MLRun exports it, of whichever kind."""
    if not isinstance(value, Mapping) or value.get("apiVersion") or value.get("name"):
        return False
    meta, spec = value.get("metadata"), value.get("spec")
    if not isinstance(meta, Mapping) or not isinstance(spec, Mapping) or not meta.get("name"):
        return False
    kind = value.get("kind") or ""
    if not isinstance(kind, str):
        return False
    return kind in _OTHER_KINDS or (kind in _KINDS and not spec.keys().isdisjoint(("build", "image", "command")))


def arguments(value: Mapping[str, Any]) -> tuple[Object, list[str]]:
    """Return the arguments of `new_function`, and what got lost in them. Raises RefusalError."""
    try:
        return _arguments(str(value.get("kind") or ""), value["metadata"], value["spec"])
    except RefusalError as refusal:
        raise RefusalError(f"MLRun function {value['metadata']['name']}: {refusal}") from None


def _arguments(kind: str, meta: Mapping[str, Any], spec: Mapping[str, Any]) -> tuple[Object, list[str]]:
    if kind in _OTHER_KINDS:
        raise RefusalError(f"kind {kind} {_OTHER_KINDS[kind]}")
    build, name = mapping_of(spec.get("build"), "spec.build"), text_of(meta["name"], "metadata.name")
    image, image_notes = _image(spec, build)
    requirements, command_notes = _requirements(spec, build)
    volumes, volume_notes = _volumes(spec)
    given = {
        "name": name,
        "project": text_of(meta.get("project"), "metadata.project"),
        "tag": text_of(meta.get("tag"), "metadata.tag"),
        "labels": meta.get("labels"),
        "description": text_of(spec.get("description"), "spec.description"),
        "source": _source(name, spec, build),
        "handler": _handler(spec),
        "image": image,
        "requirements": requirements,
        "run": _options(spec, volumes),
    }
    notes = [*_handler_notes(spec), *image_notes, *command_notes, *volume_notes, *_lost(spec, build)]
    return {name: each for name, each in given.items() if each not in _EMPTY}, notes


def _source(name: str, spec: Mapping[str, Any], build: Mapping[str, Any]) -> Object:
    """Return the code: what is written into the function, or the repository or file that it names."""
    if code := text_of(build.get("functionSourceCode"), "spec.build.functionSourceCode"):
        return {**_readable(code), "file_name": _file_name(name, spec, build)}
    command, source = text_of(spec.get("command"), "spec.command"), text_of(build.get("source"), "spec.build.source")
    if source:
        file = {"handler": command} if command.endswith(".py") else {}
        return {"source": _uri(source), **file}
    if "://" in command:
        return {"source": command}
    if command:
        raise RefusalError(
            f"its code is {command} of its image, which cannot be run from here; put the file into a repository, or "
            "give it to `mlrunctl run FILE.py`"
        )
    raise RefusalError(
        "holds no code; export it with its code (spec.build.functionSourceCode), as `function.export()` of "
        "mlrun.code_to_function does"
    )


def _readable(code: str) -> Object:
    """Return the code as text, so that the manifest can be read; what is none is left for the validation."""
    try:
        return {"code": base64.b64decode(code, validate=True).decode()}
    except ValueError:
        return {"base64": code}


def _handler(spec: Mapping[str, Any]) -> str | None:
    """Return the handler; MLRun writes `package.module.function` where we write `package.module:function`."""
    text = text_of(spec.get("default_handler"), "spec.default_handler")
    module, dot, name = text.rpartition(".")
    return (f"{module}:{name}" if dot and ":" not in text else text) or None


def _file_name(name: str, spec: Mapping[str, Any], build: Mapping[str, Any]) -> str:
    """Return the name of the file that the code is from; the function's where that is not told."""
    origins = [text_of(build.get(origin), f"spec.build.{origin}") for origin in ("origin_filename", "code_origin")]
    path = next(filter(None, origins), "") or text_of(spec.get("filename"), "spec.filename")
    # Of Windows, too; the origin may also be the URL of a repository and a path in it.
    stem = PureWindowsPath(path).stem if path.endswith((".py", ".ipynb")) else name.replace("-", "_")
    return f"{stem}.py"


def _uri(source: str) -> str:
    """Return MLRun's URI of a repository or archive in our form. Raises RefusalError."""
    if source.startswith("git://"):
        address, _, ref = source.removeprefix("git://").partition("#")
        name_of_ref = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        return f"git+https://{address}{'#' if name_of_ref else ''}{name_of_ref}"
    if source.endswith(".zip") and source.startswith(("https://", "http://", "s3://")):
        return f"zip+{source}"
    raise RefusalError(
        f"its source {source} is neither a repository (git://) nor a .zip at https:// or s3://; put the code there"
    )


def _image(spec: Mapping[str, Any], build: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    base = text_of(build.get("base_image"), "spec.build.base_image")
    image = text_of(spec.get("image"), "spec.image") or base or text_of(build.get("image"), "spec.build.image")
    if image.startswith("."):
        instead = f"{base} is in its place" if base else "set spec.image to one that this cluster can pull"
        return base or None, [f"image {image}, which MLRun built for itself, is left out: {instead}"]
    return image or None, []


def _requirements(spec: Mapping[str, Any], build: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return what pip is to install, also by `pip install` commands; and the commands that nothing here runs."""
    places = ((spec, "spec"), (build, "spec.build"))
    found = [each for place, path in places for each in texts_of(place.get("requirements"), f"{path}.requirements")]
    notes = []
    for command in texts_of(build.get("commands"), "spec.build.commands"):
        packages = installed_packages(command)
        found += packages
        if not packages:
            notes.append(f"the build command {command!r} is left out; images are not built here; add it to your image")
    return list(dict.fromkeys(found)), notes


def _options(spec: Mapping[str, Any], volumes: list[Object]) -> Object:
    """Return what the function says of its runs' pods."""
    resources = {kind: each for kind, each in mapping_of(spec.get("resources"), "spec.resources").items() if each}
    secret = spec.get("image_pull_secret")
    found: Object = {name: spec.get(name) for name in _OPTIONS}
    found |= {
        "env": [_variable(entry) for entry in maps_of(spec.get("env"), "spec.env")],
        "resources": resources,
        "volumes": volumes,
        "image_pull_secrets": [secret] if secret else None,
        "service_account_name": spec.get("service_account"),
    }
    return {name: each for name, each in found.items() if each not in _EMPTY}


def _variable(entry: Mapping[str, Any]) -> Object:
    """Return an environment variable; one with neither a value nor a place of it is empty."""
    return {**({} if any(part in entry for part in ("valueFrom", "value_from")) else {"value": ""}), **_said(entry)}


def _said(value: Mapping[str, Any]) -> Object:
    return {name: each for name, each in value.items() if each is not None}


def _volumes(spec: Mapping[str, Any]) -> tuple[list[Object], list[str]]:
    """Return each mount with its volume; and the volumes of kinds that runs do not have."""
    volumes, mounts = (maps_of(spec.get(part), f"spec.{part}") for part in ("volumes", "volume_mounts"))
    by_name = {text_of(each.get("name"), "spec.volumes[].name"): each for each in volumes}
    found, notes = [], []
    for mount in mounts:
        volume = by_name.get(text_of(mount.get("name"), "spec.volume_mounts[].name"), {})
        kinds = {kind: volume[kind] for kind in _VOLUMES if kind in volume}
        if kinds:
            found.append({**mount, **kinds})
        else:
            kind = next((part for part in volume if part != "name"), "missing")
            notes.append(f"volume {mount.get('name')} at {mount.get('mountPath')} is left out: its kind is {kind}")
    return found, notes


def _handler_notes(spec: Mapping[str, Any]) -> Iterator[str]:
    names = [str(name) for name in mapping_of(spec.get("entry_points"), "spec.entry_points")]
    if names and not spec.get("default_handler"):
        yield f"it names no default_handler: set spec.handler to one of {', '.join(names)}"


def _lost(spec: Mapping[str, Any], build: Mapping[str, Any]) -> Iterator[str]:
    """Yield a note for each field with a value that has no place here."""
    for name in _others(spec, (*_IDLE, *_OPTIONS, "resources", "volumes")):
        yield f"spec.{name} is left out: a run has no such option"
    for name in _others(build, _IDLE_OF_BUILD):
        yield f"spec.build.{name} is left out: images are not built here"


def _others(value: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    return [name for name, each in value.items() if name not in known and each not in _EMPTY]
