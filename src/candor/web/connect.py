"""Connecting data in the browser: upload, check what was recognised, rehearse, store, first scorecard.

Files lie in the workspace's restricted folder until they are stored or dropped. Every step that works
on them runs in a process of its own; pages only read how far it is.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from candor.access import audit, secrets
from candor.access.permissions import Permission
from candor.access.sessions import form_mark
from candor.connecting import job
from candor.connecting.uploads import MOST_FILES, State, Step, Upload, Uploads
from candor.errors import CandorError, Problem
from candor.sources.readers.limits import LIMITS, MIB
from candor.web import answering, render
from candor.web.doors import Doors
from candor.web.guard import actor_of, request_id, session_of, site_of
from candor.web.streaming import files_of
from candor.workspace import Workspace

_Text = Annotated[str, Form(max_length=300)]
_Mapping = Annotated[str, Form(max_length=400_000)]
_PATH = "/connect"


def mount(doors: Doors) -> None:
    """The routes of this module."""
    may = Permission.INGEST
    doors.add("GET", _PATH, may, begin, name="connect", summary="Connect data")
    doors.add("GET", f"/api{_PATH}", may, begun_data, name="api_connect", is_described=True,
              summary="One's own uploads and how far they are")  # fmt: skip
    doors.add("GET", "/connect/{upload}", may, page, name="connect_upload", summary="An upload")
    doors.add(
        "GET", "/api/connect/{upload}", may, data, name="api_connect_upload",
        summary="How far an upload is, and what would become of its records", is_described=True,
    )  # fmt: skip
    doors.add("POST", "/connect/upload", may, upload_files, name="connect/upload",
              summary="Upload files", takes_files=True)  # fmt: skip
    doors.add("POST", "/connect/look", may, look_again, name="connect/look",
              summary="Recognise the files of an upload again")  # fmt: skip
    doors.add("POST", "/connect/rehearse", may, rehearse, name="connect/rehearse",
              summary="Say how files are read, and rehearse it")  # fmt: skip
    doors.add("POST", "/connect/store", may, store, name="connect/store",
              summary="Store and measure what was rehearsed")  # fmt: skip
    doors.add("POST", "/connect/drop", may, drop, name="connect/drop", summary="Drop an upload")


def begin(request: Request) -> Response:
    """The form, and uploads that are not finished."""
    uploads = _uploads(request).of(actor_of(request).id)
    body = render.fragment(
        "connect.html.j2", uploads=[(one.id, one.state()) for one in uploads],
        most_files=MOST_FILES, most_mib=LIMITS.packed_bytes // MIB,
        is_first=not site_of(request).desk.about(), mark=form_mark(session_of(request)),
    )  # fmt: skip
    return answering.shell(request, "Connect data", body)


async def upload_files(request: Request) -> Response:
    """Keep the files and begin to recognise them."""
    made = await run_in_threadpool(_uploads(request).begin, secrets.identifier("u"))
    try:
        await files_of(request, made.new_file)
        await run_in_threadpool(_kept, request, made)
    except BaseException:
        await run_in_threadpool(made.remove)
        raise
    return RedirectResponse(f"{_PATH}/{made.id}", 303)


def _kept(request: Request, made: Upload) -> None:
    """Note whose it is, and begin to look at it.

    Raises:
        CandorError: no file was chosen, or another job works in this workspace.
    """
    if not made.files:
        raise CandorError("upload.invalid", Problem("choose a file", "files"))
    files = [(path.name, path.stat().st_size) for path in made.files]
    state = State(actor_of(request).id, site_of(request).store.now(), files)
    _note(request, "connect.upload", made.id,
          {"files": len(files), "bytes": sum(size for _, size in files)})  # fmt: skip
    made.save(state)
    job.start(_workspace(request), made, state, "look")


def page(request: Request, upload: str) -> Response:
    """How far an upload is, and what can be done next."""
    found = _own(request, upload)
    state = found.state()
    workspace = _workspace(request)
    body = render.fragment(
        "connect_upload.html.j2", upload=found.id, state=state, choices=job.choices(workspace),
        is_rehearsed=bool(state.rehearsed) and state.rehearsed == job.digest(state),
        has_files=bool(found.files), mark=form_mark(session_of(request)),
    )  # fmt: skip
    return answering.shell(request, "Connect data", body, refresh=state.status == "running")


def begun_data(request: Request) -> Response:
    """One's own uploads as JSON."""
    found = _uploads(request).of(actor_of(request).id)
    return answering.data({"uploads": [_plain(one.id, one.state()) for one in found]})


