"""The dashboard: pages, exports and the JSON interface over HTTP."""
