"""Kubeconfig files, read as kubectl reads them: several of them as one, and what a context of them says.

Of several files the first one that names a cluster, a user, a context or the current context decides, whole. Files that
do not exist are passed over. Relative paths are relative to the file that has them.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import yaml
from kubernetes.aio.config import ConfigException

from mlrun_operator.api.limited_yaml import ManifestLoader, problem_of
from mlrun_operator.api.objects import Object
from mlrun_operator.cluster.proxies import proxy_of_environment, usable_proxy

VARIABLE: Final = "KUBECONFIG"
_DEFAULT: Final = "~/.kube/config"
# Each list of a kubeconfig, and the field of its items.
_LISTS: Final = {"clusters": "cluster", "users": "user", "contexts": "context"}
_FILES: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_CA: Final = ("certificate-authority", "certificate-authority-data")
_CERTIFICATES: Final = ("client-certificate", "client-certificate-data")
# What an HTTP header's name may consist of besides letters and digits, RFC 9110.
_TOKEN: Final = "!#$&'*+-.^_`|~"  # noqa: S105 - no secret
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Access:
    """What a context says of the way to its cluster.

    `config` is a kubeconfig of one cluster, user and context, with absolute paths, for the official client. `headers`
    are sent with each request. `proxy` is the URL of the proxy in between, and `server_name` the name that the server's
    certificate has to have, where it is another one than the URL's.
    """

    context: str
    namespace: str
    config: Object
    headers: tuple[tuple[str, str], ...] = ()
    proxy: str | None = None
    server_name: str | None = None


@dataclass(slots=True)
class _Merged:
    """All files in one: the current context, and by name the clusters, users and contexts."""

    current: str = ""
    clusters: dict[str, Object] = field(default_factory=dict)
    users: dict[str, Object] = field(default_factory=dict)
    contexts: dict[str, Object] = field(default_factory=dict)


def access(context: str | None, kubeconfig: str | None, environment: Mapping[str, str] = os.environ) -> Access:
    """Return what a context says, by default the current one.

    `kubeconfig` is a file, or several as in KUBECONFIG; None is what KUBECONFIG says, or else ~/.kube/config. Raises
    kubernetes' ConfigException with one sentence.
    """
    said = kubeconfig or environment.get(VARIABLE) or _DEFAULT
    merged = _merged(_paths(said), said)
    name = context or merged.current
    if not name:
        raise ConfigException(f"{said} sets no current context{_there_are(merged.contexts)}")
    if name not in merged.contexts:
        raise ConfigException(f"{said} has no such context{_there_are(merged.contexts)}")
    entry = merged.contexts[name]
    cluster = _referred(merged.clusters, entry, "cluster", name)
    user = _referred(merged.users, entry, "user", name) if entry.get("user") else {}
    server = _server(cluster, user, name)
    config = {
        "current-context": name,
        "clusters": [{"name": name, "cluster": {**cluster, "server": server}}],
        "users": [{"name": name, "user": _with_token(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    proxy = cluster.get("proxy-url") or proxy_of_environment(server, environment)
    return Access(
        name,
        str(entry.get("namespace") or "default"),
        config,
        (*_impersonation(user, name), *_encoding(cluster)),
        usable_proxy(str(proxy)) if proxy else None,
        str(cluster["tls-server-name"]) if "tls-server-name" in cluster else None,
    )


def _paths(said: str) -> list[Path]:
    """The files, each once. A name with a colon that is a file itself is one."""
    texts = [said] if Path(said).expanduser().is_file() else [text for text in said.split(os.pathsep) if text]
    return list(dict.fromkeys(Path(text).expanduser().absolute() for text in texts))


def _merged(paths: Iterable[Path], said: str) -> _Merged:
    merged, is_empty = _Merged(), True
    for path in paths:
        if not path.exists():
            continue
        is_empty = False
        config = _read(path)
        merged.current = merged.current or str(config.get("current-context") or "")
        for part, item in _LISTS.items():
            found = _named(config, part, item, path)
            setattr(merged, part, found | getattr(merged, part))
    if is_empty:
        raise ConfigException(f"there is no kubeconfig: {said} does not exist")
    return merged


def _read(path: Path) -> Object:
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), ManifestLoader)  # noqa: S506 - made of a SafeLoader
    except OSError as error:
        raise ConfigException(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigException(f"{path} is no kubeconfig: it is no text in UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line, words = problem_of(error)
        where = f"line {line} of {path}" if line else path
        raise ConfigException(f"{where} is not valid YAML: {words}") from error
    except yaml.YAMLError as error:
        raise ConfigException(f"{path} is not valid YAML: {str(error).splitlines()[0]}") from error
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise ConfigException(f"{path} is no kubeconfig: it must be a YAML mapping with clusters, users and contexts")
    return config


def _named(config: Object, part: str, item: str, path: Path) -> dict[str, Object]:
    """The entries of one list by name, without empty values and with absolute paths."""
    entries = config.get(part) or []
    if not isinstance(entries, list):
        raise ConfigException(f"{path} is no kubeconfig: {part} must be a list")
    found: dict[str, Object] = {}
    for entry in entries:
        name = str(entry.get("name") or "") if isinstance(entry, dict) else ""
        values = (entry.get(item) or {}) if name else None
        if not isinstance(values, dict):
            raise ConfigException(f"{path} is no kubeconfig: each of its {part} must have a name and a {item}")
        if name in found:
            raise ConfigException(f"{path} has the {item} {name!r} twice")
        found[name] = _absolute({key: value for key, value in values.items() if value not in (None, "")}, path.parent)
    return found


def _absolute(values: Object, folder: Path) -> Object:
    files: Object = {key: str(folder / values[key]) for key in _FILES if key in values}
    made: Object = {**values, **files}
    plugin = values.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command", "")):  # otherwise it is found in PATH
        made["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return made


def _referred(entries: Mapping[str, Object], context: Object, what: str, name: str) -> Object:
    asked = str(context.get(what) or "")
    if asked not in entries:
        raise ConfigException(f"the context {name!r} names the {what} {asked!r}, which is not in the kubeconfig")
    return entries[asked]


def _server(cluster: Object, user: Object, name: str) -> str:
    """The URL; without a scheme it is https where anything of TLS is set, as for kubectl."""
    server = str(cluster.get("server") or "")
    if not server:
        raise ConfigException(f"the cluster of the context {name!r} has no server")
    is_insecure = bool(cluster.get("insecure-skip-tls-verify"))
    if is_insecure and any(key in cluster for key in _CA):
        words = "has both a certificate authority and insecure-skip-tls-verify; keep one of them"
        raise ConfigException(f"the cluster of the context {name!r} {words}")
    if urlsplit(server).scheme in ("http", "https") and "://" in server:
        return server
    has_tls = is_insecure or any(key in values for values in (cluster, user) for key in (*_CA, *_CERTIFICATES))
    return f"{'https' if has_tls else 'http'}://{server}"


def _with_token(user: Object) -> Object:
    """The user with the token of its file, whose last line ends with a newline that is no part of it."""
    if "tokenFile" not in user or "token" in user:
        return user
    try:
        return {**user, "token": Path(user["tokenFile"]).read_text(encoding="utf-8").strip()}
    except OSError as error:
        raise ConfigException(f"the token file {user['tokenFile']} cannot be read: {error.strerror}") from error


def _impersonation(user: Object, name: str) -> list[tuple[str, str]]:
    """The headers by which the API server takes the user for another one."""
    others = [
        *([("Impersonate-Uid", str(user["as-uid"]))] if "as-uid" in user else []),
        *(("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()),
        *(
            (f"Impersonate-Extra-{quote(str(key), safe=_TOKEN)}", str(value))
            for key, values in (user.get("as-user-extra") or {}).items()
            for value in values
        ),
    ]
    if "as" in user:
        return [("Impersonate-User", str(user["as"])), *others]
    if others:
        raise ConfigException(f"the user of the context {name!r} sets as-uid, as-groups or as-user-extra without `as`")
    return []


def _encoding(cluster: Object) -> list[tuple[str, str]]:
    return [("Accept-Encoding", "identity")] if cluster.get("disable-compression") else []


def _there_are(contexts: Mapping[str, Any]) -> str:
    if not contexts:
        return ", and has no contexts"
    names = sorted(contexts)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"; there are {', '.join(names[:_SHOWN])}{more}"
