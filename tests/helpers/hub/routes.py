"""Which request gets which answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

from tests.helpers.hub import documents
from tests.helpers.hub.faults import Blow, FaultBox
from tests.helpers.hub.server import Answered, Connection, Cut
from tests.helpers.hub.store import Commit, Repo, Store, StoredFile

GRANTED_TOKEN = "hf_localgranted"
STRANGER_TOKEN = "hf_localstranger"

_API = re.compile(
    r"/api/models/(?P<repo>[^/]+(?:/[^/]+)??)"
    r"(?:/(?P<what>revision|tree|paths-info|commits|refs|auth-check)(?:/(?P<rest>.+))?)?"
)
_RESOLVE = re.compile(r"/(?P<repo>[^/]+(?:/[^/]+)?)/resolve/(?P<revision>[^/]+)/(?P<path>.*)")
_CACHED = re.compile(
    r"/api/resolve-cache/models/(?P<repo>[^/]+(?:/[^/]+)?)/(?P<revision>[0-9a-f]{40})/(?P<path>.+)"
)
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_SIGNED_SECONDS = 3600.0


class Denied(Exception):
    """An answer that is an error of the hub: status, X-Error-Code and what it says."""

    def __init__(self, status: int, code: str | None, text: str, commit: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        headers = {"X-Error-Code": code, "X-Error-Message": text, "X-Repo-Commit": commit}
        self.headers = {name: value for name, value in headers.items() if value is not None}


class Routes:
    """Answers for the hub and for its CDN, out of one store and one box of faults."""

    def __init__(self, store: Store, faults: FaultBox) -> None:
        self._store = store
        self._faults = faults
        self._secret = b"local hub"
        self.page_size = 1000
        self.cdn_url = ""
        self.hub_url = ""

    # The hub

    def answer_hub(self, connection: Connection) -> None:
        self._wait(connection)
        path = connection.record.path
        try:
            if path.startswith("/api/") and not path.startswith("/api/resolve-cache/"):
                self._blow(connection, "api", unquote(path))
                self._known(connection)
                self._api(connection, path)
            elif found := (_CACHED.fullmatch(path) or _RESOLVE.fullmatch(path)):
                connection.record.file = unquote(found["path"])
                self._blow(connection, "resolve", connection.record.file)
                self._known(connection)
                self._resolve(connection, found, cached=path.startswith("/api/"))
            else:
                raise Denied(404, None, "Sorry, we can't find the page you are looking for.")
        except Denied as denied:
            _error(connection, denied.status, str(denied), denied.headers)
        except documents.BadRequest as error:
            _error(connection, 400, str(error), {"X-Error-Message": str(error)})

    def _api(self, connection: Connection, path: str) -> None:
        query = parse_qs(connection.record.query, keep_blank_values=True)
        if path == "/api/whoami-v2":
            if connection.token is None:
                raise Denied(401, None, "Invalid username or password.")
            return connection.json({"type": "user", "name": "tester", "auth": {"type": "token"}})
        if path == "/api/models":
            return self._search(connection, query)
        found = _API.fullmatch(path)
        if found is None:
            raise Denied(404, None, "Not found")
        name = unquote(found["repo"])
        if (new := self._store.moved(name)) is not None:
            target = path.replace(f"/api/models/{found['repo']}", f"/api/models/{new}", 1)
            asked = connection.record.query
            location = f"{self.hub_url}{target}{'?' + asked if asked else ''}"
            return connection.text(307, b"", {"Location": location})
        repo = self._visible(connection, name)
        if found["what"] == "auth-check":
            self._admitted(connection, repo)
            return connection.text(200, b"")
        if found["what"] == "refs":
            return connection.json(documents.refs(repo))
        revision, _, folder = (found["rest"] or "main").partition("/")
        commit = self._commit(repo, unquote(revision))
        files = self._files(commit)
        if found["what"] == "commits":
            return self._paged(connection, query, documents.commits(repo, commit), 50)
        if found["what"] == "paths-info":
            form = parse_qs(connection.body.decode())
            return connection.json(documents.paths_info(files, form.get("paths", [])))
        if found["what"] == "tree":
            recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
            expand = query.get("expand", ["false"])[0].lower() in ("true", "1")
            entries = documents.tree(commit, files, unquote(folder), recursive, expand)
            if entries is None:
                text = f"{unquote(folder)} does not exist on {revision!r}"
                raise Denied(404, "EntryNotFound", text, commit.sha)
            return self._paged(connection, query, entries, min(self.page_size, 1000))
        blobs = query.get("blobs", ["false"])[0].lower() in ("true", "1")
        only = documents.fields(query, single=True)
        return connection.json(
            documents.model(repo, commit, files, blobs=blobs, only=only),
            {"X-Repo-Commit": commit.sha},
        )

    def _search(self, connection: Connection, query: dict[str, list[str]]) -> None:
        only = documents.fields(query, single=False)
        allowed = connection.token == GRANTED_TOKEN
        visible = (repo for repo in self._store.repos() if allowed or not repo.private)
        found = [
            documents.model(
                repo,
                repo.commits[-1],
                self._files(repo.commits[-1]),
                blobs=False,
                only=only,
            )
            for repo in documents.chosen(visible, query)
        ]
        limit = min(int(query.get("limit", ["1000"])[0]), self.page_size)
        self._paged(connection, query, found, max(1, limit))

    def _paged(
        self, connection: Connection, query: dict[str, list[str]], items: list[Any], size: int
    ) -> None:
        start = int(query.get("cursor", ["0"])[0])
        headers = {}
        if start + size < len(items):
            following = urlencode({**query, "cursor": [str(start + size)]}, doseq=True)
            headers["Link"] = f'<{self.hub_url}{connection.record.path}?{following}>; rel="next"'
        connection.json(items[start : start + size], headers)

    def _resolve(self, connection: Connection, found: re.Match[str], cached: bool) -> None:
        name, path = unquote(found["repo"]), unquote(found["path"])
        if (new := self._store.moved(name)) is not None:
            location = connection.record.path.replace(f"/{found['repo']}/", f"/{new}/", 1)
            return connection.text(307, b"", {"Location": location})
        repo = self._visible(connection, name)
        commit = self._commit(repo, unquote(found["revision"]))
        self._admitted(connection, repo)
        file = next((each for each in self._files(commit) if each.path == path), None)
        if file is None:
            raise Denied(404, "EntryNotFound", "Entry not found", commit.sha)
        headers = {"X-Repo-Commit": commit.sha, "Accept-Ranges": "bytes"}
        direct = self._faults.switch("serve_directly")
        if file.lfs and not direct:
            headers |= {
                "X-Linked-Size": str(file.header_size),
                "X-Linked-ETag": f'"{file.etag}"',
                "Location": self._signed(file),
            }
            return connection.text(302, b"Found. Redirecting to the CDN", headers)
        if not cached and not file.lfs and self._faults.switch("redirect_small"):
            place = f"/api/resolve-cache/models/{name}/{commit.sha}/{quote(path)}"
            headers |= {
                "X-Linked-Size": str(file.header_size),
                "X-Linked-ETag": f'"{file.etag}"',
                "Location": place,
            }
            return connection.text(307, b"Temporary Redirect", headers)
        headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(path.split('/')[-1])}"
        self._content(connection, file, f'"{file.etag}"', headers)

    # The CDN

    def answer_cdn(self, connection: Connection) -> None:
        self._wait(connection)
        query = parse_qs(connection.record.query)
        expires = query.get("Expires", ["0"])[0]
        sign = self._sign(connection.record.path, expires)
        if not hmac.compare_digest(query.get("Signature", [""])[0], sign):
            return _xml(connection, 403, "SignatureDoesNotMatch", "Wrong signature")
        if time.time() >= float(expires):
            return _xml(connection, 403, "AccessDenied", "Request has expired")
        file = self._store.by_sha256(connection.record.path.rpartition("/")[2])
        if file is None:
            return _xml(connection, 404, "NoSuchKey", "The specified key does not exist.")
        connection.record.file = query.get("path", [file.path])[0]
        # Not the sha256: an object store has an etag of its own.
        etag = f'"{hashlib.md5(file.sha256.encode()).hexdigest()}-1"'
        self._content(connection, file, etag, {"Accept-Ranges": "bytes"})

    def _signed(self, file: StoredFile) -> str:
        seconds = self._faults.switch("signed_url_seconds")
        expires = str(time.time() + (_SIGNED_SECONDS if seconds is None else seconds))
        path = f"/repos/{file.sha256[:2]}/{file.sha256[2:4]}/{file.sha256}"
        query = {
            "response-content-disposition": f"inline; filename={file.path.rpartition('/')[2]}",
            "path": file.path,
            "Expires": expires,
            "Signature": self._sign(path, expires),
            "Key-Pair-Id": "LOCAL",
        }
        return f"{self.cdn_url}{path}?{urlencode(query)}"

    def _sign(self, path: str, expires: str) -> str:
        return hmac.new(self._secret, f"{path} {expires}".encode(), hashlib.sha256).hexdigest()

    # Contents

    def _content(
        self, connection: Connection, file: StoredFile, etag: str, headers: dict[str, str]
    ) -> None:
        path = connection.record.file or file.path
        blow = None
        if connection.command == "GET":
            blow = self._blow(connection, "content", path)
        headers = {"Content-Type": "application/octet-stream", "ETag": etag, **headers}
        if connection.command == "HEAD":
            return connection.head(200, {**headers, "Content-Length": str(file.header_size)})
        start, end, partial = 0, file.size, False
        asked = connection.record.range
        if asked is not None and not self._faults.switch("ignore_range"):
            if_range = connection.record.if_range
            wanted = _span(asked, file.size) if if_range in (None, etag) else (0, file.size)
            if wanted is None or self._faults.switch("refuse_range"):
                outside = {"Content-Range": f"bytes */{file.size}"}
                return connection.text(416, b"", {**headers, **outside})
            start, end = wanted
            partial = if_range in (None, etag)
        if partial:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
        headers["Content-Length"] = str(end - start)
        connection.head(206 if partial else 200, headers)
        self._body(connection, file, start, end, blow)

    def _body(
        self, connection: Connection, file: StoredFile, start: int, end: int, blow: Blow | None
    ) -> None:
        limit = self._faults.switch("bytes_per_second")
        flipped = file.size // 2 if self._faults.switch("wrong_bytes") else None
        stop, kind = end, blow.kind if blow is not None else ""
        if blow is not None and kind == "corrupt":
            flipped = (start + end) // 2
        elif blow is not None:
            # It must bite however short the range is.
            stop = min(start + int(blow.detail["after_bytes"]), max(start, end - 1))
        with file.source.open("rb") as source:
            connection.send_file(source, start, stop, limit, flipped)
        if kind == "truncate":
            raise Cut
        if kind == "reset":
            connection.reset()
        if kind == "stall":
            connection.stall()

    def _blow(self, connection: Connection, where: str, path: str) -> Blow | None:
        """What falls on this request; returned where it concerns the body only."""
        blow = self._faults.take(where, path)
        if blow is None:
            return None
        connection.record.fault = blow.kind
        detail = blow.detail
        if blow.kind == "replace":
            self._store.replace_everywhere(detail["path"], detail["content"])
            return None
        if blow.kind == "rate_limit":
            after = detail["retry_after"]
            headers = {} if after is None else {"Retry-After": str(after)}
            if where != "content" and isinstance(after, int | float):
                headers["RateLimit"] = f'"{where}s";r=0;t={int(after)}'
                headers["RateLimit-Policy"] = f'"fixed window";"{where}s";q=500;w=300'
            self._refuse(connection, 429, "Too Many Requests", headers)
        if blow.kind == "server_error":
            after = detail["retry_after"]
            headers = {} if after is None else {"Retry-After": str(after)}
            self._refuse(connection, detail["status"], "Something is broken here", headers)
        if blow.kind == "expire":
            self._refuse(connection, 403, "Request has expired", {})
        if blow.kind == "reset" and detail["after_bytes"] is None:
            connection.reset()
        if blow.kind == "stall" and detail["after_bytes"] is None:
            connection.stall()
        if where != "content":
            connection.cut_after = int(detail.get("after_bytes", 0))
            return None
        return blow

    def _refuse(
        self, connection: Connection, status: int, text: str, headers: dict[str, str]
    ) -> None:
        connection.text(status, text.encode(), headers)
        connection.wfile.flush()
        raise Answered

    # Who may see what

    def _known(self, connection: Connection) -> None:
        if connection.token not in (None, GRANTED_TOKEN, STRANGER_TOKEN):
            raise Denied(401, None, "Invalid credentials in Authorization header")

    def _visible(self, connection: Connection, name: str) -> Repo:
        repo = self._store.repo(name)
        if repo is None or (repo.private and connection.token != GRANTED_TOKEN):
            if self._faults.switch("hide_missing") and connection.token is None:
                raise Denied(401, None, "Invalid username or password.")
            raise Denied(404, "RepoNotFound", "Repository not found")
        return repo

    def _admitted(self, connection: Connection, repo: Repo) -> None:
        if not repo.gated or connection.token == GRANTED_TOKEN:
            return
        text = f"Access to model {repo.name} is restricted"
        if connection.token is None:
            text += ". You must have access to it and be authenticated to access it. Please log in."
            raise Denied(401, "GatedRepo", text)
        text += " and you are not in the authorized list. Visit its page to ask for access."
        raise Denied(403, "GatedRepo", text)

    def _commit(self, repo: Repo, revision: str) -> Commit:
        commit = repo.commit(revision)
        if commit is None:
            raise Denied(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def _files(self, commit: Commit) -> Sequence[StoredFile]:
        names = self._faults.evil_names
        evil = [self._store.extra_file(name, b"evil") for name in names]
        return [*commit.files.values(), *evil]

    def _wait(self, connection: Connection) -> None:
        seconds = self._faults.switch("extra_latency_seconds")
        if seconds:
            connection.wait_until(time.monotonic() + seconds)


def _span(asked: str, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of a Range; the whole where it is none; None: outside."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        last = int(found[2])
        return (max(0, size - last), size) if last and size else None
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    return (start, end) if start < end else None


def _error(connection: Connection, status: int, text: str, headers: dict[str, str]) -> None:
    body = json.dumps({"error": text}).encode()
    connection.text(status, body, {"Content-Type": "application/json", **headers})


def _xml(connection: Connection, status: int, code: str, text: str) -> None:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{text}</Message></Error>"
    connection.text(status, body.encode(), {"Content-Type": "application/xml"})
