"""What the name of a column and the words in it seem to mean: guesses for ``propose``.

Names are taken as words, without accents: ``Ticket-Nr``, ``ticketNumber`` and ``Ticket #`` are the
same. Knows English, German, French, Spanish, Dutch and Portuguese names; what is not recognised is
left to the user, and everything recognised is marked to be checked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from candor.events import registry

_NAMES: dict[str, str] = {
    "message_id": "message_id msg_id event_id comment_id entry_id post_id utterance_id",
    "thread_id": "thread_id conversation_id conv_id ticket_id ticket case_id case case_number chat_id "
    "session_id dialogue_id dialog_id interaction_id call_id contact_id",
    "occurred_at": "occurred_at timestamp ts time sent_at message_time event_time date datetime sent_on "
    "posted_at",
    "started_at": "started_at created_at created opened_at opened created_on start_time start "
    "creation_date",
    "ended_at": "ended_at end_time ended end",
    "solved_at": "solved_at solved resolved_at resolved resolution_date",
    "closed_at": "closed_at closed closed_on close_date",
    "actor": "actor author_type role sender_type speaker sender author from from_role participant",
    "actor_id": "actor_id author_id agent_id agent assignee sender_id user_name author_name",
    "text": "text body message content utterance comment message_text plain_body",
    "is_public": "is_public public visible_to_customer",
    "channel": "channel via source_channel medium contact_channel",
    "customer_id": "customer_id customer user_id requester_id requester contact end_user_id client_id "
    "customer_no customer_number",
    "subject": "subject title",
    "language": "language lang locale",
    "priority": "priority",
    "brand": "brand",
    "region": "region country market",
    "score": "csat rating score satisfaction csat_score satisfaction_rating",
    "answered_at": "answered_at rated_at rating_date",
}
"""Whole names, the likeliest first."""
_NUMBER = "id ids nr no num number nummer numero key uuid guid ref reference code"
_CLOCK = (
    "at on am date time datetime timestamp datum uhrzeit zeit um utc gmt cet cest local le el la em"
)
_CORES: dict[str, tuple[str, str]] = {
    "thread_id": (
        (
            "thread ticket case conversation conv chat session dialogue dialog interaction call vorgang anfrage "
            "gespraech fall demande conversacion caso gesprek zaak chamado conversa"
        ),
        _NUMBER,
    ),
    "message_id": ("message msg nachricht bericht mensaje mensagem comment event", _NUMBER),
    "occurred_at": (
        (
            "timestamp date time datetime sent posted datum uhrzeit zeitpunkt zeit gesendet envoye fecha hora "
            "heure tijd enviado verzonden data"
        ),
        _CLOCK,
    ),
    "started_at": (
        (
            "created opened started start creation erstellt eroeffnet beginn cree ouvert creado abierto "
            "aangemaakt criado aberto"
        ),
        _CLOCK,
    ),
    "solved_at": (
        "solved resolved resolution geloest erledigt resolu resuelto opgelost resolvido",
        _CLOCK,
    ),
    "closed_at": ("closed close geschlossen ferme cerrado gesloten fechado", _CLOCK),
    "actor": (
        (
            "actor author sender speaker role absender verfasser autor sprecher auteur expediteur remitente "
            "afzender remetente von"
        ),
        "type role kind typ rolle name",
    ),
    "text": (
        (
            "text message body content comment utterance nachricht inhalt nachrichtentext texte contenu mensaje "
            "texto contenido bericht inhoud mensagem conteudo"
        ),
        "plain raw full html clean original the of",
    ),
    "channel": ("channel kanal canal kanaal medium", "source contact origin"),
    "customer_id": (
        "customer user requester client contact enduser kunde kunden client cliente klant",
        f"{_NUMBER} email mail e hash end",
    ),
    "subject": ("subject title betreff titel sujet objet asunto onderwerp assunto", "line"),
    "language": ("language lang locale sprache langue idioma taal lingua", "code"),
    "priority": ("priority prioritaet priorite prioridad prioriteit prioridade", ""),
    "region": ("region country market land pays pais markt", "code"),
    "score": (
        "csat rating score satisfaction bewertung zufriedenheit note satisfaccion calificacion",
        "stars sterne value",
    ),
}
"""Words that a name may be made of beside others that say nothing; at least one must be there."""
_MEANINGS: dict[str, dict[str, str]] = {
    "actor": {
        "ai_agent": "ai ki ia bot robot assistant assistent assistente ai_agent chatbot voicebot virtual_agent "
        "fin wizard agent_ai virtual",
        "human_agent": "agent human human_agent admin operator staff representative advisor mitarbeiter "
        "mensch berater bearbeiter conseiller agente medewerker atendente team",
        "system": "system automation trigger macro systeme sistema systeem",
        "customer": "customer user enduser visitor client requester consumer contact caller kunde kundin "
        "cliente klant nutzer besucher",
    },
    "channel": {
        "chat": "chat web_chat live_chat webchat messenger widget",
        "messaging": "messaging whatsapp telegram line",
        "email": "email mail e_mail courriel correo",
        "voice": "voice phone call telephone telefon telefono telefoon anruf",
        "sms": "sms text_message",
        "social": "social twitter facebook instagram x",
        "in_app": "in_app mobile app",
        "web_form": "web_form web form webform portal formular",
    },
    "is_public": {
        "true": "true yes 1 public ja oui si sim",
        "false": "false no 0 private internal nein non nao",
    },
}
_SMALL = frozenset(
    [
        "a",
        "and",
        "by",
        "de",
        "del",
        "der",
        "des",
        "die",
        "du",
        "el",
        "la",
        "le",
        "of",
        "the",
        "und",
        "van",
        "von",
        "y",
    ]
)
_CONTENT = {
    1: "good great satisfied positive yes up thumbs_up happy gut zufrieden positiv bon satisfait bueno",
    0: "bad poor dissatisfied negative no down thumbs_down unhappy schlecht unzufrieden negativ mauvais malo",
}
"""Words that customers are offered instead of a number."""
_BY_PART = ("actor", "channel")
"""Fields whose values may be longer than the word that tells them: ``Agent Müller``."""
_STAFF = frozenset(
    [
        "agent",
        "assignee",
        "owner",
        "staff",
        "operator",
        "bearbeiter",
        "mitarbeiter",
        "to",
        "cc",
        "bcc",
        "an",
    ]
)
_FOLDED = str.maketrans({"ö": "oe", "ä": "ae", "ü": "ue", "ß": "ss"})


def plain(name: str) -> str:
    """A name as lower-case words joined by underscores, without accents."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().translate(_FOLDED)
    bare = unicodedata.normalize("NFKD", spaced).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", bare).strip("_")


