"""What a function and a run may be given: one declaration, for people, type checkers and the translation.

Names are DigitalHub's where it had one. At run time every name is also taken in camelCase, and so are the names inside.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, TypedDict

Labels = Mapping[str, str] | Sequence[str]


class SourceArgument(TypedDict, total=False):
    """Where the code is. Of several, base64 wins over code, and code over source."""

    source: str
    code: str
    base64: str
    file_name: str
    lang: str
    handler: str


class FunctionArguments(TypedDict, total=False):
    """What `new_function` takes besides name, kind and project."""

    source: SourceArgument | Mapping[str, str] | str | PathLike[str]
    handler: str
    image: str
    tag: str
    requirements: Sequence[str] | str
    returns: Sequence[str | Mapping[str, Any]]
    uuid: str
    description: str
    labels: Labels
    git_source: str
    embedded: bool
    run: Mapping[str, Any]
    max_concurrent_runs: int


class RunArguments(TypedDict, total=False):
    """What `function.run` takes besides the action."""

    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] | Sequence[str]
    parameters: Mapping[str, Any]
    values: Sequence[str]
    returns: Sequence[str | Mapping[str, Any]]
    node_selector: Mapping[str, str] | Sequence[Mapping[str, str]]
    volumes: Sequence[Mapping[str, Any]]
    resources: Mapping[str, Any]
    affinity: Mapping[str, Any]
    tolerations: Sequence[Mapping[str, Any]]
    env: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    secrets: Sequence[str | Mapping[str, Any]]
    backoff_limit: int
    schedule: str
    time_zone: str
    concurrency_policy: str
    starting_deadline_seconds: int
    successful_runs_history_limit: int
    failed_runs_history_limit: int
    catch_up: str | Mapping[str, Any]
    backfill: Mapping[str, Any]
    stop_after: Mapping[str, int]
    replicas: int
    replica_hostnames: bool
    non_retryable: Mapping[str, Any]
    hyperparameters: Mapping[str, Any]
    float_parameters: Sequence[str]
    hyperparams: Mapping[str, Any]
    hyper_param_options: Mapping[str, Any]
    image_pull_secrets: Sequence[str]
    image_pull_policy: str
    service_account_name: str
    priority_class_name: str
    runtime_class_name: str
    scheduler_name: str
    host_aliases: Sequence[Mapping[str, Any]]
    fs_group: int
    topology_spread_constraints: Sequence[Mapping[str, Any]]
    termination_grace_period_seconds: int
    pod_labels: Mapping[str, str]
    pod_annotations: Mapping[str, str]
    pod_template: Mapping[str, Any]
    active_deadline_seconds: int
    pending_deadline_seconds: int
    max_disruptions: int
    ttl_seconds_after_finished: int
    run_ttl_seconds_after_finished: int
    suspend: bool
    on_change: str
    labels: Labels


class EntityArguments(TypedDict, total=False):
    """What `new_dataitem`, `new_artifact` and `new_model` take besides name and kind."""

    path: str | PathLike[str]
    uuid: str
    description: str
    labels: Labels
    git_source: str
    embedded: bool
    schema: Mapping[str, Any]
    framework: str
    algorithm: str
    base_model: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, Any]
