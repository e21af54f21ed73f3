"""The facts and the metrics of the design, reckoned slowly in plain Python from event records.

``conversation_facts``, ``handoff_facts`` and ``journey_facts`` give rows with the fact columns'
names; ``metrics`` adds up rows. Where the design leaves a choice open this page takes one and says
so; a difference found there is a question to settle, not yet a mistake:

* Claims, surveys, costs and records belong to the thread's latest contact begun when they occurred
  (the first one before that); a survey occurs when it is sent.
* ``return_at`` is the first customer message of the same issue after ``last_activity_at``, also in
  a thread that was already going on.
* A window has passed when ``last_activity_at + W`` lies at or before ``as_of`` and the last event,
  and the contact has ended.
* An unknown customer's return in another thread stays unknown however long one waits.
* An issue is a person and an intent, joined over threads and links; a journey is what was heard of
  it with rests under seven days.

Keys that an implementation may choose are given as text: ``person`` stands for ``person_key``.
``bucket``, sentiment and reporting days are not reckoned here.
"""

from .conversations import conversation_facts
from .journeys import journey_facts
from .transfers import handoff_facts

__all__ = ["conversation_facts", "handoff_facts", "journey_facts"]
