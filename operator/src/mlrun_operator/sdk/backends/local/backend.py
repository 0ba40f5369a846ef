"""The backend of this machine."""

import asyncio
import json
import os
import shutil
import sys
import traceback
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final

from mlrun_operator.api.contract.envelope import GRACE_SECONDS, StoreInfo
from mlrun_operator.api.contract.live import PREFIX
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import Execution, FunctionPin, Phase, RunStatus
from mlrun_operator.api.v1alpha1.sweep import Hyperparameters
from mlrun_operator.api.visible import visible
from mlrun_operator.cluster.resources import FUNCTIONS, RUNS, Resource
from mlrun_operator.render.envelope import PinnedFunction, build_envelope
from mlrun_operator.render.execution import execution_hash, is_same_execution
from mlrun_operator.render.options import effective
from mlrun_operator.sdk.backend import Backend, LogLine, named_endpoint
from mlrun_operator.sdk.backends.local.interpreter import interpreter
from mlrun_operator.sdk.backends.local.objects import Objects
from mlrun_operator.sdk.backends.local.process import LocalProcess, Work, environment
from mlrun_operator.sdk.errors import BackendError, NotFound, NotSupported
from mlrun_operator.sdk.naming import object_names
from mlrun_operator.sdk.states import FINISHED
from mlrun_operator.sdk.status import has_ended

HOME_VARIABLE: Final = "MLRUN_OPERATOR_HOME"
_HOME: Final = "~/.local/share/mlrun-operator"
_POLL: Final = 0.05
_LOG_END_BYTES: Final = 1 << 20
# What means something here; all else is about pods, and is said to be without effect.
_EFFECTIVE: Final = {
    *("env", "secrets", "backoff_limit", "active_deadline_seconds", "termination_grace_period_seconds"),
    *("ttl_seconds_after_finished", "pending_deadline_seconds", "max_disruptions"),
}
_REFUSED: Final = {
    "schedule": "Schedules run in a cluster.",
    "replicas": "Replicas run in a cluster.",
}


