"""Data health: what the figures were made from, what could not be read, what to connect next."""

from __future__ import annotations

from dataclasses import replace

from candor.access.permissions import Permission
from candor.answers import Answers, Finding, doctor
from candor.reports.flat import flat
from candor.web.render import fragment
from candor.web.view import Look, Shown, View


def examined(answers: Answers) -> list[Finding]:
    """The question for what is to be mended, without where the workspace lies on the host."""
    root = f"{answers.workspace.root}/"
    return [
        replace(one, what=one.what.replace(root, ""), do=one.do.replace(root, ""))
        for one in doctor(answers.workspace)
    ]


def make(look: Look) -> Shown:
    """The page."""
    findings = look.desk.need("doctor", examined)
    about = look.answers.about
    health, lineage = flat(about["data_health"]), flat(about["provenance"])
    body = fragment("health.html.j2", findings=findings, health=health, lineage=lineage,
                    may_connect=look.actor.may(Permission.INGEST))  # fmt: skip
    data = {
        "findings": [finding.as_dict() for finding in findings],
        "data_health": about["data_health"], "provenance": about["provenance"],
    }  # fmt: skip
    return Shown(
        "Data health", body, data, look.answers.snapshot, look.answers.as_of,
        tables=lambda: [
            ("Checks", ("Level", "What", "Do"), [[f.level, f.what, f.do] for f in findings]),
            ("State of the data", ("What", "State"), [list(pair) for pair in health]),
            ("Where figures come from", ("What", "Value"), [list(pair) for pair in lineage]),
        ],
    )  # fmt: skip


VIEW = View("health", "/health", make, summary="Data health, checks and lineage of the snapshot")
