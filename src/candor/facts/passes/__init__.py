"""Steps as passes over columns in thread order: the engine's printing of what their SQL defines.

Each pass gives exactly the rows of the SQL file of its name, from columns that are held in memory and
sorted by thread and time. Messages and signals are each read once; what a window or a grouping would
hash or sort again is then a look at the first and last row of a run.
"""

from candor.facts.passes.registry import PASSES, Pass

__all__ = ["PASSES", "Pass"]
