"""Pages people keep: a self-contained HTML report and the terminal's scorecard.

Read verdicts and estimates; reach neither lake nor engine, and fetch nothing while rendering.
"""
