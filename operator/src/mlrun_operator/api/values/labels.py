"""Kubernetes' labels and the names of its resources, by the rules of the API server."""

import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_PREFIX: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME: Final = 63
_MAX_PREFIX: Final = 253
_FORM: Final = "letters, digits, - _ and . between the first and the last one, at most 63"
_KEY: Final = f"write {_FORM}, after a prefix such as example.org/ or none"
# The resources of a container that have no prefix; `gpu` is our name for the cluster's GPU resource.
_PLAIN_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage", "gpu")


def is_label_key(text: str) -> bool:
    """Return whether the text is a label's key: `team` or `example.org/team`."""
    prefix, slash, name = text.rpartition("/")
    is_prefixed = _PREFIX.fullmatch(prefix) is not None and len(prefix) <= _MAX_PREFIX
    return is_label_value(name) and bool(name) and (is_prefixed or not slash)


def is_label_value(text: str) -> bool:
    """Return whether the text is a label's value, which may be empty."""
    return not text or (len(text) <= _MAX_NAME and _NAME.fullmatch(text) is not None)


def label_key(text: str) -> str:
    """Return the key of a label. Raises ValueError."""
    if not is_label_key(text):
        raise ValueError(f"{text[:80]!r} is no key of a label; {_KEY}")
    return text


def label_value(text: str) -> str:
    """Return the value of a label. Raises ValueError."""
    if not is_label_value(text):
        raise ValueError(f"{text[:80]!r} is no value of a label; write {_FORM}")
    return text


def annotation_key(text: str) -> str:
    """Return the key of an annotation, whose prefix may have upper case. Raises ValueError."""
    if not is_label_key(text.lower()):
        raise ValueError(f"{text[:80]!r} is no key of an annotation; {_KEY}")
    return text


def is_extended(resource: str) -> bool:
    """Return whether a resource is counted as a whole and never overcommitted, as devices are: `nvidia.com/gpu`."""
    prefix = resource.rpartition("/")[0]
    return bool(prefix) and prefix != "kubernetes.io" and not prefix.endswith(".kubernetes.io")


def resource_name(text: str) -> str:
    """Return the name of a container's resource. Raises ValueError."""
    if "/" in text:
        return label_key(text)
    if text not in _PLAIN_RESOURCES and not text.startswith("hugepages-"):
        names = ", ".join(_PLAIN_RESOURCES)
        raise ValueError(f"{text[:80]!r} is no resource; there are {names}, and devices such as example.org/device")
    return text
