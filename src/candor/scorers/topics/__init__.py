"""What customers ask about: questions, their groups, intents known and new.

Pure functions over texts; nothing here reads or writes a workspace.
"""