class LocalBackend(Backend):
    """This machine. Objects, logs and the store are below `home`."""

    kind: ClassVar[str] = "local"

    def __init__(self, namespace: str | None = None, home: str | Path | None = None) -> None:
        self.home = Path(home or os.environ.get(HOME_VARIABLE) or _HOME).expanduser().resolve()
        self._namespace = namespace or "local"
        self._objects = Objects(self.home / "objects")
        self._running: dict[str, tuple[LocalProcess, asyncio.Task[None]]] = {}
        self._closed = False

    def describe(self) -> str:
        """See `Backend.describe`."""
        return f"backend local · {self.home} · namespace {self._namespace}"

    async def namespace(self, project: str | None) -> str:
        """See `Backend.namespace`."""
        return self._namespace.replace("{project}", project or "local")

    async def apply(self, resource: Resource, obj: Object) -> Object:
        """See `Backend.apply`. A run that is new, or asked for again, is started."""
        return self._reconciled(resource, self._objects.apply(resource, obj))

    async def create(self, resource: Resource, obj: Object) -> Object:
        """See `Backend.create`. Raises BackendError, and creates nothing, where there is no interpreter for a run."""
        if resource is RUNS:
            _refuse(obj)
            await interpreter(self.home)
        return self._reconciled(resource, self._objects.create(resource, obj))

    async def read(self, resource: Resource, namespace: str, name: str) -> Object:
        """See `Backend.read`."""
        return self._checked(resource, self._objects.read(resource, namespace, name))

    async def find(self, resource: Resource, namespace: str, labels: str = "") -> list[Object]:
        """See `Backend.find`."""
        return [self._checked(resource, obj) for obj in self._objects.find(resource, namespace, labels)]

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """See `Backend.merge`."""
        changed = self._objects.change(resource, namespace, name, lambda obj: _merged(obj, patch))
        return self._reconciled(resource, changed)

    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """See `Backend.delete`."""
        gone = self._objects.delete(resource, namespace, name)
        held = self._running.pop(gone["metadata"]["uid"], None)
        if held is not None:
            await held[0].stop()
        await asyncio.to_thread(shutil.rmtree, self._folder(gone), ignore_errors=True)

    async def follow(self, resource: Resource, namespace: str, name: str) -> AsyncGenerator[Object | None, None]:
        """See `Backend.follow`."""
        version = None
        while True:
            try:
                obj = self._checked(resource, self._objects.read(resource, namespace, name))
            except NotFound:
                yield None
                return
            if obj["metadata"]["resourceVersion"] != version:
                version = obj["metadata"]["resourceVersion"]
                yield obj
            await asyncio.sleep(_POLL)

    async def follow_all(
        self, resource: Resource, namespace: str, labels: str = ""
    ) -> AsyncIterator[tuple[str, Object]]:
        """See `Backend.follow_all`."""
        known: dict[str, Object] = {}
        while True:
            there = {obj["metadata"]["uid"]: obj for obj in self._objects.find(resource, namespace, labels)}
            for uid in [uid for uid in known if uid not in there]:
                yield "DELETED", known.pop(uid)
            for uid, obj in there.items():
                before = known.get(uid)
                known[uid] = obj
                if before is None:
                    yield "ADDED", obj
                elif before["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                    yield "MODIFIED", obj
            await asyncio.sleep(_POLL)

    async def log(self, run: Object, *, follow: bool = False) -> AsyncIterator[LogLine]:
        """See `Backend.log`."""
        meta, told, position, rest = run["metadata"], 0, 0, b""
        while True:
            current = self._checked(RUNS, self._objects.read(RUNS, meta["namespace"], meta["name"]))
            ended, attempts = has_ended(current), status_of(current).get("attempts") or []
            folder = self._folder(current) / str((status_of(current).get("execution") or {}).get("number"))
            while told < len(attempts):
                file, attempt = folder / str(told + 1) / "log.txt", attempts[told]
                over = ended or "completionTime" in attempt
                data = rest + (_read_from(file, position))
                position += len(data) - len(rest)
                *lines, rest = data.split(b"\n")
                for line in lines:
                    yield LogLine(line.decode(errors="replace"), attempt["pod"], told + 1)
                if not over:
                    break
                if rest:
                    yield LogLine(rest.decode(errors="replace"), attempt["pod"], told + 1)
                told, position, rest = told + 1, 0, b""
            if not follow or ended:
                return
            await asyncio.sleep(_POLL)

    async def live_lines(self, run: Object, pod: str, attempt: int) -> list[str]:
        """See `Backend.live_lines`."""
        folder = self._folder(run) / str((status_of(run).get("execution") or {}).get("number"))
        lines = await asyncio.to_thread(_end_of, folder / str(attempt) / "log.txt")
        return [line for line in lines if line.startswith(PREFIX)]

    async def events(self, namespace: str, uids: list[str]) -> list[Object]:
        """See `Backend.events`: there are none here."""
        return []

    async def set_secret(self, project: str, name: str, value: str) -> None:
        """See `Backend.set_secret`: in a file that only the user can read."""
        file = self._secrets(project)
        file.parent.mkdir(parents=True, exist_ok=True)
        held = self._held_secrets(project)
        file.touch(mode=0o600)
        file.write_text(json.dumps({**held, name: value}))

    async def platform(self, namespace: str) -> Platform | None:
        """See `Backend.platform`."""
        return self._platform(namespace)

    async def stores(self, namespace: str) -> list[StoreInfo]:
        """See `Backend.stores`."""
        return [self._platform(namespace).store]

    async def close(self) -> None:
        """Ends what still runs: a local run lives as long as the program that started it."""
        self._closed = True
        for process, task in list(self._running.values()):
            await process.stop()
            await asyncio.gather(task, return_exceptions=True)

    def _platform(self, namespace: str) -> Platform:
        root = os.environ.get("MLRUN_OPERATOR_STORE", f"file://{self.home}/store/{{namespace}}")
        endpoint = named_endpoint() if root.startswith("s3://") else None
        store = StoreInfo(root=root.replace("{namespace}", namespace), endpoint=endpoint)
        return Platform(wrapper_image="local", store=store)

    def _folder(self, run: Object) -> Path:
        return self.home / "runs" / str(run["metadata"]["uid"])

    def _secrets(self, project: str) -> Path:
        return self.home / "secrets" / f"{project}.json"

    def _held_secrets(self, project: str) -> dict[str, str]:
        file = self._secrets(project)
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def _reconciled(self, resource: Resource, obj: Object) -> Object:
        """Start or stop what the run asks for."""
        if resource is not RUNS:
            return obj
        uid, spec, status = obj["metadata"]["uid"], obj["spec"], status_of(obj)
        if spec.get("stop"):
            held = self._running.get(uid)
            if held is not None:
                asyncio.get_running_loop().create_task(held[0].stop())
            return self._observed(obj) if status.get("phase") in FINISHED else obj
        if spec.get("suspend") or uid in self._running:
            return obj
        before = status.get("execution") or {}
        again = spec.get("rerun") and spec["rerun"] != before.get("rerun")
        if not before or again or is_same_execution(str(before.get("hash")), spec) is False:
            number = int(before.get("number", 0)) + 1
            return self._start(obj, number)
        return self._observed(obj)

    def _observed(self, run: Object) -> Object:
        """Nothing is to be done for the newest spec."""
        meta = run["metadata"]
        return self._objects.change(
            RUNS,
            meta["namespace"],
            meta["name"],
            lambda now: {**now, "status": {**status_of(now), "observedGeneration": meta["generation"]}},
        )

    def _checked(self, resource: Resource, obj: Object) -> Object:
        """The object; a run whose program has ended without a word has failed."""
        status = status_of(obj)
        if resource is not RUNS or not status or has_ended(obj) or obj["metadata"]["uid"] in self._running:
            return obj
        owner = self._folder(obj) / "owner"
        if status.get("phase") not in ("Pending", "Running") or (owner.exists() and _is_alive(owner.read_text())):
            return obj
        words = "the program that started this local run ended before it"
        execution = Execution.model_validate(status["execution"])
        return self._tell(obj, self._ended(obj, execution, Reason.TERMINATED, words))

    def _start(self, run: Object, number: int) -> Object:
        execution = Execution(
            number=number,
            hash=execution_hash(run["spec"]),
            generation=run["metadata"]["generation"],
            rerun=run["spec"].get("rerun"),
        )
        pending = RunStatus(
            observed_generation=run["metadata"]["generation"],
            phase=Phase.PENDING,
            reason=Reason.CREATED,
            execution=execution,
        )
        self._folder(run).mkdir(parents=True, exist_ok=True)
        (self._folder(run) / "owner").write_text(str(os.getpid()))
        started = self._tell(run, pending)
        task = asyncio.get_running_loop().create_task(self._execute(started, execution))
        self._running[run["metadata"]["uid"]] = (_NOTHING, task)
        return started

    async def _execute(self, run: Object, execution: Execution) -> None:
        uid = run["metadata"]["uid"]
        try:
            work = await self._work(run, execution)
            if not self._is_wanted(run):
                words = EXPLANATIONS[Reason.STOPPED].happened
                self._told(run, self._ended(run, execution, Reason.STOPPED, words, Phase.STOPPED))
                return
            process = LocalProcess(work, lambda status: self._told(run, status))
            self._running[uid] = (process, self._running[uid][1])
            await process.run()
        except (ValueError, LookupError, NotSupported) as error:
            missing = isinstance(error, LookupError) and not isinstance(error, NotFound)
            reason = Reason.SECRET_MISSING if missing else Reason.INVALID_RUN
            reason = Reason.FUNCTION_MISSING if isinstance(error, NotFound) else reason
            self._told(run, self._ended(run, execution, reason, str(error).strip("'")))
        except BackendError as error:
            self._told(run, self._ended(run, execution, Reason.REQUIREMENTS_FAILED, str(error)))
        except Exception as error:
            words = f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}"
            self._told(run, self._ended(run, execution, Reason.WRAPPER_ERROR, words))
        finally:
            self._running.pop(uid, None)
            self._go_on(run)

    def _is_wanted(self, run: Object) -> bool:
        """Whether nobody has stopped it while its interpreter was made, which may take minutes."""
        now = self._objects.read(RUNS, run["metadata"]["namespace"], run["metadata"]["name"])
        return not (self._closed or now["spec"].get("stop"))

    def _go_on(self, run: Object) -> None:
        """What was asked for while the execution ran comes now."""
        meta = run["metadata"]
        with suppress(NotFound):
            now = self._objects.read(RUNS, meta["namespace"], meta["name"])
            if not self._closed and now["metadata"]["uid"] == meta["uid"]:
                self._reconciled(RUNS, now)

    async def _work(self, run: Object, execution: Execution) -> Work:
        """Everything that the wrapper's process needs. Raises ValueError and LookupError."""
        meta, spec = run["metadata"], RunSpec.model_validate(run["spec"])
        function = self._pinned(run, spec)
        options = effective(spec, function.spec)
        _warn(options, function.spec.image, spec.hyperparameters)
        platform = self._platform(meta["namespace"])
        envelope = build_envelope(run, spec, function, execution.number, platform)
        held = self._held_secrets(envelope.run.project)
        grace = options.termination_grace_period_seconds or GRACE_SECONDS
        return Work(
            envelope=envelope.model_copy(update={"result_budget": 1 << 20, "grace_seconds": grace}),
            execution=execution,
            generation=meta["generation"],
            pin=FunctionPin(name=function.name, generation=function.generation, digest=function.digest),
            python=await interpreter(self.home),
            folder=self._folder(run) / str(execution.number),
            environment=environment(list(options.env or ()), list(options.secrets or ()), held),
            retries=options.backoff_limit or 0,
            deadline=options.active_deadline_seconds,
            grace=grace,
        )

    def _pinned(self, run: Object, spec: RunSpec) -> PinnedFunction:
        meta = run["metadata"]
        if spec.function is not None:
            return PinnedFunction.of_inline(meta["name"], meta["uid"], run["spec"]["function"], spec.function)
        assert spec.function_ref is not None  # noqa: S101 - the model has one of the two
        wanted = spec.function_ref.name
        for name in dict.fromkeys((wanted, object_names("", wanted)[0])):
            try:
                return PinnedFunction.of_object(self._objects.read(FUNCTIONS, meta["namespace"], name))
            except NotFound:
                continue
        raise NotFound(f"there is no MlrunFunction {wanted!r} here")

    def _ended(
        self, run: Object, execution: Execution, reason: Reason, message: str, phase: Phase = Phase.FAILED
    ) -> RunStatus:
        return RunStatus(
            observed_generation=run["metadata"]["generation"],
            phase=phase,
            reason=reason,
            message=message[:4096],
            execution=execution,
        )

    def _told(self, run: Object, status: RunStatus) -> None:
        try:
            self._tell(run, status)
        except NotFound:
            return  # deleted while it ran

    def _tell(self, run: Object, status: RunStatus) -> Object:
        meta = run["metadata"]

        def changed(now: Object) -> Object:
            wire = status.wire()
            if status.phase is not None and status.phase.finished and now["spec"].get("stop"):
                wire["observedGeneration"] = now["metadata"]["generation"]
            return {**now, "status": wire}

        return self._objects.change(RUNS, meta["namespace"], meta["name"], changed)


