"""The static files of the page. They are for everybody: what there is to see comes over the API, to those who may."""

from importlib.resources import files
from pathlib import PurePosixPath

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from mistlocate.engines.embedded.api.conditional import conditional, version_of

router = APIRouter(include_in_schema=False)

#: What is served, by suffix.
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}

_FOLDER = files("mistlocate.engines.embedded").joinpath("page")


@router.get("/")
async def start(request: Request) -> Response:
    """The page itself."""
    return _file(request, "index.html")


@router.get("/page/{name}")
async def file(name: str, request: Request) -> Response:
    """What it is made of."""
    return _file(request, name)


def _file(request: Request, name: str) -> Response:
    """A file of the folder. Only names that a listing of it has are looked for."""
    media_type = MEDIA_TYPES.get(PurePosixPath(name).suffix)
    found = next((each for each in _FOLDER.iterdir() if each.name == name and each.is_file()), None)
    if media_type is None or found is None:
        raise HTTPException(404, "the page has no such file")
    body = found.read_bytes()
    return conditional(request, body, media_type, version_of(body), cache="no-cache")
