"""Commands of the dashboard and of what else answers others: serve, mcp, people, audit."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption
from candor.errors import CandorError, Problem

if TYPE_CHECKING:
    from candor.access.store import Store
    from candor.web.sso import Sso

_people = typer.Typer(help="Accounts of the dashboard.", no_args_is_help=True)
_audit = typer.Typer(help="The audit log.", no_args_is_help=True)
_TOOL_SECONDS = 600.0
_ORIGIN = re.compile(r"https://[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?(?::\d{1,5})?")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(serve)
    app.command()(mcp)
    _people.command("add")(people_add)
    _people.command("list")(people_list)
    _people.command("password")(people_password)
    _people.command("off")(people_off)
    _people.command("grant-text")(people_grant_text)
    app.add_typer(_people, name="people")
    _audit.command("verify")(audit_verify)
    app.add_typer(_audit, name="audit")


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8750,
    public_host: Annotated[
        list[str] | None,
        typer.Option(help="Name under which browsers reach it, by https. May be repeated."),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    behind_proxy: Annotated[
        str, typer.Option(help="Address of the proxy that ends TLS and tells the caller's address.")
    ] = "",
    share_links: Annotated[
        bool, typer.Option("--share-links", help="Let admins make share links.")
    ] = False,
    embed_origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin (https://…) whose pages may hold shared pages. May be repeated."),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """The dashboard, for browsers and programs. Stop it with Ctrl-C."""
    _needs_extra()
    import uvicorn

    from candor.access.people import People
    from candor.web.application import create
    from candor.web.desk import Desk
    from candor.web.site import LOOPBACK, Site

    is_secure = bool(tls_cert and tls_key) or bool(behind_proxy)
    if problems := _unsafe(host, public_host or [], tls_cert, tls_key, is_secure=is_secure):
        raise CandorError("serve.unsafe", problems, exit_code=2)
    root, store = _store(workspace)
    if not any(person.role == "admin" for person in People(store).everybody()):
        raise CandorError(
            "serve.no_admin",
            Problem("there is no admin yet", "", "at least one account",
                    "run `candor people add NAME --role admin`"),
        )  # fmt: skip
    names = tuple(name.lower() for name in public_host or ())
    site = Site(
        root, Desk(root, is_apart=True), store, hosts=(*LOOPBACK, *names), is_secure=is_secure,
        may_share=share_links, sso=_provider(root),
        embedders=_origins(embed_origin or [], may_share=share_links),
    )  # fmt: skip
    scheme = "https" if tls_cert else "http"
    output.say(f"candor listens on {scheme}://{host}:{port} (Ctrl-C stops it)")
    uvicorn.run(
        create(site), host=host, port=port, log_level="warning", server_header=False,
        access_log=False, proxy_headers=bool(behind_proxy),
        forwarded_allow_ips=behind_proxy or "127.0.0.1", limit_concurrency=512,
        timeout_keep_alive=15, h11_max_incomplete_event_size=64_000,
        ssl_certfile=tls_cert, ssl_keyfile=tls_key,
    )  # fmt: skip


def mcp(
    person: Annotated[
        str, typer.Option("--as", help="Account whose permissions count; else a viewer's.")
    ] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Tools for assistants over standard input and output (Model Context Protocol); they only read.

    A token in CANDOR_TOKEN counts instead of --as.
    """
    import os

    _needs_extra("mcp", ("argon2", "mcp"))
    import anyio

    from candor.web import tools
    from candor.web.desk import Desk

    token = os.environ.get("CANDOR_TOKEN", "").strip()
    if token and person:
        raise CandorError(
            "usage.mcp", Problem("--as and CANDOR_TOKEN say different things", "--as", "one of them"),
            exit_code=2,
        )  # fmt: skip
    root, store = _store(workspace)
    who = tools.reader(store, person=person, token=token)
    desk = Desk(root, wait=_TOOL_SECONDS)
    output.say(f"candor answers over standard input and output as {who().name}")
    anyio.run(tools.server(tools.Teller(desk, store, who)).run_stdio_async)


