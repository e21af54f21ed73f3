"""Mounts every view three times: as a page, as JSON under ``/api``, as a file under ``/export``.

Each of the three asks the same question under the same permissions. The table of routes is the list
of what can be reached; a route without a permission cannot be made here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request, Response

from candor.access import audit
from candor.access.permissions import Actor, Permission
from candor.errors import CandorError, Problem
from candor.settings import SEGMENTS
from candor.web import answering, asked, files, looking
from candor.web.guard import actor_of, guard, own_form, request_id, site_of
from candor.web.streaming import streamed_form
from candor.web.view import Shown, View
from candor.web.views import ALL

Method = Literal["GET", "POST"]


class Doors:
    """Routes, each with its permission.

    Attributes:
        router: what the application includes.
        permissions: (method, path) to the permission it needs.
        scoped: routes that confine themselves to the actor's scope.
        by_token: routes that change something for a program that shows a token, and for nobody else.
    """

    def __init__(self) -> None:
        self.router = APIRouter()
        self.permissions: dict[tuple[str, str], Permission] = {}
        self.scoped: set[tuple[str, str]] = set()
        self.by_token: set[tuple[str, str]] = set()

    def add(
        self,
        method: Method,
        path: str,
        permission: Permission,
        endpoint: Callable[..., Any],
        *,
        name: str,
        summary: str,
        is_scoped: bool = False,
        params: tuple[str, ...] = (),
        is_described: bool = False,
        takes_files: bool = False,
        takes_token: bool = False,
    ) -> None:
        """One route; whatever changes something comes from a form of ours, or shows a token."""
        dependencies = [Depends(guard(permission, is_scoped=is_scoped, takes_token=takes_token))]
        if takes_token:
            self.by_token.add((method, path))
        elif method == "POST" and permission is not Permission.PUBLIC:
            dependencies.append(Depends(streamed_form if takes_files else own_form))
        self.permissions[(method, path)] = permission
        if is_scoped:
            self.scoped.add((method, path))
        described: dict[str, Any] = {
            "x-permission": str(permission),
            "parameters": [
                {"name": each, "in": "query", "required": False, "schema": {"type": "string"}}
                for each in params
            ],
        }
        self.router.add_api_route(
            path, endpoint, methods=[method], dependencies=dependencies, name=name,
            summary=summary, include_in_schema=is_described, openapi_extra=described,
            response_class=Response,
        )  # fmt: skip


def mount(doors: Doors) -> None:
    """Every view as page, JSON and file."""
    for view in ALL:
        params = (*view.params, "snapshot", *(SEGMENTS if view.takes_segments else ()))
        shared: dict[str, Any] = {"summary": view.summary, "is_scoped": view.is_scoped}
        doors.add("GET", view.path, view.permission, _page(view), name=view.name, **shared)
        doors.add(
            "GET", _under("/api", view), view.permission, _json(view), name=f"api_{view.name}",
            params=params, is_described=True, **shared,
        )  # fmt: skip
        if not view.holds_text:
            doors.add(
                "GET", _under("/export/{form}", view), Permission.EXPORT, _file(view),
                name=f"export_{view.name}", params=params, is_described=True, **shared,
            )  # fmt: skip


def shown(request: Request, view: View, actor: Actor) -> tuple[Shown, asked.Asked]:
    """What a view shows to somebody.

    Raises:
        Pending: it is being worked out.
        CandorError: what the view raised.
    """
    names = {key: str(value) for key, value in request.path_params.items() if key != "form"}
    return looking.shown(
        site_of(request).desk, view, request.query_params.multi_items(), names, actor
    )


def _under(prefix: str, view: View) -> str:
    return f"{prefix}/{view.name}" if view.path == "/" else f"{prefix}{view.path}"


def _opened(request: Request, made: Shown) -> None:
    """Text was opened: the log says so before it leaves."""
    if made.opened:
        site = site_of(request)
        with site.store.change() as db:
            for thread in made.opened:
                audit.append(
                    db, actor_of(request), "text.open", thread, at=site.store.now(),
                    request=request_id(request), detail={"snapshot": made.snapshot},
                )  # fmt: skip


def _page(view: View) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        made, found = shown(request, view, actor_of(request))
        _opened(request, made)
        return answering.page(request, view, made, found)

    return page


def _json(view: View) -> Callable[[Request], Response]:
    def data(request: Request) -> Response:
        made, _ = shown(request, view, actor_of(request))
        _opened(request, made)
        headers = {"etag": made.etag}
        if made.etag in request.headers.get("if-none-match", ""):
            # What a program may still see has not changed; it asked under its permissions of now.
            return Response(status_code=304, headers=headers)
        return Response(made.as_json, media_type="application/json", headers=headers)

    return data


def _file(view: View) -> Callable[[Request, str], Response]:
    def file(request: Request, form: str) -> Response:
        if form not in files.FORMS:
            raise CandorError("page.unknown", Problem(f"there is no export as '{form[:20]}'"))
        actor = actor_of(request)
        if not actor.may(view.permission):
            raise CandorError("page.unknown", Problem("there is nothing here for your account"))
        made, found = shown(request, view, actor)
        body, kind = files.write(made, form)
        site = site_of(request)
        with site.store.change() as db:
            audit.append(
                db, actor, "export", view.name, at=site.store.now(), request=request_id(request),
                detail={"form": form, "snapshot": made.snapshot, "filters": len(found.where)},
            )  # fmt: skip
        name = f"candor-{view.name}-{made.snapshot}.{form}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(body, media_type=kind, headers=headers)

    return file
