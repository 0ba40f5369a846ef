"""The legal Kubernetes names for the names that users write."""

import hashlib
import re
from datetime import UTC, datetime

from mlrun_operator.api.values.labels import is_label_value

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# Minutes since 1970 of a slot, from 1971 on. The number of an execution, in the same place of a Job's name, is smaller.
_MINUTES = re.compile(r"[1-9][0-9]{6,8}")

MAX_LABEL = 63
# Kubernetes names a replica's host after its Job, with the index at the end. That name must also fit into a label.
MAX_JOB = MAX_LABEL - len("-999")


def short_hash(text: str, length: int = 6) -> str:
    """Return the first hex digits of the text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def kubernetes_name(name: str) -> str:
    """Return the metadata.name for a user's name.

    A legal DNS name stays unchanged. Any other becomes lower-case, with a hash of the original name at its end.

    >>> kubernetes_name("my-function")
    'my-function'
    >>> kubernetes_name("my_function")
    'my-function-c64d28'
    """
    if len(name) <= MAX_LABEL and _DNS_LABEL.fullmatch(name):
        return name
    body = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[: MAX_LABEL - 7].strip("-") or "x"
    return f"{body}-{short_hash(name)}"


def label_value(text: str) -> str:
    """Return the text as a legal label value; an illegal one is cut and hashed."""
    if is_label_value(text):
        return text
    body = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[: MAX_LABEL - 7].strip("-_.")
    return f"{body or 'x'}-{short_hash(text)}"


def job_name(run_name: str, run_uid: str, execution: int) -> str:
    """Return the name of the Job of one execution, with at most 59 characters.

    The hash of the uid distinguishes a run from a later one of the same name, while the old Job still terminates.
    """
    tail = f"-{short_hash(run_uid)}-{execution}"
    head = run_name.replace(".", "-")
    if len(head) + len(tail) > MAX_JOB:
        head = head[: MAX_JOB - len(tail) - 7].rstrip("-") + "-" + short_hash(run_name)
    return head + tail


def collector_name(run_name: str, run_uid: str, execution: int) -> str:
    """Return the name of the Job that collects a sweep's results, with at most 61 characters."""
    return f"{job_name(run_name, run_uid, execution)}-c"


# The Jobs of a CronJob have names that are 11 characters longer, and the hosts of their pods have an index as well.
MAX_CRON_JOB = 52 - len("-999")


def cron_job_name(run_name: str, run_uid: str) -> str:
    """Return the name of a schedule's CronJob, with at most 48 characters."""
    tail = f"-{short_hash(run_uid)}"
    head = run_name.replace(".", "-")
    if len(head) + len(tail) > MAX_CRON_JOB:
        head = head[: MAX_CRON_JOB - len(tail) - 7].rstrip("-") + "-" + short_hash(run_name)
    return head + tail


def slot_name(cron_job: str, slot: datetime) -> str:
    """Return the name of a slot's Job, as the CronJob controller makes it. The slot's run has it, too."""
    return f"{cron_job}-{int(slot.timestamp()) // 60}"


def slot_of(name: str, run_uid: str) -> datetime | None:
    """Return the slot in the name of a Job or run of that schedule; None for any other name."""
    head, _, minutes = name.rpartition("-")
    legal = head.endswith(f"-{short_hash(run_uid)}") and _MINUTES.fullmatch(minutes)
    return datetime.fromtimestamp(int(minutes) * 60, UTC) if legal else None
