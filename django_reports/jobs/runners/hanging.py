"""A thread of the site that hangs in a job: nothing can end it, so people are told.

It would take its whole process with it, which answers requests. As long as it hangs, the process
starts no other job.
"""

import os
import socket
import threading
from uuid import UUID

from django.db import DatabaseError, connections

from django_reports.core.clock import DatabaseNow
from django_reports.core.logs import get_logger
from django_reports.models import HangingProcess, ReportJob

logger = get_logger(__name__)

SIGN = 10.0  # seconds between two signs that it still hangs


def show(key: UUID, is_over: threading.Event) -> None:
    """Keep a record of this process until the job's code ends after all, or the process does."""
    process = f"{socket.gethostname()}, process {os.getpid()}"
    records = HangingProcess.objects.filter(process=process)
    logger.error("event=process_hangs process=%r", process)
    is_recorded = False
    while not is_over.is_set():
        try:
            if is_recorded:
                records.update(seen_at=DatabaseNow())
            else:
                records.delete()  # of a process that had the same number
                _record(key, process)
                is_recorded = True
        except DatabaseError as error:  # it is away; the next sign may get through
            logger.warning("event=not_shown error=%s", error)
            connections.close_all()
        is_over.wait(SIGN)
    logger.warning("event=process_goes_on process=%r", process)
    records.delete()


def _record(key: UUID, process: str) -> None:
    HangingProcess.objects.gone().delete()
    HangingProcess.objects.create(
        process=process,
        job_key=key,
        report=ReportJob.objects.values_list("report", flat=True).get(pk=key),
        since=DatabaseNow(),
        seen_at=DatabaseNow(),
    )