def data(request: Request, upload: str) -> Response:
    """The same as JSON."""
    return answering.data(_plain(upload, _own(request, upload).state()))


def _plain(upload: str, state: State) -> dict[str, Any]:
    return {
        "upload": upload, "files": [{"name": name, "bytes": size} for name, size in state.files],
        "step": state.step, "status": state.status, "doing": state.doing, "name": state.name,
        "read_as": state.choice, "mapping": state.mapping, "result": state.result or None,
        "error": state.error or None, "snapshot": state.snapshot or None,
        "rehearsed": bool(state.rehearsed) and state.rehearsed == job.digest(state),
    }  # fmt: skip


def look_again(request: Request, upload: _Text = "") -> Response:
    """Recognise once more, after something interrupted it."""
    found = _own(request, upload)
    return _next(request, found, found.state(), "look")


def rehearse(
    request: Request,
    upload: _Text = "",
    name: _Text = "",
    read_as: _Text = "",
    mapping: _Mapping = "",
) -> Response:
    """Take over how the files are read, and rehearse; mistakes are shown beside what was written."""
    found = _own(request, upload)
    state = found.state()
    # Browsers send the lines of a text field with CR LF.
    text = mapping.replace("\r\n", "\n")
    try:
        job.choose(_workspace(request), state, name.strip(), read_as, text)
    except CandorError as error:
        if found.is_worked_on():
            raise
        state.step, state.status, state.rehearsed = "rehearse", "failed", ""
        state.name, state.choice, state.mapping = name[:100], read_as, text
        state.error = error.as_dict()
        found.save(state)
        return RedirectResponse(f"{_PATH}/{found.id}", 303)
    return _next(request, found, state, "rehearse")


def store(request: Request, upload: _Text = "") -> Response:
    """Store what was rehearsed, then measure."""
    found = _own(request, upload)
    state = found.state()
    if not state.rehearsed or state.rehearsed != job.digest(state) or state.is_stored:
        raise CandorError(
            "upload.invalid",
            Problem("there is nothing rehearsed to store", "", "rehearse it first"),
        )
    return _next(request, found, state, "store")


def drop(request: Request, upload: _Text = "") -> Response:
    """Remove an upload with its files."""
    found = _own(request, upload)
    if found.is_worked_on():
        raise CandorError(
            "upload.exists", Problem("it is being worked on", "", "wait, then drop it")
        )
    _note(request, "connect.drop", found.id, {})
    found.remove()
    return RedirectResponse(_PATH, 303)


def _next(request: Request, found: Upload, state: State, step: Step) -> Response:
    workspace = _workspace(request)
    if Uploads(workspace.restricted).busy() is None:
        _note(request, f"connect.{step}", found.id, {"source": state.name, "read_as": state.choice})
    job.start(workspace, found, state, step)
    return RedirectResponse(f"{_PATH}/{found.id}", 303)


def _note(request: Request, action: str, target: str, detail: dict[str, Any]) -> None:
    site = site_of(request)
    with site.store.change() as db:
        audit.append(db, actor_of(request), action, target, at=site.store.now(),
                     request=request_id(request), detail=detail)  # fmt: skip


def _own(request: Request, upload: str) -> Upload:
    return _uploads(request).get(upload, actor_of(request).id)


def _uploads(request: Request) -> Uploads:
    return Uploads(_workspace(request).restricted)


def _workspace(request: Request) -> Workspace:
    return Workspace.open(site_of(request).root)
