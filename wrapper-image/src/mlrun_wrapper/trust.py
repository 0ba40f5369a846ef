"""Certificates: the image's own and those of the settings, in one file that every client of both processes reads."""

import os
import ssl
import sys
from pathlib import Path
from typing import Final

from mlrun_wrapper.carry import CERTIFICATES

# Python and OpenSSL, requests, boto3, git, pip, curl.
VARIABLES: Final = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "CURL_CA_BUNDLE",
)
_SYSTEM: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def trusted(bundle: str, folder: Path) -> dict[str, str]:
    """Write the file and give the variables that name it."""
    file = folder / "ca-bundle.pem"
    file.write_text(f"{_system_bundle()}\n{bundle.strip()}\n", encoding="utf-8")
    return dict.fromkeys(VARIABLES, str(file))


def trust_as_the_image_does() -> None:
    """Let this process find the image's certificates, which lie elsewhere than in the one that it was built in."""
    if file := _system_file():
        os.environ.setdefault("SSL_CERT_FILE", str(file))


def _system_bundle() -> str:
    file = _system_file()
    return file.read_text(encoding="utf-8", errors="replace").rstrip() if file else ""


def _system_file() -> Path | None:
    """The image's own; in one that has none, those that were carried over."""
    named = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *_SYSTEM)
    carried = Path(sys.prefix) / CERTIFICATES
    return next((Path(path) for path in (*named, carried) if path and Path(path).is_file()), None)
