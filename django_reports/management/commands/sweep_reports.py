"""sweep_reports: repair and tidy up once. `reports_worker` does it all the time."""

from typing import Any

from django.core.management.base import BaseCommand

from django_reports.runners import sweep


class Command(BaseCommand):
    help = (
        "Reruns exports whose worker died, hands waiting ones over again, and expires old files. "
        "reports_worker does so all the time; without one, let cron run reports_worker --burst."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        swept = sweep()
        self.stdout.write(
            f"rerun={swept.rerun} failed={swept.failed} "
            f"enqueued={swept.enqueued} expired={swept.expired}"
        )
