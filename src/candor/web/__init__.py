"""The dashboard: pages, exports and the JSON interface over HTTP.

Asks ``answers`` for everything it shows and ``access`` for everything it allows; reckons nothing.
"""
