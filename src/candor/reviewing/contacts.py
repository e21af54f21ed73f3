"""Contacts of a publication with the customer's first real question and whether the AI helped.

Reads published files; questions are redacted text. The AI did not help where it fell back, was
contradicted, got a thumb down, was asked for a human, or was under one half sure of its last answer; whether it helped is unknown where it took no part or gave no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from candor.engines.duck import DuckEngine
from candor.scorers.topics.questions import first_question

_CONTACTS_SQL = """
with confidence as (
    select m.conversation_key, min(m.ai_confidence_ppm) as least
    from {answers} as m
    where m.is_last_ai_answer
    group by m.conversation_key
)

select
    c.conversation_key, c.conversation_id, c.thread_key, c.thread_id, c.person_key,
    coalesce(c.first_customer_at, c.started_at) as asked_at,
    case
        when not c.ai_involved then null
        when c.ai_fallbacks > 0 or c.contradicted or c.explicit_feedback = 'neg' or c.asked_human
            or f.least < 500000 then true
        when c.ai_answers > 0 then false
    end as is_unhelped,
    c.ai_involved
from conversation as c
left join confidence as f on c.conversation_key = f.conversation_key
where c.engaged and not c.is_test and not c.is_spam
order by c.conversation_key
"""
_SAID_SQL = """
select s.conversation_key, list(s.text order by s.place) as texts
from (
    select
        c.conversation_key, t.text,
        row_number() over (partition by c.conversation_key order by t.occurred_at, t.event_key) as place
    from text.timeline as t
    inner join conversation as c on t.thread_key = c.thread_key
    where t.kind = 'message' and t.actor = 'customer' and t.is_public and t.text is not null
        and t.occurred_at >= c.first_customer_at
        and t.occurred_at <= coalesce(c.last_activity_at, t.occurred_at)
) as s
where s.place <= 3
group by s.conversation_key
"""


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact: where it stands, when it was asked, and whether the AI helped (None: unknown)."""

    key: int
    conversation_id: str
    thread_id: str
    person: int
    asked_at: int
    is_unhelped: bool | None
    ai_involved: bool
    question: str | None


def read_contacts(facts: Path, text: Path) -> list[Contact]:
    """Every engaged contact that is neither test nor spam, in the order of their keys."""
    with DuckEngine(facts, read_only=True) as engine:
        engine.run(f"attach '{str(text).replace(chr(39), chr(39) * 2)}' as text (read_only)")
        has_answers = engine.rows(
            "select count(*) from duckdb_columns() where table_name = 'message'"
            " and column_name = 'ai_confidence_ppm' and database_name <> 'text'"
        )[0][0]
        nobody = "(select 0::bigint as conversation_key, 0::bigint as ai_confidence_ppm, true as is_last_ai_answer limit 0)"
        rows = engine.arrow(
            _CONTACTS_SQL.format(answers="message" if has_answers else nobody)
        ).to_pylist()
        said: dict[int, list[str]] = dict(engine.rows(_SAID_SQL))
    made = []
    for row in rows:
        texts = said.get(row["conversation_key"], [])
        place = first_question(texts)
        made.append(
            Contact(
                row["conversation_key"], row["conversation_id"], row["thread_id"],
                row["person_key"], row["asked_at"], row["is_unhelped"], bool(row["ai_involved"]),
                None if place is None else texts[place],
            )
        )  # fmt: skip
    return made
