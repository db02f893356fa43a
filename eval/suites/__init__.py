"""Suites: where cases and the articles they are asked of come from."""
