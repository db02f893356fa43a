"""Evaluation: cases, the systems that answer them, and how their replies fare."""
