from django_reports import Writer


class PipesWriter(Writer):
    """A line for each row, its texts between pipes."""

    format = "pipes"
    extension = "pipes"
    content_type = "text/plain; charset=utf-8"
    label = "Pipes"

    def begin(self):
        return self._line(self.header or ())

    def write(self, rows):
        return b"".join(self._line(self.shown(row)) for row in rows)

    def end(self):
        return ()

    def _line(self, texts):
        return f"|{'|'.join(texts)}|\n".encode()
