"""The public names, what importing them costs, and that both twins have the same."""

import inspect
import subprocess
import sys

import mlrun_operator as dh
from mlrun_operator import sdk
from mlrun_operator.sdk import aio, errors

NAMES = set(sdk.__all__)
VERBS = ("new_", "get_", "list_", "update_", "delete_")


def test_the_package_has_the_sdks_names_and_no_others() -> None:
    assert dh._SDK == NAMES
    assert set(dir(dh)) >= NAMES
    assert all(getattr(dh, name) is getattr(sdk, name) for name in NAMES)


def test_every_documented_verb_is_there_for_every_thing() -> None:
    for thing in ("function", "dataitem", "artifact", "model"):
        for verb in VERBS:
            name = f"{verb}{thing}{'s' if verb == 'list_' else ''}"
            assert callable(getattr(dh, name)), name
            assert callable(getattr(dh.Project, name)), name


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "kubernetes|pandas|mlrun|boto3|aiohttp|pydantic|yaml"
    code = f"import mlrun_operator as dh, sys; print(sorted(set('{heavy}'.split('|')) & set(sys.modules)))"
    code += "; dh.get_or_create_project; print(sorted({'kubernetes','pandas','mlrun','boto3'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


def test_every_name_and_method_is_documented_and_the_twins_take_the_same_arguments() -> None:
    for name in NAMES - {"aio", "errors"}:
        assert inspect.getdoc(getattr(sdk, name)), name
    for name in set(aio.__all__) & NAMES - {"Connection", "Secret", "update_project"}:
        ours, twins = getattr(sdk, name), getattr(aio, name)
        assert inspect.signature(ours) == inspect.signature(twins), name
        assert not inspect.iscoroutinefunction(ours), name
    for blocking, twin in (
        (sdk.Run, aio.AsyncRun),
        (sdk.Function, aio.AsyncFunction),
        (sdk.Project, aio.AsyncProject),
        (sdk.DataItem, aio.AsyncDataItem),
    ):
        for name, member in inspect.getmembers(twin, inspect.iscoroutinefunction):
            if name.startswith("_") or name in ("imported", "log_text"):
                continue
            assert inspect.getdoc(member), (twin, name)
            assert hasattr(blocking, name), (blocking, name)
            if name != "run":
                assert inspect.signature(getattr(blocking, name)) == inspect.signature(member), name


def test_errors_are_one_tree_and_say_their_hint() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(kind, errors.SdkError) for kind in kinds)
    assert str(errors.NotFound("no such run.", hint="List them.")) == "no such run. List them."
    missing = errors.MissingExtra.of("A DataFrame", "data")
    assert "pip install 'mlrun-operator[data]'" in str(missing)
