"""The command line: every command reads its arguments here and asks ``pipeline`` or ``answers``.

stdout is data, stderr is narration; progress bars appear only on a terminal. Heavy modules are
imported inside the commands, so that ``candor --help`` stays fast.
"""