def targets() -> tuple[str, ...]:
    """Fields that are looked for, in the order in which they take columns."""
    return tuple(_NAMES)


def named(target: str, columns: Sequence[str]) -> list[str]:
    """Columns whose whole name says that they hold a field, the likeliest first."""
    by_name = {plain(name): name for name in reversed(columns)}
    return [by_name[name] for name in _NAMES[target].split() if name in by_name]


def told(target: str, columns: Sequence[str]) -> list[str]:
    """Columns whose name is made of a word for a field and of words that say nothing."""
    if target not in _CORES:
        return []
    cores, fillers = (frozenset(words.split()) for words in _CORES[target])
    fillers |= _SMALL
    found = []
    for column in columns:
        words = frozenset(plain(column).split("_"))
        is_told = words & cores and words <= cores | fillers
        # A message alone is its text; its identifier says that it is one.
        if is_told and (target != "message_id" or words & fillers - _SMALL):
            found.append(column)
    return found


def is_of_staff(column: str) -> bool:
    """Whether a name says that it is about somebody who answers, or to whom it goes."""
    return bool(_STAFF & frozenset(plain(column).split("_")))


def content(word: str) -> int | None:
    """1 for a word of content, 0 for one of discontent, None for any other."""
    return next((score for score, words in _CONTENT.items() if plain(word) in words.split()), None)


def vocabulary(type_name: str, target: str) -> tuple[Any, ...]:
    """The closed list of a field's values, () when it has none."""
    event_type = registry()[type_name]
    if not event_type.has(target):
        return ()
    one = event_type.field(target)
    return (True, False) if one.kind == "bool" else one.values


def meaning(word: str, target: str, known: Sequence[Any], *, is_whole: bool = False) -> Any:
    """What a word of the source seems to mean, None when unknown.

    Args:
        word: a value as it stands in the source.
        target: the field.
        known: the field's closed list.
        is_whole: the value must be the word, not only hold it.
    """
    said = plain(word)
    if said in known:
        return said
    synonyms = {value: words.split() for value, words in _MEANINGS.get(target, {}).items()}
    for value, words in synonyms.items():
        if said in words:
            return {"true": True, "false": False}.get(value, value)
    if is_whole or target not in _BY_PART:
        return None
    parts = {part for part in said.split("_") if len(part) > 1}
    return next((value for value, words in synonyms.items() if parts & set(words)), None)
