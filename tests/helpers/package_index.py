"""A package index on loopback, with a source package and a wheel made for the test."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def source_package(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz of these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def wheel(name: str, version: str, files: Mapping[str, str]) -> bytes:
    """A wheel of pure Python."""
    info = f"{name}-{version}.dist-info"
    texts = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    texts[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*texts, f"{info}/RECORD"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in texts.items():
            archive.writestr(path, text)
    return packed.getvalue()


@dataclass
class Index:
    """What is served; `asked` are the paths in order."""

    address: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def page(self, project: str) -> bytes:
        """PEP 691."""
        rows = [
            {
                "filename": name,
                "url": f"{self.address}/files/{project}/{name}",
                "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                "size": len(content),
            }
            for name, content in self.files[project].items()
        ]
        meta = {"meta": {"api-version": "1.0"}, "name": project, "files": rows}
        return json.dumps(meta).encode()


@contextlib.contextmanager
def serving(index: Index) -> Iterator[str]:
    """The address of its simple API while it lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            index.asked.append(self.path)
            parts = self.path.strip("/").split("/")
            content, kind = None, "application/octet-stream"
            if parts[0] == "simple" and len(parts) == 2 and parts[1] in index.files:
                content, kind = index.page(parts[1]), "application/vnd.pypi.simple.v1+json"
            elif parts[0] == "files" and len(parts) == 3:
                content = index.files.get(parts[1], {}).get(parts[2])
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if body and content:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"{index.address}/simple"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
