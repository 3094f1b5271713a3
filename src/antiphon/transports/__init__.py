"""The native ways in: REST, SSE, the page."""
