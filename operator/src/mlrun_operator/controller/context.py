"""What the parts of a reconciler share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.event_recorder import EventRecorder
from mlrun_operator.controller.observers import ReconcileObserver


@dataclass(frozen=True, slots=True)
class ControllerContext:
    """The API server, what is known of it, and who is told of changes.

    `wake` is told whom our own writes concern: the watch shows nothing new of them.
    """

    cluster: ApiClient
    index: Index
    events: EventRecorder
    wake: Callable[[RunKey], None]
    clock: Callable[[], datetime]
    observers: Sequence[ReconcileObserver]
