"""Being told to stop, also while the main thread is busy in a database driver's C code."""

import signal
import socket
import threading


def set_at(event: threading.Event, *numbers: int) -> None:
    """Set `event` when one of these signals comes. To be called in the main thread.

    Python calls a handler only when the main thread is back in Python, which a long query may keep
    it from. So the number of each signal is also written to a socket, which a thread reads.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def read() -> None:
        while number := reader.recv(1):
            if number[0] in numbers:
                event.set()

    for number in numbers:
        signal.signal(number, lambda signum, frame: event.set())
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    _kept.append((reader, writer))  # closed when the process ends
    threading.Thread(target=read, name="reports-signals", daemon=True).start()


_kept: list[tuple[socket.socket, socket.socket]] = []
