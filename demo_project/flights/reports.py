"""Three reports: a large one, a small one, and one without a model."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Avg, Count, F, Q
from django.db.models.functions import ExtractMonth
from django.utils.translation import gettext_lazy as _

from demo_project.flights.models import Airport, Flight
from django_reports import Column, ModelReport, Report, ReportContext, register


@register
class Flights(ModelReport):
    identifier = "flights.flights"
    model = Flight
    label = _("Flights")
    description = _("Every departure from New York in 2013.")
    category = _("Operations")
    columns = (
        "id",
        "date",
        "carrier",
        "carrier__name",
        "number",
        "tail_number",
        Column("plane__manufacturer", label=_("Manufacturer")),
        "origin",
        "origin__name",
        "destination",
        "destination__name",
        "scheduled_hour",
        "scheduled_departure",
        "departure",
        "departure_delay",
        "scheduled_arrival",
        "arrival",
        "arrival_delay",
        Column(
            "made_up",
            label=_("Made up in the air (minutes)"),
            expression=F("departure_delay") - F("arrival_delay"),
        ),
        "air_time",
        "distance",
    )


@register
class Airports(ModelReport):
    identifier = "flights.airports"
    model = Airport
    label = _("Airports")
    category = _("Operations")


@register
class MonthlyDelays(Report):
    identifier = "flights.monthly_delays"
    label = _("Monthly delays per airline")
    description = _("How late each airline's flights left and arrived, month by month.")
    category = _("Quality")
    permission = "flights.view_flight"
    columns = (
        Column("month", label=_("Month")),
        Column("carrier", label=_("Carrier")),
        Column("name", label=_("Airline")),
        Column("flights", label=_("Flights")),
        Column("canceled", label=_("Canceled")),
        Column("departure_delay", label=_("Mean departure delay (minutes)")),
        Column("arrival_delay", label=_("Mean arrival delay (minutes)")),
    )

    def rows(self, context: ReportContext) -> Iterable[Mapping[str, Any]]:
        return (
            Flight.objects.order_by()
            .values(month=ExtractMonth("date"), name=F("carrier__name"))
            .annotate(
                flights=Count("pk"),
                canceled=Count("pk", filter=Q(departure=None)),
                departure_delay=Avg("departure_delay"),
                arrival_delay=Avg("arrival_delay"),
            )
            .values(
                "month", "carrier", "name", "flights", "canceled",
                "departure_delay", "arrival_delay",
            )
            .order_by("month", "carrier")
        )  # fmt: skip
