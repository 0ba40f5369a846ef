"""Sweeps run by the real wrapper process, and what they leave in the store."""

import io
import json
from typing import Any

import pandas as pd
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import Envelope, StoreInfo
from mlrun_operator.api.v1alpha1.sweep import Hyperparameters, sweep_info
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue, Entity, open_store

OF_THE_RUN = ("parameters", "outputs", "inputs", "values")


def sweep(store: StoreInfo, code: str, handler: str | None = "handler", **more: Any) -> Envelope:
    """The envelope of a sweep; `info` goes beside what the user says of the hyperparameters."""
    run = {name: more.pop(name) for name in OF_THE_RUN if name in more}
    said = more.pop("info", {})
    info = sweep_info(Hyperparameters.model_validate(more), "run-uid", 1).model_copy(update=said)
    return envelope(code, handler, store=store, sweep=info, **run)


def data(store: StoreInfo, path: str) -> bytes:
    """An object of the store by its URI."""
    return open_store(store).read(path.removeprefix(f"{store.root}/"))


def table(store: StoreInfo, ended: Ended, name: str = "iteration_results") -> pd.DataFrame:
    """An output as pandas reads it."""
    return pd.read_parquet(io.BytesIO(data(store, ended.result.outputs[name].path)))


def entity(store: StoreInfo, key: str) -> Entity:
    """By its key, the latest where that has no uuid. Raises NotFoundError."""
    return Catalogue(open_store(store)).read(Key.parse(key))


def run_json(store: StoreInfo, ended: Ended) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data(store, f"{ended.result.run_path}run.json"))
    return found


def counts(ended: Ended) -> tuple[int, int, int]:
    """How many points succeeded, failed, and were skipped or told to end."""
    told = ended.result.sweep
    assert told is not None
    assert told.points == told.succeeded + told.failed + told.skipped
    return told.succeeded, told.failed, told.skipped
