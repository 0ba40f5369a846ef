"""Names: what users write, and the legal Kubernetes names made of them."""

import hashlib
import re
from datetime import UTC, datetime

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
# Since 1970, until 3871.
# Minutes since 1970 of a slot, from 1971 on. The number of an execution, in the same place of a Job's name, is smaller.
_MINUTES = re.compile(r"[1-9][0-9]{6,8}")

MAX_LABEL = 63
# Kubernetes calls a replica's host as its Job, with the index at the end, and that is a label, too.
MAX_JOB = MAX_LABEL - len("-999")


def short_hash(text: str, length: int = 6) -> str:
    """The first hex digits of the text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def kubernetes_name(name: str) -> str:
    """The metadata.name for a user's name: legal DNS names unchanged, any other lower-case with a hash of the original.

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
    """The text as a legal label value: unchanged where it is one, else cut and hashed."""
    if len(text) <= MAX_LABEL and _LABEL_VALUE.fullmatch(text):
        return text
    body = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[: MAX_LABEL - 7].strip("-_.")
    return f"{body or 'x'}-{short_hash(text)}"


def job_name(run_name: str, run_uid: str, execution: int) -> str:
    """The one name that execution `execution` of this run's Job can have; at most 59 characters.

    The uid's hash keeps apart a run and its successor of the same name, whose old Job may still terminate.
    """
    tail = f"-{short_hash(run_uid)}-{execution}"
    head = run_name.replace(".", "-")
    if len(head) + len(tail) > MAX_JOB:
        head = head[: MAX_JOB - len(tail) - 7].rstrip("-") + "-" + short_hash(run_name)
    return head + tail


def collector_name(run_name: str, run_uid: str, execution: int) -> str:
    """The one name of the Job that collects what the points of a sweep have left; at most 61 characters."""
    return f"{job_name(run_name, run_uid, execution)}-c"


# Of CronJobs: their Jobs' names are 11 characters longer, and their pods' hosts have an index, too.
MAX_CRON_JOB = 52 - len("-999")


def cron_job_name(run_name: str, run_uid: str) -> str:
    """The one name of this schedule's CronJob; at most 48 characters."""
    tail = f"-{short_hash(run_uid)}"
    head = run_name.replace(".", "-")
    if len(head) + len(tail) > MAX_CRON_JOB:
        head = head[: MAX_CRON_JOB - len(tail) - 7].rstrip("-") + "-" + short_hash(run_name)
    return head + tail


def slot_name(cron_job: str, slot: datetime) -> str:
    """The name that the CronJob controller gives the Job of a slot, and we the run."""
    return f"{cron_job}-{int(slot.timestamp()) // 60}"


def slot_of(name: str, run_uid: str) -> datetime | None:
    """The slot in such a name, of the CronJob of that schedule; None in any other name."""
    head, _, minutes = name.rpartition("-")
    legal = head.endswith(f"-{short_hash(run_uid)}") and _MINUTES.fullmatch(minutes)
    return datetime.fromtimestamp(int(minutes) * 60, UTC) if legal else None
