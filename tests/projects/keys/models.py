import uuid

from django.db import models


class Parcel(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    weight = models.IntegerField()

    class Meta:
        ordering = ["weight"]  # with ties


class Article(models.Model):
    """Its key is what somebody once wrote on a label."""

    code = models.CharField(primary_key=True, max_length=50)
    shelf = models.IntegerField()

    class Meta:
        ordering = ["-shelf"]  # with ties


class Seat(models.Model):
    """Two fields are its key together."""

    pk = models.CompositePrimaryKey("row", "number")
    row = models.CharField(max_length=5)
    number = models.IntegerField()
    price = models.IntegerField()

    class Meta:
        ordering = ["price"]  # with ties
