"""How many rows are taken at once, where nobody knows beforehand how long they take."""

from dataclasses import dataclass

FIRST = 16  # rows
PATIENCE = 0.5  # seconds


@dataclass
class Pace:
    """As many rows as are likely to be done within PATIENCE, at most so many."""

    most: int
    rows: int = FIRST

    def learn(self, rows: int, seconds: float) -> None:
        """So many rows took so long."""
        fitting = int(rows * PATIENCE / seconds) if seconds else self.most
        self.rows = max(1, min(self.most, 2 * rows, fitting))
