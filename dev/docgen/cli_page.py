"""The reference of the command line, from the program itself."""

from collections.abc import Iterator
from typing import Any

import typer.main

from docgen.markdown import code, page, table
from mlrun_operator.cli.app import Panel, app
from mlrun_operator.cli.errors import MEANINGS
from mlrun_operator.cli.program import VERBS

COMMON = ("namespace", "context", "kubeconfig", "json", "verbose", "help")


def cli_page() -> str:
    """The page."""
    assert VERBS  # importing them is what adds them
    root: Any = typer.main.get_group(app)
    return page(
        "mlrunctl",
        "`mlrunctl VERB`, or `kubectl mlrun VERB` where `kubectl-mlrun` is in the PATH. How to work with it: "
        "[the command line](cli.md).",
        "## Common options",
        "Before or after the verb; verbs without a cluster have no `--context` and `--kubeconfig`.",
        table(("Option", "Meaning"), _options(root)),
        *_panels(root),
        "## Exit codes",
        table(("Code", "Meaning"), [(str(int(code_)), said) for code_, said in MEANINGS.items()]),
    )


def _panels(root: Any) -> Iterator[str]:
    for panel in Panel:
        verbs = [verb for verb in root.commands.values() if verb.rich_help_panel == panel]
        if verbs:
            yield f"## {panel}"
        for verb in verbs:
            yield from _verb(verb, "mlrunctl")


def _verb(verb: Any, before: str) -> Iterator[str]:
    name = f"{before} {verb.name}"
    if hasattr(verb, "commands"):
        for below in verb.commands.values():
            yield from _verb(below, name)
        return
    arguments = [p for p in verb.params if p.param_type_name == "argument"]
    yield f"### {name.removeprefix('mlrunctl ')}"
    yield f"`{' '.join([name, *(_shown(a) for a in arguments)])}`"
    yield _paragraphs(verb.help)
    rows = [(code(_shown(a)), _sentence(a.help)) for a in arguments]
    rows += _options(verb, without=COMMON)
    if rows:
        yield table(("", "Meaning"), rows)


def _options(command: Any, without: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    options = [p for p in command.params if p.param_type_name == "option" and p.name not in without]
    return [(", ".join(code(_valued(o, flag)) for flag in o.opts), _meaning(o)) for o in options]


def _valued(option: Any, flag: str) -> str:
    return flag if option.is_flag else f"{flag} {option.metavar or (option.name or '').upper()}"


def _meaning(option: Any) -> str:
    default = option.default
    shown = f"Default: {code(str(default))}." if isinstance(default, int | float | str) and default else ""
    return " ".join(filter(None, (_sentence(option.help or ""), "" if option.is_flag else shown)))


def _shown(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "`")) else f"{text}."
