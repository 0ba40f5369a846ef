"""What the wrapper does, in order. Each step reads and fills the context; a StepError ends the walk.

A run has one list of steps, a sweep in one process another, and a fan-out one for each point and one to collect.

After a handler that failed or was stopped, what it had logged is still stored. The report is made in any case.
"""

import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from mlrun_operator.api.contract import envelope as envelopes
from mlrun_operator.api.contract.envelope import Envelope
from mlrun_operator.api.reasons import Reason
from mlrun_operator.store import StoreError, open_store
from mlrun_wrapper import alarm, execution, outputs
from mlrun_wrapper.conclusion import conclude
from mlrun_wrapper.context import Context
from mlrun_wrapper.earlier_attempts import find_success
from mlrun_wrapper.errors import STORE, StepError, from_store, unforeseen
from mlrun_wrapper.floats import restored
from mlrun_wrapper.inputs import fetch_inputs
from mlrun_wrapper.interpreter import carried
from mlrun_wrapper.names import path_names
from mlrun_wrapper.plain_image import exchange_warnings
from mlrun_wrapper.proxy import proxied
from mlrun_wrapper.requirements import install_requirements
from mlrun_wrapper.servers import elsewhere, s3_variables, without_the_stores
from mlrun_wrapper.signals import Terminated
from mlrun_wrapper.slot import slot_variables
from mlrun_wrapper.sources import fetch_source
from mlrun_wrapper.sweep import collect, point
from mlrun_wrapper.sweep.points import find_points
from mlrun_wrapper.trust import trust_as_the_image_does, trusted

Step = Callable[[Context], None]


def read_envelope(context: Context) -> None:
    """Decode the envelope; let both processes trust its certificates, and find its proxy and its S3 server."""
    context.envelope, context.warnings = restored(_decoded(context.settings.envelope_file))
    for name in path_names(context.envelope):
        if not name.strip("."):
            raise StepError(Reason.INVALID_RUN, f"{name!r} cannot be a name; it would be a folder's way up")
    if context.envelope.ca_bundle:
        context.variables |= trusted(context.envelope.ca_bundle, context.settings.work)
    elif carried():
        trust_as_the_image_does()
    if context.envelope.proxy:
        context.variables |= proxied(context.envelope.proxy, os.environ)
    context.variables |= without_the_stores(os.environ, context.settings.store_keys)
    os.environ.update(context.variables)
    context.elsewhere = elsewhere(context.envelope.store, os.environ, context.settings.store_keys)
    context.variables |= s3_variables(context.envelope.store, os.environ)
    context.variables |= slot_variables(context.envelope, context.settings.job_name, context.started)
    os.environ.update(context.variables)
    context.warnings += exchange_warnings(context.envelope)


def _decoded(file: Path) -> Envelope:
    try:
        return envelopes.decode(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StepError(Reason.INVALID_RUN, f"the envelope {file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StepError(Reason.INVALID_RUN, f"the envelope is not valid: {where}: {first['msg']}") from error
    except ValueError as error:
        raise StepError(Reason.INVALID_RUN, f"the envelope cannot be decoded: {error}") from error


def reach_store(context: Context) -> None:
    """Write the run's first line to the store, so that a store that cannot be written fails before the work."""
    info = context.run.store
    try:
        store = open_store(info, attempts=context.settings.attempts, keys=context.settings.store_keys)
        store.write(f"{context.run_folder}/run.json", json.dumps({"state": "running"}).encode())
    except ValueError as error:
        raise StepError(Reason.INVALID_RUN, f"artifact store: {error}") from error
    except StoreError as error:
        raise from_store(error, STORE, info.secret, context.run.run.namespace) from error
    context.store = store


Steps = tuple[tuple[str, Step], ...]

_BEGIN: Final[Steps] = (
    ("store", reach_store),
    ("attempts", find_success),  # a success of an earlier pod ends the walk: it is reported as it was
)
_PREPARE: Final[Steps] = (
    ("source", fetch_source),
    ("requirements", install_requirements),
    ("check", execution.check),  # module loaded, handler found, parameters fit: before any input is fetched
    ("inputs", fetch_inputs),
    ("execute", execution.execute),
)
RUN: Final[Steps] = (
    *_BEGIN,
    *_PREPARE,
    ("outputs", outputs.store_outputs),
    ("verify", outputs.verify),  # mapped outputs are there and all could be packed; only then they become `latest`
)
SWEEP: Final[Steps] = (
    *_BEGIN,
    ("points", find_points),
    *_PREPARE,  # the handler is called for every point
    ("outputs", collect.store_points),
    ("collect", collect.collect),  # table, plot, the best point's outputs and results as the run's
    ("verify", collect.publish_collected),
)
POINT: Final[Steps] = (
    *_BEGIN,
    ("points", find_points),
    ("join", point.join),  # which point this pod is; it is skipped where the sweep has come to its end
    *_PREPARE,
    ("outputs", outputs.store_outputs),
    ("verify", outputs.verify),
)
COLLECT: Final[Steps] = (
    *_BEGIN,
    ("points", find_points),
    ("gather", collect.read_points),
    ("collect", collect.collect),
    ("verify", collect.publish_collected),
)


def steps(envelope: Envelope) -> Steps:
    """What follows on the envelope."""
    if envelope.sweep is None:
        return RUN
    return {None: SWEEP, "point": POINT, "collect": COLLECT}[envelope.sweep.part]


def walk(context: Context) -> int:
    """Take all steps, then report; return the exit code."""
    try:
        _take_steps(context)
    except StepError as failure:
        context.failure = context.failure or failure
    except Terminated:
        context.failure = context.failure or StepError(Reason.TERMINATED, _not_started(context))
    except alarm.TimeIsUp:
        text = "the grace period was too short to store all that the handler made"
        context.warnings.append(text)
        context.failure = context.failure or StepError(Reason.TERMINATED, f"the pod was told to end, and {text}")
    except Exception as error:
        context.log.line(traceback.format_exc())
        context.failure = unforeseen(error)
    alarm.silence()
    return conclude(context)


def _take_steps(context: Context) -> None:
    try:
        with context.sigterm.doing(lambda: execution.end_soon(context)):
            with context.timed("envelope"):
                read_envelope(context)
            for name, step in steps(context.run):
                context.sigterm.check()
                with context.timed(name):
                    step(context)
                if context.earlier is not None:
                    return
    finally:
        alarm.silence()


def _not_started(context: Context) -> str:
    if context.collecting:
        return "the pod was told to end before the points were collected"
    return "the pod was told to end before the handler had started"
