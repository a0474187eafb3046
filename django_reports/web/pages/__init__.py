"""The HTML pages for staff."""
