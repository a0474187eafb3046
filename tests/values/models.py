"""A model with a field of every type that all databases have."""
# ruff: noqa: DJ001 - None is one of the values

from uuid import uuid4

from django.db import models
from django.db.models import F


class Region(models.TextChoices):
    NORTH = "n", "North"
    SOUTH = "s", "=South"  # a label that a spreadsheet would run


class Level(models.IntegerChoices):
    LOW = 1, "low"
    HIGH = 9, "high"


class Target(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4)


class Everything(models.Model):
    small = models.SmallIntegerField(null=True)
    integer = models.IntegerField(null=True)
    big = models.BigIntegerField(null=True)
    positive_small = models.PositiveSmallIntegerField(null=True)
    positive = models.PositiveIntegerField(null=True)
    positive_big = models.PositiveBigIntegerField(null=True)
    char = models.CharField(max_length=100, null=True)
    text = models.TextField(null=True)
    slug = models.SlugField(null=True)
    email = models.EmailField(null=True)
    url = models.URLField(null=True)
    address = models.GenericIPAddressField(null=True)
    path = models.FilePathField(null=True, max_length=100)
    decimal = models.DecimalField(max_digits=15, decimal_places=2, null=True)
    float = models.FloatField(null=True)
    boolean = models.BooleanField(null=True)
    date = models.DateField(null=True)
    datetime = models.DateTimeField(null=True)
    time = models.TimeField(null=True)
    duration = models.DurationField(null=True)
    uuid = models.UUIDField(null=True)
    json = models.JSONField(null=True)
    binary = models.BinaryField(null=True)
    file = models.FileField(null=True, max_length=100)
    region = models.CharField(max_length=1, choices=Region, null=True)
    level = models.IntegerField(choices=Level, null=True)
    target = models.ForeignKey(Target, models.CASCADE, null=True)
    generated = models.GeneratedField(
        expression=F("small") + 1, output_field=models.IntegerField(), db_persist=True
    )
