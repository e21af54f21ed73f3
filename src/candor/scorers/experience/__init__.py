"""The experience score of every conversation: an open additive model, its features, its evidence.

Reads facts, messages and message signals; appends assessments; decides no metric.
"""
