"""Contact records as events: the contact, who took over, how it ended, what the AI agent claims.

Only this module maps contact records. A contact is a thread; the contacts of one call are tied by
links. Every event carries the record's update clock as its revision, so of several deliveries the
newest counts. What is no contact of a customer is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import claims
from candor.sources.amazon_connect import kinds
from candor.sources.amazon_connect.context import Around
from candor.sources.base import EventDict, RecordRefused, RecordSkipped
from candor.sources.shapes import list_of, object_of, rest, text_of

CLAIMANT = "amazon_connect"
_MICRO = Decimal("0.000001")
_ALIASES = {"TELEPHONE_NUMBER": "phone", "PHONE_NUMBER": "phone", "EMAIL_ADDRESS": "email"}
_DURATIONS = ("AgentInteractionDuration", "AfterContactWorkDuration")


def of_contact(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """Everything one contact record says.

    Raises:
        RecordRefused: it has no id or no start.
        RecordSkipped: it is no contact of a customer.
    """
    identity, method = text_of(body.get("Id")), str(body.get("InitiationMethod"))
    if identity is None:
        raise RecordRefused(ReasonCode.ID_MISSING, "ContactId", "the contact's id")
    if method in kinds.NO_CONTACT:
        raise RecordSkipped(f"{method}: {kinds.NO_CONTACT[method]}")
    if body.get("Channel") == "TASK":
        raise RecordSkipped("TASK: work without a customer")
    started = kinds.required_instant(body, "InitiationTimestamp")
    ended = kinds.instant(body, "DisconnectTimestamp")
    revision = kinds.instant(body, "LastUpdateTimestamp") or ended or started
    record = _Record(body, identity, method, started, ended, revision, around)
    yield record.conversation()
    yield from record.links()
    yield from record.handoff()
    yield from record.ending()
    yield from record.claims()
    yield from record.identity_of_customer()
    yield from record.cost()


class _Record:
    def __init__(
        self,
        body: Mapping[str, Any],
        identity: str,
        method: str,
        started: int,
        ended: int | None,
        revision: int,
        around: Around,
    ) -> None:
        self.body = body
        self.identity = identity
        self.method = method
        self.started = started
        self.ended = ended
        self.revision = revision
        self.around = around
        self.ai = kinds.agents_of(body)
        self.agent = object_of(body.get("AgentInfo"))
        self.queue = object_of(body.get("QueueInfo"))
        self.connected = kinds.instant(self.agent, "ConnectedToAgentTimestamp")
        self.endpoint = object_of(body.get("CustomerEndpoint"))

    def event(self, type_: str, at: int, **fields: Any) -> EventDict:
        return {"type": type_, "occurred_at": at, "revision": self.revision, **fields}

    def conversation(self) -> EventDict:
        first = str(self.ai[0].get("AiAgentVersionId") or "") if self.ai else ""
        attributes = {
            "initiation_method": self.method,
            "queue": self.queue_id(),
            "contact_tree": text_of(
                self.body.get("ContactAssociationId") or self.body.get("InitialContactId")
            ),
        }
        extra = rest(self.body, kinds.CONTACT_KNOWN)
        extra.pop("AgentInfo", None)
        seconds = {
            key: value
            for key, value in self.agent.items()
            if isinstance(value, int) and not isinstance(value, bool) and value
        }
        if seconds:
            extra["agent_seconds"] = seconds
        return self.event(
            "conversation",
            self.started,
            thread_id=self.identity,
            started_at=self.started,
            ended_at=self.ended,
            channel=self.channel(),
            direction=self.direction(),
            customer_id=self.customer(),
            is_test=self.is_test(),
            is_spam=False,
            ai_agent_id=first.partition(":")[0] or None,
            release=first or None,
            attributes={key: value for key, value in attributes.items() if value is not None},
            extra=extra or None,
        )

    def channel(self) -> str | None:
        word = text_of(self.body.get("Channel"))
        ours = kinds.CHANNELS.get(word or "")
        if ours == "chat":
            ours = kinds.SUBTYPES.get(kinds.subtype_of(self.body), ours)
        # A word outside the table is stored raw and counted, never guessed.
        return ours or word

    def direction(self) -> str | None:
        if self.method in kinds.INBOUND:
            return "inbound"
        if self.method in kinds.PROACTIVE:
            return "proactive"
        if self.method == "API":
            # The interface starts a customer's chat as well as a call to a customer.
            return "proactive" if self.body.get("Channel") == "VOICE" else "inbound"
        if self.method not in kinds.UNDIRECTED:
            self.around.notes.add("initiation_unknown", self.method)
        return None

    def customer(self) -> str | None:
        return text_of(self.body.get("CustomerId") or self.endpoint.get("Address"))

    def is_test(self) -> bool:
        named = self.around.settings.get("test_attribute")
        value = object_of(self.body.get("Attributes")).get(named) if named else None
        return str(value).lower() in {"true", "yes", "1"}

    def queue_id(self) -> str | None:
        # The id first: streams know the name too, answers of the interface do not.
        return kinds.tail(self.queue.get("Id") or self.queue.get("ARN") or self.queue.get("Name"))

    def links(self) -> Iterator[EventDict]:
        found: dict[tuple[str, str], None] = {}
        previous, initial = self.body.get("PreviousContactId"), self.body.get("InitialContactId")
        for other, kind in (
            (previous, "transferred"),
            (initial, "transferred"),
            (self.body.get("RelatedContactId"), "same_issue"),
        ):
            if other and str(other) != self.identity:
                found[str(other), kind] = None
        for case in list_of(self.body.get("Cases")):
            if isinstance(case, dict) and case.get("CaseId"):
                found[str(case["CaseId"]), "parent"] = None
        for other, kind in found:
            yield self.event(
                "link",
                self.started,
                link_id=f"{self.identity}:{kind}:{other}",
                from_thread_id=self.identity,
                to_thread_id=other,
                kind=kind,
            )

    def handoff(self) -> Iterator[EventDict]:
        """From the AI agent to a person, or from one person to the next."""
        queued = kinds.instant(self.queue, "EnqueueTimestamp")
        previous = text_of(self.body.get("PreviousContactId"))
        if self.ai:
            at, thread, giver = queued or self.connected, self.identity, "ai_agent"
        elif self.method == "TRANSFER" and previous is not None:
            at, thread, giver = self.started, previous, "human_agent"
        else:
            return
        if at is None:
            return
        yield self.event(
            "handoff",
            at,
            handoff_id=f"{self.identity}:taken",
            thread_id=thread,
            from_actor=giver,
            to_actor="human_agent",
            to_queue=self.queue_id(),
            reason=None,
            is_planned=False,
            accepted_at=self.connected,
            is_failed=self.connected is None and self.ended is not None,
        )

    def ending(self) -> Iterator[EventDict]:
        if self.ended is None:
            return
        word = text_of(self.body.get("DisconnectReason"))
        actor, reason = kinds.ENDINGS.get(word or "", (None, None))
        if word is not None and word not in kinds.ENDINGS:
            self.around.notes.add("disconnect_reason_unknown", word)
        if actor == "human_agent" and kinds.tail(self.agent.get("Id") or self.agent.get("ARN")) in (
            self.around.options.ai_actor_ids
        ):
            actor, reason = "ai_agent", "ai_closed"
        # A contact that goes on in the next one was passed on, whoever hung up here.
        goes_on = word == "TRANSFERRED" or any(
            object_of(one).get("InitiationMethod") in {"TRANSFER", "QUEUE_TRANSFER"}
            for one in self._next()
        )
        yield self.event(
            "state_change",
            self.ended,
            change_id=f"{self.identity}:disconnect",
            thread_id=self.identity,
            from_state="open",
            to_state="closed",
            actor=actor,
            reason=None if goes_on else reason,
            extra={
                key: value
                for key, value in (("disconnect_reason", word), ("goes_on", goes_on or None))
                if value is not None
            }
            or None,
        )

    def _next(self) -> list[Any]:
        following = list_of(self.body.get("NextContacts"))
        if self.body.get("NextContactId"):
            following = [*following, {"InitiationMethod": "TRANSFER"}]
        return following

    def claims(self) -> Iterator[EventDict]:
        """Whether the AI agent says that it gave up; one that only assisted a person claims nothing."""
        for agent in self.ai:
            escalated = agent.get("AiAgentEscalated")
            if not isinstance(escalated, bool):
                continue
            raw = "true" if escalated else "false"
            yield self.event(
                "claim",
                self.ended or self.revision,
                claim_id=f"{self.identity}:{agent.get('AiAgentVersionId') or 'ai'}",
                thread_id=self.identity,
                claimant=CLAIMANT,
                raw_value=raw,
                claimed=claims.claimed(CLAIMANT, raw, self.around.notes),
                api_version=text_of(self.body.get("AWSContactTraceRecordFormatVersion")),
                is_billable=None,
            )

    def identity_of_customer(self) -> Iterator[EventDict]:
        customer, address = self.customer(), text_of(self.endpoint.get("Address"))
        kind = _ALIASES.get(str(self.endpoint.get("Type")))
        if customer is None or address is None or kind is None:
            return
        yield self.event(
            "identity",
            self.started,
            identity_id=f"{self.identity}:{kind}",
            customer_id=customer,
            alias_kind=kind,
            alias=address,
            is_removed=False,
        )

    def cost(self) -> Iterator[EventDict]:
        """Minutes of a person, once their price is declared."""
        rate = self.around.settings.get("human_minute_cost")
        currency = self.around.settings.get("currency")
        total = sum(int(self.agent.get(name) or 0) for name in _DURATIONS)
        if not total or rate is None or currency is None:
            return
        minutes = Decimal(total) / 60
        yield self.event(
            "cost",
            self.ended or self.revision,
            cost_id=f"{self.identity}:agent",
            thread_id=self.identity,
            kind="human_minutes",
            quantity=float(minutes),
            unit="minute",
            amount=(minutes * Decimal(str(rate))).quantize(_MICRO, ROUND_HALF_EVEN),
            currency=str(currency),
        )
