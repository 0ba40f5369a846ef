"""The program that verbs are added to, and the options that every verb has."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup


class Panel(StrEnum):
    """The groups of verbs in the help."""

    SUBMIT = "Submit"
    LOOK = "Look"
    FOLLOW = "Follow"
    STEER = "Steer"
    OFFLINE = "Without a cluster"
    PLATFORM = "Platform"


class Grouped(TyperGroup):
    """A group whose help lists its verbs by panel."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The verbs in their panels."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            if not command.hidden:
                panel = getattr(command, "rich_help_panel", None) or "Verbs"
                panels.setdefault(panel, []).append((name, command.get_short_help_str(90)))
        for panel in [*(p.value for p in Panel if p.value in panels), *(p for p in panels if p not in list(Panel))]:
            with formatter.section(panel):
                formatter.write_dl(panels[panel])


app = typer.Typer(
    name="mlrunctl",
    cls=Grouped,
    rich_markup_mode=None,  # rich's help takes 0.2 s more
    help="Run MLRun functions on Kubernetes: check, submit, watch, explain.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


@dataclass(frozen=True, slots=True)
class Session:
    """What the common options say; None is what the kube context says."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
    json: bool = False
    verbose: bool = False


_current: Session = Session()

Namespace = Annotated[str | None, typer.Option("-n", "--namespace", help="Namespace; default: the context's.")]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[str | None, typer.Option("--kubeconfig", help="Kubeconfig file; default: as kubectl.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show where an error comes from.")]

_ALWAYS: Final = {"json": (Json, False), "verbose": (Verbose, False)}
_CLUSTER: Final = {"namespace": (Namespace, None), "context": (Context, None), "kubeconfig": (Kubeconfig, None)}


def session() -> Session:
    """The common options of this call."""
    return _current


def begin(**said: Any) -> None:
    """Start a call: the root's options, which a verb's own override."""
    global _current  # noqa: PLW0603 - one call, one program
    _current = Session(**said)


def verb(
    panel: Panel, *, of: typer.Typer = app, name: str | None = None, cluster: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make the function a verb with the common options besides its own."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        common = {**(_CLUSTER if cluster else {"namespace": _CLUSTER["namespace"]}), **_ALWAYS}

        @wraps(function)
        def call(**said: Any) -> None:
            global _current  # noqa: PLW0603 - one call, one program
            ours = {key: said.pop(key) for key in common}
            _current = replace(_current, **{key: value for key, value in ours.items() if value})
            function(**said)

        signature = inspect.signature(function, eval_str=True)
        extra = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for key, (annotation, default) in common.items()
        ]
        parameters = [*signature.parameters.values(), *extra]
        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        of.command(name=name, rich_help_panel=panel.value)(call)
        return function

    return decorate


@app.callback()
def _root(
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    json: Json = False,  # noqa: FBT002 - a flag
    verbose: Verbose = False,  # noqa: FBT002 - a flag
) -> None:
    begin(namespace=namespace, context=context, kubeconfig=kubeconfig, json=json, verbose=verbose)
