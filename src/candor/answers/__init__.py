"""What may be asked of a workspace. The doors (command line, reports) ask only here.

Reads published snapshots and definitions, never the lake.
"""

from candor.answers.catalogue import CatalogueRow, DefinitionPage, catalogue, explain
from candor.answers.conversation import ConversationPage
from candor.answers.doctor import Finding, doctor
from candor.answers.period import Period
from candor.answers.snapshot import Answer, Answers

__all__ = [
    "Answer",
    "Answers",
    "CatalogueRow",
    "ConversationPage",
    "DefinitionPage",
    "Finding",
    "Period",
    "catalogue",
    "doctor",
    "explain",
]
