"""The service as an ASGI application, with what lives as long as it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware

from registry.audit import Audited, RequestLog
from registry.auth import ApiKeyRequired
from registry.routes import ANSWERS, ROUTES, found
from registry.store import Store
from registry.validation import Validators


def create_app(db: Path | str, key: str) -> Starlette:
    log = RequestLog()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        store = Store(db)
        app.state.log, app.state.store = log, store
        app.state.validators = Validators(lambda schema_id: found(store.by_id(schema_id)).schema)
        yield
        store.close()

    return Starlette(
        routes=ROUTES,
        middleware=[Middleware(Audited, log=log), Middleware(ApiKeyRequired, key=key)],
        exception_handlers=ANSWERS,
        lifespan=lifespan,
    )
