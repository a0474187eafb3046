"""Asks for exports, each in a process that dies between COMMIT and the hand-over to Redis.

python -m tests.faults.asker USERNAME TIMES
"""

import os
import signal
import sys

import django


def main(username, times):
    django.setup()
    from django.contrib.auth.models import User
    from django.db import transaction
    from rq import Queue

    from django_reports.jobs import dispatch
    from tests.entry_points.helpers import asking, spec_of

    def ask(number):
        spec = spec_of(parameters={"minimum": (str(number),)})  # each another export
        with transaction.atomic():
            dispatch.enqueue(spec, *asking(User.objects.get(username=username)))

    Queue.enqueue = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
    for number in range(times):
        child = os.fork()  # there is no connection yet: each has its own
        if child == 0:
            ask(number)
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            sys.exit(f"ask {number} ended by itself, with {status}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
