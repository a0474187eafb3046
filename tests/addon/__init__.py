"""An optional app as `django_reports.contrib` will have them: it uses public names only.

It adds a format, watches what ends, and declares a report.
"""
