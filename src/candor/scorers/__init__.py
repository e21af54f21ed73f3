"""Signals read from the text of messages, by code: reply class, sentiment, language, rephrasing.

Scorers read messages and append assessments with their version; nothing here decides a metric.
"""
