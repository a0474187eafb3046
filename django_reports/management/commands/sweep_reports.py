"""sweep_reports: repair and tidy up once. `reports_worker` does it all the time."""

from typing import Any

from django.core.management.base import BaseCommand

from django_reports.jobs.maintenance import Sweeper
from django_reports.jobs.runners import hand_over


class Command(BaseCommand):
    help = (
        "Reruns exports whose worker died, hands waiting ones over again, and expires old files. "
        "reports_worker does so all the time; without one, let cron run reports_worker --burst."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        swept = Sweeper(hand_over).sweep(tidies=True)
        self.stdout.write(" ".join(f"{name}={count}" for name, count in vars(swept).items()))
