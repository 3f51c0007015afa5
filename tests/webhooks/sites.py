"""Receivers inside the servers and frameworks that users have, on real ports."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
import uvicorn
from django.conf import settings
from django.core.servers import basehttp
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from werkzeug.serving import WSGIRequestHandler as WerkzeugHandler
from werkzeug.serving import make_server

from cf_ai_platform_client.webhooks import WebhookApp, WebhookWSGIApp, serve

Site = Callable[..., AbstractContextManager[str]]
"""From a handler and the options of a receiver to the URL that deliveries go to."""

urlpatterns = [path("other/", lambda request: HttpResponse("hello"))]
"""Django's, whose ROOT_URLCONF is this module."""


@contextmanager
def _uvicorn(app: Any, target: str, **options: Any) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # who connects waits until the server is there
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, **options))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}{target}"
        finally:
            server.should_exit = True
            thread.join()


def serving_asgi(app: Any) -> AbstractContextManager[str]:
    """Serve an app as `uvicorn receiver:app` does; its end waits for the app's."""
    return _uvicorn(app, "", lifespan="on")


def uvicorn_alone(handler: Any, **options: Any) -> AbstractContextManager[str]:
    return _uvicorn(WebhookApp(handler, **options), "/any/path", lifespan="on")


def starlette_mount(handler: Any, **options: Any) -> AbstractContextManager[str]:
    webhooks = WebhookApp(handler, **options)
    return _uvicorn(Starlette(routes=[Mount("/webhooks", webhooks)], lifespan=webhooks.lifespan), "/webhooks/")


def starlette_route(handler: Any, **options: Any) -> AbstractContextManager[str]:
    webhooks = WebhookApp(handler, **options)
    return _uvicorn(Starlette(routes=[Route("/webhooks", webhooks)], lifespan=webhooks.lifespan), "/webhooks")


def fastapi_mount(handler: Any, **options: Any) -> AbstractContextManager[str]:
    webhooks = WebhookApp(handler, **options)
    app = FastAPI(lifespan=webhooks.lifespan)
    app.mount("/webhooks", webhooks)
    return _uvicorn(app, "/webhooks/")


def fastapi_route(handler: Any, **options: Any) -> AbstractContextManager[str]:
    webhooks = WebhookApp(handler, **options)
    app = FastAPI(lifespan=webhooks.lifespan)
    app.add_route("/webhooks", webhooks)  # type: ignore[arg-type]
    return _uvicorn(app, "/webhooks")


def fastapi_without_lifespan(handler: Any, **options: Any) -> AbstractContextManager[str]:
    app = FastAPI()
    app.mount("/webhooks", WebhookApp(handler, **options))
    return _uvicorn(app, "/webhooks/")


@contextmanager
def own_server(handler: Any, **options: Any) -> Iterator[str]:
    ports: list[int] = []
    listening, found = threading.Event(), list[tuple[asyncio.AbstractEventLoop, "asyncio.Task[None]"]]()

    async def run() -> None:
        def on_listening(port: int) -> None:
            ports.append(port)
            listening.set()

        task = asyncio.ensure_future(serve(handler, port=0, on_listening=on_listening, **options))
        found.append((asyncio.get_running_loop(), task))
        await asyncio.wait([task])

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert listening.wait(10)
    try:
        yield f"http://127.0.0.1:{ports[0]}/"
    finally:
        loop, task = found[0]
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


@contextmanager
def _threaded(server: Any, target: str, webhooks: WebhookWSGIApp) -> Iterator[str]:
    thread = threading.Thread(target=lambda: server.serve_forever(0.01))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{target}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        webhooks.close()


class _Silent(WerkzeugHandler):
    def log(self, type: str, message: str, *args: Any) -> None: ...


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


def serving_wsgi(app: Any, webhooks: WebhookWSGIApp) -> AbstractContextManager[str]:
    """Serve an app; its end waits for the handlers."""
    return _threaded(make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent), "", webhooks)


def wsgiref_alone(handler: Any, **options: Any) -> AbstractContextManager[str]:
    webhooks = WebhookWSGIApp(handler, **options)
    server = WSGIServer(("127.0.0.1", 0), _Quiet)
    server.set_app(webhooks)
    return _threaded(server, "/any/path", webhooks)


def flask(handler: Any, **options: Any) -> AbstractContextManager[str]:
    app, webhooks = Flask("app"), WebhookWSGIApp(handler, **options)
    app.add_url_rule("/other/", view_func=lambda: "hello")
    app.wsgi_app = webhooks.mounted_in(app.wsgi_app, "/webhooks")  # type: ignore[method-assign]
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    return _threaded(server, "/webhooks", webhooks)


def set_django_up() -> None:
    """Give Django the settings that a project has."""
    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="x", LOGGING_CONFIG=None)
        django.setup()


class _DjangoHandler(basehttp.WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


def django_site(handler: Any, **options: Any) -> AbstractContextManager[str]:
    set_django_up()
    webhooks = WebhookWSGIApp(handler, **options)
    server = basehttp.ThreadedWSGIServer(("127.0.0.1", 0), _DjangoHandler)
    server.set_app(webhooks.mounted_in(get_wsgi_application(), "/webhooks/"))
    return _threaded(server, "/webhooks/", webhooks)


TOLD_OF_THE_START = [uvicorn_alone, starlette_mount, starlette_route, fastapi_mount, fastapi_route, own_server]
ASGI = [*TOLD_OF_THE_START, fastapi_without_lifespan]
WSGI = [wsgiref_alone, flask, django_site]
