"""Methods of derived metrics: each gathers the figures it needs and calls pure arithmetic.

One file per family; every module here is loaded when the first derived metric is reckoned. A method
asks only through :class:`candor.answers.derived.Ask`; arithmetic stands in ``estimates``,
``economics`` or ``verdicts``, where no engine is known.
"""
