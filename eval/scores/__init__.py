"""Scores: what is measured of a reply, one small file for each side of it."""
