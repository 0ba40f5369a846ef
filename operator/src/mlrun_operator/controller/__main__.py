"""`python -m mlrun_operator.controller`: the operator."""

import asyncio
import logging
import os
import signal
import socket
import sys
from uuid import uuid4

from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from mlrun_operator.api.words import clauses
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection, connect
from mlrun_operator.controller.background import TaskExitedError
from mlrun_operator.controller.election import Election, Leadership
from mlrun_operator.controller.log_format import start_logging
from mlrun_operator.controller.manager import Manager, Replica, Telemetry
from mlrun_operator.controller.memory import freeze_gc
from mlrun_operator.controller.metrics.meters import Meters
from mlrun_operator.controller.settings import Settings
from mlrun_operator.controller.startup import StartError, check_cluster
from mlrun_operator.controller.tracing import TracingError, is_configured, start_tracing

log = logging.getLogger("mlrun_operator")


async def operate(settings: Settings) -> None:
    """Run the operator until a signal. Raises StartError, and TaskExitedError where a part of it exits by itself."""
    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):  # until kopf handles them
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    tracing = start_tracing() if is_configured() else None
    telemetry = Telemetry(Meters(by_namespace=settings.metrics_by_namespace), tracing)
    connection = await _connect()
    try:
        await _run(settings, connection, telemetry, stopping)
    finally:
        await connection.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


async def _connect() -> Connection:
    try:
        return await connect()
    except ConfigException as error:
        problem = f"cannot connect to a cluster: no in-cluster service account, and the kubeconfig failed: {error}"
        raise StartError(clauses(problem, "set KUBECONFIG, or install the chart")) from None


async def _run(settings: Settings, connection: Connection, telemetry: Telemetry, stopping: asyncio.Event) -> None:
    leadership = Leadership()
    cluster = ApiClient(connection, telemetry.meters.request, leadership.may_write)
    await check_cluster(cluster)
    election = _start_election(settings, leadership, telemetry.meters)
    await Manager(settings, cluster, telemetry, Replica(leadership, election), stopping).run()
    if election is not None:
        await election.resign()


def _start_election(settings: Settings, leadership: Leadership, meters: Meters) -> Election | None:
    """Start to take part in the election; None where this process leads alone."""
    if not settings.lease_namespace:
        return None
    identity = f"{socket.gethostname()}-{uuid4().hex[:8]}"
    election = Election(leadership, settings.lease_namespace, identity, meters.request)
    election.start()
    return election


def main() -> int:
    """Run the operator; return 1, with one clear line, where it cannot start or go on."""
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors():
            print(f"MLRUN_OPERATOR_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}", file=sys.stderr)
        return 1
    start_logging(settings.log_level, settings.log_format)
    freeze_gc()
    try:
        asyncio.run(_operate_or_exit(settings))
    except (StartError, TracingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _operate_or_exit(settings: Settings) -> None:
    """Run the operator. Exit at once where a task of it exited: the others may not end."""
    try:
        await operate(settings)
    except TaskExitedError as error:
        log.error("%s; exiting so that the pod is restarted", error, exc_info=error.__cause__)  # noqa: TRY400
        logging.shutdown()
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
