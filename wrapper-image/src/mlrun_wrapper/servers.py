"""Which S3 server is asked for what: the platform's for its own bucket, the run's, if it has one, for all others."""

from collections.abc import Mapping
from typing import Final

from mlrun_operator.api.contract.envelope import StoreInfo

# Where boto3, s3fs and mlrun look for the S3 server; the run's own environment wins, DigitalHub's name for it included.
ENDPOINT: Final = "AWS_ENDPOINT_URL_S3"
_ENDPOINTS: Final = (ENDPOINT, "S3_ENDPOINT_URL", "AWS_ENDPOINT_URL")
ANONYMOUS: Final = "FSSPEC_S3_ANON"
# Credentials that are no keys.
_ROLES: Final = (
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
# Where any of these is set, a handler's own s3:// paths are signed, whatever the store is.
_IDENTITIES: Final = (ANONYMOUS, "AWS_ACCESS_KEY_ID", *_ROLES)


def s3_variables(store: StoreInfo, env: Mapping[str, str]) -> dict[str, str]:
    """What leads the handler's own s3:// paths to the run's server, else to the store's."""
    variables = {}
    if endpoint := _endpoint(env) or store.endpoint:
        variables[ENDPOINT] = endpoint
    if store.anonymous and not any(env.get(name) for name in _IDENTITIES):
        variables[ANONYMOUS] = "true"  # pandas' own s3:// paths; boto3 gets it from the store's settings
    return variables


def elsewhere(store: StoreInfo, env: Mapping[str, str], keys: Mapping[str, str]) -> StoreInfo | None:
    """Where buckets other than the store's are read; None where that is the store's own server with its own `keys`.

    The run's environment names a server, or has keys of its own, which are boto3's to find.
    """
    endpoint, key = _endpoint(env), env.get("AWS_ACCESS_KEY_ID")
    own = key and key != keys.get("aws_access_key_id") and (keys or store.anonymous)
    if endpoint is None and not own:
        return None
    said = s3_variables(store, env).get(ANONYMOUS) or env.get(ANONYMOUS, "")
    unsigned = said.lower() in ("1", "true", "yes")
    here = {"endpoint": endpoint, "region": None} if endpoint and endpoint != store.endpoint else {}
    return store.model_copy(update={**here, "anonymous": unsigned})


def without_the_stores(env: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    """Empties what the store's Secret has set and what does not go with the run's own key, profile or role.

    An empty variable is none to boto3.
    """
    key, token = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SESSION_TOKEN")
    if not keys:
        return {}
    if key != keys.get("aws_access_key_id"):
        return {"AWS_SESSION_TOKEN": ""} if token and token == keys.get("aws_session_token") else {}
    if _endpoint(env) and any(env.get(name) for name in _ROLES):
        return dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "")
    return {}


def _endpoint(env: Mapping[str, str]) -> str | None:
    return next(filter(None, map(env.get, _ENDPOINTS)), None)
