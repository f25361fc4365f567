"""Requests that come as a form with a file (multipart/form-data), as OpenAI's audio routes want.

A page of any site can make a browser send such a form to this machine without asking first, which
it cannot do with JSON. So a form is taken only with a header that no form can set, a bearer token
or an `x-api-key` (a page's script may set them, after the browser has asked whether it may: the
answer is the list of allowed origins), or from a program: what sends an `Origin` or one of the
`Sec-Fetch-` headers, as all browsers of today do, is none. The page could not read the answer, but
it could make the machine work.
"""

from __future__ import annotations

from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from desktop.core.service import limits
from desktop.core.service.api_errors import ApiError
from desktop.core.service.key_policy import VERSION
from desktop.core.service.openai.values import invalid, missing

FORM = "multipart/form-data"
TRANSCRIPTIONS, TRANSLATIONS = "/v1/audio/transcriptions", "/v1/audio/translations"
_FORM_ROUTES = frozenset({TRANSCRIPTIONS, TRANSLATIONS})
_FIELDS, _FIELD_BYTES = 64, 64 << 10
_OF_BROWSERS = ("Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest")


def takes_form(request: web.Request) -> bool:
    """Whether this request may be a form."""
    known = {request.path, VERSION + request.path} & _FORM_ROUTES
    if not known or request.content_type != FORM:
        return False
    headers = request.headers
    # A browser sends a password of an address by itself, but never a bearer token.
    bearer = headers.get("Authorization", "").lower().startswith("bearer ")
    if bearer or "x-api-key" in headers:
        return True
    return not any(name in headers for name in _OF_BROWSERS)


async def read(request: web.Request, file_name: str) -> tuple[dict[str, Any], bytes]:
    """A form's text fields, and the file in the field `file_name`. A field that ends in `[]`, or
    comes again, is a list.

    Raises:
        ApiError: 400 for what is no form or lacks the file, 413 for one that is too large.
    """
    fields: dict[str, Any] = {}
    content: bytes | None = None
    left = limits.BODY_BYTES
    try:
        reader = await request.multipart()
        async for part in reader:
            if not isinstance(part, BodyPartReader) or not part.name:
                raise _broken("each part needs a name")
            if len(fields) >= _FIELDS:
                raise _broken(f"it has more than {_FIELDS} fields")
            is_file = part.name == file_name
            data = await _whole(part, left if is_file else min(left, _FIELD_BYTES))
            left -= len(data)
            if is_file:
                content = data
            else:
                _add(fields, part.name, data.decode())
    except HttpProcessingError as error:  # a part's head is none
        raise _broken(error.message) from error
    except (ValueError, AssertionError, KeyError, EOFError) as error:
        raise _broken(str(error)) from error
    if content is None:
        raise missing(file_name)
    if not content:
        raise invalid(f"“{file_name}” is empty.", file_name)
    return fields, content


async def _whole(part: BodyPartReader, most: int) -> bytes:
    pieces, size = [], 0
    while piece := await part.read_chunk(1 << 16):
        size += len(piece)
        if size > most:
            raise ApiError(
                413,
                f"The field “{(part.name or '')[:100]}” is too large: a form may have "
                f"{limits.BODY_BYTES >> 20} MiB, a text in it {_FIELD_BYTES >> 10} KiB.",
                code="request_too_large",
            )
        pieces.append(piece)
    return b"".join(pieces)


def _add(fields: dict[str, Any], name: str, value: str) -> None:
    if name.endswith("[]"):
        fields.setdefault(name[:-2], []).append(value)
    elif name in fields:
        earlier = fields[name]
        fields[name] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
    else:
        fields[name] = value


def _broken(why: str) -> ApiError:
    return ApiError(400, f"The request is no valid form: {why[:200]}.", code="invalid_form")
