"""Sent after the change they tell of is committed. `sender` is ReportJob; each carries `job`."""

from django.dispatch import Signal

job_queued = Signal()
job_started = Signal()
job_finished = Signal()  # succeeded, failed or canceled: see job.status
job_downloaded = Signal()  # also carries `user`
