"""The page at ``/`` and the API documentation, all served from local files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles

from service.api.web_files import Document, WebFiles, versioned
from service.imaging.files.formats import PhotoFormat

_WEB = Path(__file__).parent.parent / "web"
# What the file picker offers, and the page sends as it is.
_ACCEPTED = re.compile(r'accept="image/[^"]*')

# Nothing is loaded from elsewhere: all of it works offline, and nobody learns who looks at it.
_PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Swagger UI and ReDoc start from an inline script, style their elements inline, and ReDoc
# searches in a worker of its own.
_DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' blob: data:; worker-src blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_POLICY_HEADER = "Content-Security-Policy"
_DOCS_PACKAGE = "fastapi_offline"
_REDOC = "redoc.standalone.js"
# ReDoc fetches its maker's logo, and no option of it turns that off; without it it shows none.
_REDOC_LOGO, _NO_LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg", "data:,"

router = APIRouter(include_in_schema=False)


@router.get("/favicon.ico")
def favicon() -> FileResponse:
    """The icon browsers ask for unasked."""
    return FileResponse(_WEB / "icon.svg", media_type="image/svg+xml")


@router.get("/docs")
def swagger_ui(request: Request) -> HTMLResponse:
    """Swagger UI."""
    prefix = request.scope.get("root_path", "")
    page = get_swagger_ui_html(
        openapi_url=f"{prefix}/openapi.json",
        title="Depth service: try it",
        swagger_js_url=f"{prefix}/static/docs/swagger-ui-bundle.js",
        swagger_css_url=f"{prefix}/static/docs/swagger-ui.css",
        swagger_favicon_url=f"{prefix}/favicon.ico",
        # Patterns and the like are for programs; a parameter's text says the same in words.
        swagger_ui_parameters={
            "tryItOutEnabled": True,
            "displayRequestDuration": True,
            "showCommonExtensions": False,
        },
    )
    page.headers[_POLICY_HEADER] = _DOCS_POLICY
    return page


@router.get("/redoc")
def redoc(request: Request) -> HTMLResponse:
    """ReDoc."""
    prefix = request.scope.get("root_path", "")
    page = get_redoc_html(
        openapi_url=f"{prefix}/openapi.json",
        title="Depth service: reference",
        redoc_js_url=f"{prefix}/static/docs/{_REDOC}",
        redoc_favicon_url=f"{prefix}/favicon.ico",
        with_google_fonts=False,
    )
    page.headers[_POLICY_HEADER] = _DOCS_POLICY
    return page


def install_pages(app: FastAPI, optional: Iterable[PhotoFormat] = ()) -> None:
    """Add the pages and their static files; the file picker offers ``optional`` formats, too."""
    files = WebFiles(_WEB)
    html = versioned((_WEB / "index.html").read_text(encoding="utf-8"), files)
    more = "".join(f",{kind}" for one in optional for kind in one.media_types)
    html = _ACCEPTED.sub(rf"\g<0>{more}", html)
    page = Document(html, "text/html", {_POLICY_HEADER: _PAGE_POLICY})
    script = resources.files(_DOCS_PACKAGE).joinpath("static", _REDOC).read_text(encoding="utf-8")
    redoc_script = Document(script.replace(_REDOC_LOGO, _NO_LOGO), "text/javascript", {})

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        """The page."""
        return page.answer(request)

    @app.get(f"/static/docs/{_REDOC}", include_in_schema=False)
    async def redoc_without_logo(request: Request) -> Response:
        """ReDoc's script."""
        return redoc_script.answer(request)

    app.include_router(router)
    # FastAPI's own pages load Swagger UI from a CDN; this package carries the same files.
    app.mount("/static/docs", StaticFiles(packages=[(_DOCS_PACKAGE, "static")]), name="docs")
    app.mount("/static", files, name="static")
