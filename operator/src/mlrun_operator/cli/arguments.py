"""What `run` is told on the command line, as the arguments of the SDK's `function.run`."""

import json
from collections.abc import Sequence
from pathlib import Path

from mlrun_operator.api.objects import Object
from mlrun_operator.cli.documents import read_all, value_of
from mlrun_operator.cli.errors import CliError


def parameters(given: Sequence[str], file: Path | None) -> Object:
    """The file's, and over them `name=value` with the value as YAML and `name:=value` as JSON.

    >>> parameters(["rate=1e-3", "name=x", "ids:=[1, 2]", "text:=\\"1\\""], None)
    {'rate': 0.001, 'name': 'x', 'ids': [1, 2], 'text': '1'}
    """
    found = _of_file(file) if file else {}
    for each in given:
        name, sign, text = each.partition("=")
        if not sign or not name.strip(":"):
            raise CliError(f"-p {each}: has the form name=value, or name:=JSON")
        try:
            if name.endswith(":"):
                found[name[:-1]] = json.loads(text)
            else:
                found[name] = value_of(text)
        except ValueError as error:
            raise CliError(
                f"-p {each}: {error}", "Put texts with special characters into quotes: -p 'x=\"a: b\"'."
            ) from None
    return found


def hyperparameters(
    given: Sequence[str], *, selector: str | None = None, strategy: str | None = None, fan_out: bool = False
) -> Object:
    """`name=values` of each parameter of a sweep, as a YAML list or with commas; empty where there is none.

    >>> hyperparameters(["rate=0.1,0.01", "name=[a, b]", "depth=3"], selector="max.accuracy")
    {'params': {'rate': [0.1, 0.01], 'name': ['a', 'b'], 'depth': [3]}, 'selector': 'max.accuracy'}
    """
    found: Object = {}
    for name, text in pairs(given, "-x", "name=value,value,…"):
        try:
            value = value_of(text)
            found[name] = value if isinstance(value, list) else [value_of(part) for part in text.split(",")]
        except ValueError as error:
            raise CliError(f"-x {name}={text}: {error}", "Put the values into a list: -x 'x=[\"a: b\", c]'.") from None
    rest = {"selector": selector, "strategy": strategy, "placement": "FanOut" if fan_out else None}
    rest = {option: value for option, value in rest.items() if value is not None}
    if not found and rest:
        raise CliError("--selector, --strategy and --fan-out are of a sweep", "-x name=value,value makes one.")
    return {"params": found, **rest} if found else {}


def inputs(given: Sequence[str]) -> Object:
    """`name=url-or-key`; a name that is given several times reads a list.

    >>> inputs(["a=https://x/y.csv", "b=1.csv", "b=2.csv"])
    {'a': 'https://x/y.csv', 'b': ['1.csv', '2.csv']}
    """
    found: dict[str, list[str]] = {}
    for name, text in pairs(given, "-i", "name=URL or key"):
        found.setdefault(name, []).append(text)
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in found.items()}


def pairs(given: Sequence[str], option: str, form: str) -> list[tuple[str, str]]:
    """Each `name=text`. Raises CliError that says the form."""
    found = []
    for each in given:
        name, sign, text = each.partition("=")
        if not (name and sign and text):
            raise CliError(f"{option} {each}: has the form {form}")
        found.append((name, text))
    return found


def formats_and_outputs(given: Sequence[str], formats: Sequence[str]) -> tuple[str | None, Object]:
    """`-o yaml` is a format, `-o made=name` maps an output."""
    chosen = [each for each in given if "=" not in each]
    for each in chosen:
        if each not in formats:
            raise CliError(f"-o {each}: is neither a format ({', '.join(formats)}) nor output=name")
    outputs = dict(pairs([each for each in given if "=" in each], "-o", "output=name"))
    return (chosen[-1] if chosen else None), outputs


def _of_file(file: Path) -> Object:
    documents = read_all([str(file)])
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise CliError(f"{file} must be one YAML or JSON object: parameter names and their values")
    return dict(documents[0].value)
