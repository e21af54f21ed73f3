"""The reference files a support desk like the simulated one would maintain: intents, targets and prices."""

from __future__ import annotations

INTENTS_YAML = """\
# What kinds of request there are, what policy says of them, and what solving one is worth (EUR).
- {intent_id: order_status, name: Where is my order, kind: informational, risk: low, complexity: simple, unit_value: 2}
- {intent_id: refund_request, name: Refund, kind: action, risk: medium, complexity: complex, unit_value: 18}
- {intent_id: duplicate_charge, name: Charged twice, kind: action, risk: high, complexity: complex, unit_value: 22}
- {intent_id: password_reset, name: Reset the password, kind: action, risk: medium, complexity: simple, unit_value: 3}
- {intent_id: address_change, name: Change the address, kind: action, risk: low, complexity: simple, unit_value: 4}
- {intent_id: cancel_subscription, name: Cancel the subscription, kind: action, risk: medium, complexity: simple, unit_value: 30}
- {intent_id: delivery_problem, name: Delivery went wrong, kind: action, risk: medium, complexity: complex, unit_value: 14}
- {intent_id: invoice_copy, name: Copy of an invoice, kind: informational, risk: low, complexity: simple, unit_value: 2}
"""

TARGETS_YAML = """\
# What we aim at. Shares 0-1, times in seconds. A status is given only when the whole interval lies
# on one side; amber is the band next to the target that is not yet a miss.
- {metric: true_resolution_rate, target: 0.60, amber: 0.05, owner: Head of AI}
- {metric: silent_failure_rate, target: 0.10, amber: 0.03, owner: Head of AI}
- {metric: containment_rate, target: 0.65, amber: 0.05, better: higher, owner: Head of AI}
- {metric: escalation_failure_rate, target: 0.05, amber: 0.05, owner: Team leads}
- {metric: reopen_rate_72h, target: 0.08, amber: 0.02, owner: Head of support}
- {metric: csat_ai_only, target: 0.75, amber: 0.05, owner: Head of support}
- {metric: abandonment_rate, target: 0.08, amber: 0.02, owner: Head of AI}
- {metric: time_to_first_response_human, target: 1800, amber: 600, owner: Team leads}
"""

CURRENCY = "EUR"
RATES_YAML = """\
# What things cost. Only what is written here or sent as cost events is known; nothing is taken to be 0.
currency: EUR
go_live: 2026-07-01
baseline:
  since: 2026-04-01
  until: 2026-07-01
  cost_per_conversation: 6.10   # measured by finance in the quarter before the AI agent
human:
  cost_per_minute: 0.62
  overhead_share: 0.25
licences:                       # the AI platform's licence arrives as cost events
- {name: helpdesk, amount: 300, every: month, since: 2026-04-01, bearer: all}
implementation:
- {name: roll-out, amount: 6000, since: 2026-07-01, months: 24}
freed_hours: {outreach: 0.5, backlog: 0.3}
"""
