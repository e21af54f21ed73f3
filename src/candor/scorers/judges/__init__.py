"""Judges: language models behind an OpenAI-compatible endpoint that grade by a rubric.

A judge is one more assessor with an error rate. It is optional, off until configured, and nothing it
says is executed, shown as markup, or believed without words of the conversation that bear it out.
"""
