"""The reference files a support desk like the simulated one would maintain: intents and targets."""

from __future__ import annotations

INTENTS_YAML = """\
# What kinds of request there are, and what policy says of them.
- {intent_id: order_status, name: Where is my order, kind: informational, risk: low, complexity: simple}
- {intent_id: refund_request, name: Refund, kind: action, risk: medium, complexity: complex}
- {intent_id: duplicate_charge, name: Charged twice, kind: action, risk: high, complexity: complex}
- {intent_id: password_reset, name: Reset the password, kind: action, risk: medium, complexity: simple}
- {intent_id: address_change, name: Change the address, kind: action, risk: low, complexity: simple}
- {intent_id: cancel_subscription, name: Cancel the subscription, kind: action, risk: medium, complexity: simple}
- {intent_id: delivery_problem, name: Delivery went wrong, kind: action, risk: medium, complexity: complex}
- {intent_id: invoice_copy, name: Copy of an invoice, kind: informational, risk: low, complexity: simple}
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
