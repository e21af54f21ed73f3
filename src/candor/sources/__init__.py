"""Sources: how files of other systems become events. ``run.read`` is the entrance, ``registry`` the list.

A connector turns files into records and records into events; readers, limits, masking, quarantine
and counting are behind it. Only this package knows other systems' words.
"""
