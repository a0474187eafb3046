"""Being told to stop, also while the main thread is busy in a database driver's C code."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def set_by_signals(event: threading.Event, *numbers: int) -> Iterator[None]:
    """A context in which `event` is set when one of these signals comes. For the main thread.

    Python calls a handler only when the main thread is back in Python, which a long query may keep
    it from. So the number of each signal is also written to a socket, which a thread reads.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def read() -> None:
        with reader:
            while number := reader.recv(1):
                if number[0] in numbers:
                    event.set()

    before = {
        number: signal.signal(number, lambda signum, frame: event.set()) for number in numbers
    }
    descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=read, name="reports-signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        writer.close()
        thread.join()
