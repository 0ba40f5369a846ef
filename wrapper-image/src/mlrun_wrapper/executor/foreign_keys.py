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


def unknown_artifact(key: str, project: str) -> str:
    """Return why mlrun's own key of an artifact leads to nothing, with the keys that the store may have it by."""
    owner = project or "<project>"
    return (
        f"artifact {key} is not one of this process. What other runs made has another form of key here: "
        f"store://{owner}/dataitem/table/{key} for a dataset, store://{owner}/model/model/{key} for a model, "
        f"store://{owner}/artifact/artifact/{key} for any other artifact"
    )