def people_add(
    name: Annotated[str, typer.Argument(help="Name to log in with.")],
    role: Annotated[str, typer.Option(help="viewer, analyst, reviewer, admin or auditor.")],
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the password; else it is asked.")
    ] = None,
    confine: Annotated[
        list[str] | None,
        typer.Option(help="segment=value that its figures are confined to; may be repeated."),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """A new account."""
    _needs_extra()
    from candor.access.people import People
    from candor.access.permissions import OPERATOR
    from candor.settings import SEGMENTS

    scope = dict(part.split("=", 1) for part in confine or () if "=" in part)
    if len(scope) != len(confine or ()) or set(scope) - set(SEGMENTS):
        raise CandorError(
            "usage.confine", Problem("is no restriction", "--confine", "segment=value"), exit_code=2
        )
    people = People(_store(workspace)[1])
    made = people.add(OPERATOR, name, role, _password(password_file), scope=scope)
    output.say(f"{made.name} can log in as {made.role}")


def people_list(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Accounts, roles, and who may read text."""
    _needs_extra()
    from candor.access.people import People
    from candor.window import format_instant

    everybody = People(_store(workspace)[1]).everybody()
    rows = [
        {
            "name": one.name, "role": one.role, "disabled": one.is_disabled,
            "scope": dict(one.scope),
            "text_until": max((format_instant(g.until) for g in one.grants), default=None),
        }
        for one in everybody
    ]  # fmt: skip
    if json:
        output.print_json({"people": rows})
        return
    for row in rows:
        state = "off" if row["disabled"] else row["role"]
        text = f"  reads text until {row['text_until']}" if row["text_until"] else ""
        output.show(output.printable(f"{row['name']}  {state}{text}"))


def people_password(
    name: Annotated[str, typer.Argument(help="Whose.")],
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the password; else it is asked.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Set a password; every session of the account ends."""
    _needs_extra()
    from candor.access.people import People
    from candor.access.permissions import OPERATOR

    people = People(_store(workspace)[1])
    people.set_password(OPERATOR, people.named(name).id, _password(password_file))
    output.say("done; every session of the account has ended")


def people_off(
    name: Annotated[str, typer.Argument(help="Whose.")],
    on: Annotated[bool, typer.Option("--on", help="Switch it on again.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Switch an account off; its sessions and tokens are void."""
    _needs_extra()
    from candor.access.people import People
    from candor.access.permissions import OPERATOR

    people = People(_store(workspace)[1])
    people.disable(OPERATOR, people.named(name).id, is_disabled=not on)
    output.say("the account is on" if on else "the account is off")


def people_grant_text(
    name: Annotated[str, typer.Argument(help="Who may read text.")],
    reason: Annotated[str, typer.Option(help="Why; it stands on the page of people.")],
    days: Annotated[int, typer.Option(min=1, max=90)] = 7,
    workspace: WorkspaceOption = None,
) -> None:
    """Let somebody read redacted text for some days."""
    _needs_extra()
    from candor.access.people import People
    from candor.access.permissions import OPERATOR

    people = People(_store(workspace)[1])
    people.grant_text(OPERATOR, people.named(name).id, reason, days)
    output.say(f"{name} may read text for {days} days; each opening is in the audit log")


def audit_verify(
    anchor: Annotated[
        str, typer.Option(help="NUMBER:HASH of a row that was noted elsewhere.")
    ] = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Follow the chain of the audit log; names the first row that does not fit."""
    from candor.access import audit

    number, _, digest = anchor.partition(":")
    if anchor and not (number.isdigit() and len(digest) == len(audit.FIRST)):
        raise CandorError(
            "usage.anchor", Problem("is no anchor", "--anchor", "NUMBER:HASH"), exit_code=2
        )
    db = _store(workspace)[1].connection
    checked = audit.check(db, (int(number), digest) if anchor else None)
    if json:
        output.print_json(
            {"rows": checked.rows, "head": checked.head, "broken": checked.broken,
             "problem": checked.problem}
        )  # fmt: skip
    elif checked.broken:
        output.show(f"broken: {checked.problem}; {checked.rows} rows before it stand")
    else:
        output.show(f"the chain holds: {checked.rows} rows; anchor {checked.rows}:{checked.head}")
        if not anchor:
            output.say("without an anchor noted elsewhere a cut tail would not be seen")
    return 3 if checked.broken else 0


def _provider(root: Path) -> Sso | None:
    """The identity provider of candor.toml, if there is one."""
    import os

    from candor.workspace import Workspace

    section = Workspace.open(root).settings.sso
    if section is None:
        return None
    _needs_extra("sso", ("authlib", "joserfc"))
    from candor.web.sso import Sso

    return Sso(section, os.environ)


def _store(workspace: Path | None) -> tuple[Path, Store]:
    from candor import pipeline
    from candor.access.store import Store

    opened = pipeline.open_workspace(workspace)
    return opened.root, Store(opened.restricted)


def _needs_extra(
    extra: str = "serve",
    packages: tuple[str, ...] = ("argon2", "fastapi", "python_multipart", "uvicorn"),
) -> None:
    import importlib.util

    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise CandorError(
            f"extra.{extra}",
            Problem(
                f"this needs {', '.join(missing)}", "", f"the extra [{extra}]",
                f"pip install 'candor-cx[{extra}]'",
            ),
        )  # fmt: skip


def _origins(wanted: list[str], *, may_share: bool) -> tuple[str, ...]:
    """Origins that may hold shared pages, checked: they become part of a policy."""
    problems = [
        Problem(
            f"'{one[:80]}' is no origin", "--embed-origin", "such as https://intranet.example.com"
        )
        for one in wanted
        if not _ORIGIN.fullmatch(one)
    ]
    if wanted and not may_share:
        problems.append(
            Problem("only shared pages are embedded", "--embed-origin", "--share-links")
        )
    if problems:
        raise CandorError("serve.unsafe", problems, exit_code=2)
    return tuple(wanted)


def _unsafe(
    host: str, names: list[str], cert: Path | None, key: Path | None, *, is_secure: bool
) -> list[Problem]:
    """Why it must not start like this."""
    problems = []
    if bool(cert) != bool(key):
        problems.append(Problem("certificate and key come together", "--tls-cert, --tls-key"))
    if key is not None and key.exists() and key.stat().st_mode & 0o077:
        problems.append(
            Problem("others can read the key", str(key), "mode 0600", f"chmod 600 {key}")
        )
    if host not in _LOOPBACK and not is_secure:
        problems.append(
            Problem(
                f"{host} is reached from outside, without TLS", "--host",
                "--tls-cert and --tls-key, or --behind-proxy ADDRESS",
                "or listen on 127.0.0.1 only",
            )
        )  # fmt: skip
    if is_secure and not names:
        problems.append(
            Problem(
                "no name is known under which browsers reach it", "--public-host", "a host name"
            )
        )
    return problems


def _password(file: Path | None) -> str:
    if file is not None:
        lines = file.read_text(encoding="utf-8").splitlines()
        return lines[0] if lines else ""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
