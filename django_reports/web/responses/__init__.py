"""Responses: files, ranges, errors, and who is asking."""
