"""Facts: one row per conversation, message, handoff, suggestion, journey and survey.

Facts hold what happened, computed from events and assessments only; metrics are sums over them.
``schema`` lists their columns, ``build`` makes the tables, one SQL file per fact or step.
"""