class _Nothing(LocalProcess):
    """What runs before the process does."""

    def __init__(self) -> None:
        pass

    async def stop(self) -> None:
        """Nothing to end."""


_NOTHING: Final = _Nothing()


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _refuse(run: Object) -> None:
    for name, words in _REFUSED.items():
        if run["spec"].get(name) is not None:
            raise NotSupported(f"{name} is not supported on this machine", hint=words)


def _warn(options: RunOptions, image: str | None, sweep: Hyperparameters | None) -> None:
    """Say what has no effect here. mlrun's own image means the interpreter with mlrun, here as in a cluster.

    A sweep that fans out in a cluster has the same points and results in one process.
    """
    idle = sorted(set(options.model_dump(exclude_none=True)) - _EFFECTIVE)
    idle += ["placement FanOut (the points run one by one)"] if sweep and sweep.placement == "FanOut" else []
    idle += [f"image {image}"] if image is not None and "mlrun/mlrun" not in image else []
    if idle:
        print(visible(f"without effect on this machine: {', '.join(idle)}"), file=sys.stderr)


def _merged(obj: Object, patch: Object) -> Object:
    """A JSON merge patch applied."""
    merged = dict(obj)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = _merged(merged.get(name) or {}, value)
        else:
            merged[name] = value
    return merged


def _end_of(file: Path) -> list[str]:
    """Return the last lines of a log; none where there is no file."""
    size = file.stat().st_size if file.exists() else 0
    return _read_from(file, max(size - _LOG_END_BYTES, 0)).decode(errors="replace").split("\n")


def _read_from(file: Path, position: int) -> bytes:
    try:
        with file.open("rb") as log:
            log.seek(position)
            return log.read()
    except FileNotFoundError:
        return b""
