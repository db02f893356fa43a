"""The report of a run: one page that needs nothing from outside, Markdown, and JSON."""
