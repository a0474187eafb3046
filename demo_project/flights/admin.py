from django.contrib import admin

from demo_project.flights.models import Airline, Airport, Flight, Plane, Weather
from demo_project.flights.reports import Airports, Flights, MonthlyDelays
from django_reports.admin import ReportAdminMixin


@admin.register(Flight)
class FlightAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Flights, MonthlyDelays]
    list_display = (
        "date",
        "carrier",
        "number",
        "tail_number",
        "origin",
        "destination",
        "departure_delay",
        "arrival_delay",
        "distance",
    )
    list_display_links = ("number",)
    list_filter = ("carrier", ("origin", admin.RelatedOnlyFieldListFilter), "date")
    list_select_related = ("carrier", "origin", "destination")
    search_fields = ("=tail_number", "=destination__code", "=number")
    raw_id_fields = ("plane",)


@admin.register(Airport)
class AirportAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Airports]
    list_display = ("code", "name", "altitude", "time_zone", "daylight_saving")
    list_filter = ("daylight_saving", "time_zone")
    search_fields = ("code", "name")


@admin.register(Airline)
class AirlineAdmin(ReportAdminMixin, admin.ModelAdmin):
    list_display = ("code", "name")
    search_fields = ("code", "name")


@admin.register(Plane)
class PlaneAdmin(ReportAdminMixin, admin.ModelAdmin):
    list_display = ("tail_number", "manufacturer", "model", "year", "seats")
    list_filter = ("engine", "engines")
    search_fields = ("tail_number", "manufacturer", "model")


@admin.register(Weather)
class WeatherAdmin(ReportAdminMixin, admin.ModelAdmin):
    date_hierarchy = "hour"
    list_display = ("hour", "origin", "temperature", "wind_speed", "precipitation", "visibility")
    list_filter = ("origin",)
    list_select_related = ("origin",)
