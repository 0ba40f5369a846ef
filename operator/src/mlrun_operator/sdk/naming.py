"""Names, keys and function strings, as DigitalHub writes them. Pure, but for the random tail of a run's name."""

import re
import secrets
from typing import Final

from mlrun_operator.api.values.keys import Key
from mlrun_operator.api.values.names import MAX_LABEL, kubernetes_name
from mlrun_operator.sdk.errors import InvalidArgument

# No vowels, so that no words come out, and nothing that reads like something else.
_ALPHABET: Final = "bcdfghjkmnpqrstvwxz2456789"
_TAIL: Final = 5
_SLUG: Final = re.compile(r"\.*[a-zA-Z0-9_+-][a-zA-Z0-9._+-]*")
_DNS: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_FUNCTION: Final = re.compile(r"mlrun(?:\+job)?://([^/]+)/([^:]+)(?::(.+))?")

FUNCTION_KIND: Final = "mlrun"


def entity_name(name: object, field: str = "name", limit: int = 128) -> str:
    """The name. Raises InvalidArgument where it is none of DigitalHub's: letters, digits and `._+-`."""
    if not isinstance(name, str) or not _SLUG.fullmatch(name) or len(name) > limit:
        raise InvalidArgument(
            field, f"{name!r} is not a name; it has 1 to {limit} letters, digits, dots, dashes, underscores or plus"
        )
    return name


def project_name(name: object, field: str = "project") -> str:
    """The project's name. Raises InvalidArgument."""
    return entity_name(name, field, MAX_LABEL)


def run_name(function: str) -> str:
    """A new name for a run of the function: its legal name and five characters.

    >>> import re
    >>> bool(re.fullmatch("my-function-[a-z0-9]{6}-[a-z0-9]{5}", run_name("my_function")))
    True
    """
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(_TAIL))
    return f"{kubernetes_name(function)[: MAX_LABEL - _TAIL - 1].rstrip('-')}-{tail}"


def object_names(project: str, name: str) -> tuple[str, str]:
    """The metadata.name that a function of a project has, and the one it has where another project's has that."""
    return kubernetes_name(name), kubernetes_name(f"{project}.{name}")


def function_key(project: str, name: str, uuid: str | None) -> str:
    """`store://<project>/function/mlrun/<name>:<uuid>`."""
    return str(Key(project, "function", FUNCTION_KIND, name, uuid))


def function_string(project: str, name: str, uuid: str | None) -> str:
    """`mlrun://<project>/<name>:<uuid>`, the way DigitalHub's tasks refer to a function.

    >>> function_string("p", "f", "1234")
    'mlrun://p/f:1234'
    """
    return f"{FUNCTION_KIND}://{project}/{name}{f':{uuid}' if uuid else ''}"


def parse_function(text: str) -> tuple[str | None, str, str | None]:
    """Project, name and uuid in a function's name, key, function string or task string.

    >>> parse_function("mlrun+job://p/f:1234")
    ('p', 'f', '1234')
    >>> parse_function("f")
    (None, 'f', None)
    """
    match = _FUNCTION.fullmatch(text)
    if match:
        return match[1], match[2], match[3]
    if text.startswith("store://"):
        try:
            key = Key.parse(text)
        except ValueError as error:
            raise InvalidArgument("function", str(error)) from None
        return key.project, key.name, key.uuid
    return None, entity_name(text, "function"), None


def run_key(project: str, name: str, uuid: str | None) -> str:
    """`store://<project>/run/run/<name>:<uuid>`, under which the store has the run's folder."""
    return str(Key(project, "run", "run", name, uuid))


def is_dns_name(text: str) -> bool:
    """Whether the text can be the name of a Secret.

    >>> is_dns_name("db-password"), is_dns_name("DB_PASSWORD")
    (True, False)
    """
    return len(text) <= 253 and _DNS.fullmatch(text) is not None


def project_secret(project: str) -> str:
    """The Secret that holds a project's secrets, one key each.

    >>> project_secret("demo")
    'mlrun-project-demo'
    """
    return kubernetes_name(f"mlrun-project-{project}")
