"""Which reports there are. Filled by @register, by autodiscovery and by the admin."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from django_reports.definitions.base import Report
from django_reports.exceptions import ReportDenied

R = TypeVar("R", bound=type[Report])


class UnknownReport(ReportDenied):
    """No such report; reads exactly like one that the person may not have."""

    def __init__(self, identifier: str) -> None:
        super().__init__(
            _("There is no report %(identifier)s that you may export.")
            % {"identifier": f"“{identifier}”"}
        )
        self.identifier = identifier


class Registry:
    """The declared reports, in the order of their declaration."""

    def __init__(self) -> None:
        self._reports: list[Report] = []
        self._loaders: list[Callable[[], None]] = []
        self._sources: list[Callable[[], Iterable[Report]]] = []

    def add(self, report: Report) -> None:
        self._reports.append(report)

    def replace(self, report: Report) -> Report:
        """Add a report in the place of one with the same identifier, if there is one."""
        identifier = report.get_identifier()
        self._reports = [r for r in self._reports if r.get_identifier() != identifier]
        self.add(report)
        return report

    def instance(self, report_class: type[Report]) -> Any:
        """The report of this class; it is added if nobody registered it."""
        for report in self._reports:
            if type(report) is report_class:
                return report
        self.add(report_class())
        return self._reports[-1]

    def remove(self, report_class: type[Report]) -> None:
        self._reports = [r for r in self._reports if type(r) is not report_class]

    def add_loader(self, loader: Callable[[], None]) -> None:
        """Have `loader` called when an identifier is not known: it may declare more reports."""
        if loader not in self._loaders:
            self._loaders.append(loader)

    def add_source(self, source: Callable[[], Iterable[Report]]) -> None:
        """Have `source` asked, each time, for reports that exist without being declared."""
        self._sources.append(source)

    def __iter__(self) -> Iterator[Report]:
        """The declared reports, then those of the sources whose identifier is not taken."""
        others = [report for source in self._sources for report in source()]
        reports = list(self._reports)  # a source may declare some
        taken = {report.get_identifier() for report in reports}
        for report in others:
            identifier = report.get_identifier()
            if identifier not in taken:
                taken.add(identifier)
                reports.append(report)
        return iter(reports)

    def find(self, identifier: str) -> Report | None:
        """The report of this identifier or alias, or None. Of two alike, the first declared."""
        if found := self._find(identifier):
            return found
        self.load()
        return self._find(identifier)

    def load(self) -> None:
        """Have everything declared that is declared late."""
        for loader in self._loaders:
            loader()

    def label_of(self, identifier: str) -> str:
        """A report's label; the identifier of one that is no longer declared."""
        report = self.find(identifier)
        return str(report.get_label()) if report else identifier

    def get(self, identifier: str) -> Report:
        """The report of this identifier or alias. Raises UnknownReport."""
        found = self.find(identifier)
        if found is None:
            raise UnknownReport(identifier)
        return found

    def _find(self, identifier: str) -> Report | None:
        return _named(identifier, self._reports) or _named(identifier, list(self))

    def names_of(self, report: Report) -> list[str]:
        """Every identifier under which this report's report permissions and jobs may be kept."""
        return [report.get_identifier(), *report.aliases]


def _named(identifier: str, reports: Sequence[Report]) -> Report | None:
    for report in reports:
        if report.get_identifier() == identifier:
            return report
    for report in reports:
        if identifier in report.aliases:
            return report
    return None


registry = Registry()


def register(report_class: R) -> R:
    """Class decorator: declare a report."""
    registry.add(report_class())
    return report_class
