"""The page's files: asked for again when they change, and never before."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from fastapi import Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_VERSION = re.compile(r"v-[0-9a-f]{16}")


class WebFiles(StaticFiles):
    """A folder that is also served below ``v-HASH/``, by the hash of all that is in it.

    Files import each other by relative paths, so one hash serves them all: a page that names it
    gets files that belong together, and browsers keep them for ever. Another version, which a
    replica of another release may have named, is answered with the files of this one.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
        self.modules = sorted(path.name for path in folder.glob("*.js"))
        self.version = f"v-{digest.hexdigest()[:16]}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        """See :meth:`StaticFiles.get_response`."""
        version, _, rest = path.partition("/")
        if _VERSION.fullmatch(version):
            path = rest
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = _FOREVER if version == self.version else _ASK_AGAIN
        return response


class Document:
    """A text that is made once, at the start; who has it is told so."""

    def __init__(self, text: str, media_type: str, headers: dict[str, str]) -> None:
        self._body, self._media_type = text.encode(), media_type
        self._headers = {
            **headers,
            "ETag": f'"{hashlib.sha256(self._body).hexdigest()[:32]}"',
            "Cache-Control": _ASK_AGAIN,
        }

    def answer(self, request: Request) -> Response:
        """The text, or 304 for who has it already."""
        known = request.headers.get("if-none-match", "").split(",")
        if self._headers["ETag"] in (tag.strip().removeprefix("W/") for tag in known):
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, media_type=self._media_type, headers=self._headers)


def versioned(html: str, files: WebFiles) -> str:
    """An HTML page that names the version of the files it loads from ``static/``.

    It names all modules, too: a browser would ask for each only once it has read who imports it.
    """
    preload = "".join(
        f'  <link rel="modulepreload" href="static/{name}">\n' for name in files.modules
    )
    html = html.replace("</head>", f"{preload}</head>")
    return re.sub(r'(src|href)="static/', rf'\1="static/{files.version}/', html)
