"""What a handler is told that asks for something of an MLRun server: where it is here, or what to do instead. Pure."""

from __future__ import annotations

# mlrun asks for these before it reads or writes anything of its feature store.
_FEATURE_STORE = ("feature", "verify_authorization")
_NO_FEATURE_STORE = (
    "{method} needs MLRun's feature store, which this platform does not have. Where the feature store is, write the "
    "features to Parquet (vector.get_offline_features().to_dataframe().to_parquet(…)), and give the file to the run "
    "as an input"
)


def unavailable(method: str) -> str:
    """Return why a method of mlrun's database does not work here, and what to do where there is something."""
    if any(part in method for part in _FEATURE_STORE):
        return _NO_FEATURE_STORE.format(method=method)
    return f"{method} needs an MLRun API server, and this platform has none"
