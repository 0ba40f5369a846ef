"""Tiny wheels and the pages that a package index is made of."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from support.servers import HttpsServer


@dataclass(frozen=True)
class Wheel:
    """A wheel by its file's name."""

    name: str
    filename: str
    data: bytes


def wheel(
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str] | None = None,
    requires: Sequence[str] = (),
    scripts: Mapping[str, str] | None = None,
) -> Wheel:
    """A pure Python wheel; by default with one module of its name that has a VERSION."""
    info = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    content = {
        **(files or {f"{name}.py": f"VERSION = {version!r}\ndef main():\n    print({name!r}, VERSION)\n"}),
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if scripts:
        lines = "".join(f"{command} = {target}\n" for command, target in scripts.items())
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in content.items())
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return Wheel(name, f"{name}-{version}-py3-none-any.whl", data.getvalue())


def find_links(server: HttpsServer, *wheels: Wheel) -> str:
    """Serve the wheels on one page; its URL."""
    for each in wheels:
        server.serve(f"/wheels/{each.filename}", each.data)
    links = "".join(f'<a href="{each.filename}">{each.filename}</a>\n' for each in wheels)
    return server.serve("/wheels/", links, content_type="text/html")


def index(server: HttpsServer, *wheels: Wheel) -> str:
    """Serve the wheels as an index (PEP 503); its URL."""
    for name in {each.name for each in wheels}:
        own = [each for each in wheels if each.name == name]
        links = "".join(f'<a href="/files/{each.filename}">{each.filename}</a>\n' for each in own)
        server.serve(f"/simple/{name}/", links, content_type="text/html")
        for each in own:
            server.serve(f"/files/{each.filename}", each.data, cache="max-age=3600")
    return f"{server.url}/simple"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
