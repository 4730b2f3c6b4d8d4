"""The application: routes, control socket, documentation, and the checks that every request passes."""

from fastapi import FastAPI

from mistlocate import __version__
from mistlocate.engines.embedded.api import assets, control, docs, errors, metrics, page, routes
from mistlocate.engines.embedded.api.checks import Checks
from mistlocate.engines.embedded.engine import Engine


def make_app(engine: Engine) -> Checks:
    """The API of an engine, as an ASGI application."""
    app = FastAPI(
        title="mistlocate",
        version=__version__,
        description="Finds people on Juniper Mist Wi-Fi. Paths, arguments and errors are those of PlaceOS.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # another path is another path, and no answer leads elsewhere
    )
    app.state.engine = engine
    errors.install(app)
    app.include_router(routes.api)
    app.include_router(routes.router)
    app.include_router(metrics.router)
    app.include_router(page.router)
    app.include_router(control.router)
    app.include_router(assets.api)
    docs.install(app)
    return Checks(app, engine)
