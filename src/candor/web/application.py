"""The application: routes, refusals and surroundings put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, PlainTextResponse, Response

import candor
from candor.access import audit
from candor.access.permissions import Actor, Permission
from candor.errors import CandorError, Problem
from candor.web import (
    account,
    alerts,
    answering,
    bills,
    connect,
    correcting,
    doors,
    judging,
    labelling,
    mailing,
    notes,
    privacy,
    render,
    upkeep,
)
from candor.web.doors import Doors
from candor.web.guard import actor_of, site_of
from candor.web.preparing import Warmer
from candor.web.site import Site
from candor.web.surroundings import Surroundings

log = logging.getLogger("candor.web")
_FOREVER = "public, max-age=31536000, immutable"


def create(site: Site) -> Surroundings:
    """The application of one server.

    Args:
        site: what it holds; closed when the server stops.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        warmer = Warmer(site)
        warmer.start()
        yield
        await run_in_threadpool(site.desk.close)
        await run_in_threadpool(warmer.stop)
        await run_in_threadpool(site.close)

    made = FastAPI(
        title="candor", version=candor.__version__, docs_url=None, redoc_url=None,
        openapi_url=None, lifespan=life, redirect_slashes=False,
        summary="What AI customer-support agents really resolve: everything the dashboard shows.",
    )  # fmt: skip
    made.state.site = site
    table = routes()
    made.state.doors = table
    made.include_router(table.router)
    made.add_exception_handler(Exception, answering.told)
    for kind in answering.TOLD:
        made.add_exception_handler(kind, answering.told)
    # Outermost, so that answers to faults carry the same headers.
    return Surroundings(made, site)


def routes() -> Doors:
    """Every route with its permission."""
    table = Doors()
    public = Permission.PUBLIC
    table.add("GET", "/healthz", public, alive, name="alive", summary="Alive", is_scoped=True)
    table.add("GET", "/static/{name}", public, static, name="static", summary="A file of pages",
              is_scoped=True)  # fmt: skip
    table.add("GET", "/metrics", Permission.FIGURES, prometheus, name="prometheus",
              summary="Counters for Prometheus")  # fmt: skip
    table.add("GET", "/api/openapi.json", Permission.FIGURES, description, name="openapi",
              summary="This description", is_scoped=True)  # fmt: skip
    account.mount(table)
    upkeep.mount(table)
    alerts.mount(table)
    notes.mount(table)
    labelling.mount(table)
    correcting.mount(table)
    judging.mount(table)
    bills.mount(table)
    connect.mount(table)
    mailing.mount(table)
    privacy.mount(table)
    doors.mount(table)
    return table


def alive() -> Response:
    """Whether the server answers; says nothing else."""
    return PlainTextResponse("ok")


def static(name: str) -> Response:
    """One of the files that pages load."""
    if name not in render.ASSETS:
        raise CandorError("page.unknown", Problem("there is no such file"))
    path, kind = render.ASSETS[name]
    return FileResponse(path, media_type=kind, headers={"cache-control": _FOREVER})


def prometheus(request: Request) -> Response:
    """Counters and gauges in the text format."""
    site = site_of(request)
    health = site.desk.about().get("data_health", {})
    rows = [
        ("candor_requests_total", "counter", "Answers by status",
         [(f'{{status="{name}"}}', count) for name, count in sorted(site.counts.items())]),
        ("candor_answers_worked_out_total", "counter", "Questions worked out",
         [("", site.desk.reckoned)]),
        ("candor_answers_reused_total", "counter", "Questions answered from memory",
         [("", site.desk.reused)]),
        ("candor_audit_rows", "gauge", "Rows of the audit log",
         [("", audit.head(site.store.connection)[0])]),
        ("candor_quarantined_records", "gauge", "Records that could not be accepted",
         [("", sum(health.get("quarantined", {}).values()))]),
    ]  # fmt: skip
    lines = []
    for name, kind, text, values in rows:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{label} {value}" for label, value in values]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def description(request: Request) -> Response:
    """The OpenAPI description of what this actor may ask."""
    actor: Actor = actor_of(request)
    found = request.app.openapi()
    allowed = {
        path: operations for path, operations in found["paths"].items()
        if all(actor.may(Permission(each["x-permission"])) for each in operations.values())
    }  # fmt: skip
    return answering.data({**found, "paths": allowed})
