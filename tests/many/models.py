"""Invoices and what hangs on them: every sort of relation to many rows."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=20)
    weight = models.IntegerField(default=1)


class Note(models.Model):
    """Of any object; its key has no index."""

    # Tables of apps without migrations are made before that of the content types.
    content_type = models.ForeignKey(ContentType, models.CASCADE, db_constraint=False)
    object_id = models.PositiveIntegerField()
    content_object = GenericForeignKey()
    stars = models.IntegerField()


class Client(models.Model):
    name = models.CharField(max_length=20)


class Invoice(models.Model):
    client = models.ForeignKey(Client, models.CASCADE, related_name="invoices", null=True)
    number = models.CharField(max_length=20)
    discount = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    tags = models.ManyToManyField(Tag, related_name="invoices")
    notes = GenericRelation(Note)

    class Meta:
        ordering = ["number"]


class VisibleEntries(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(is_hidden=False)


class Entry(models.Model):
    """Its default manager hides rows that a join counts."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="entries")
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    quantity = models.IntegerField(default=1)
    text = models.CharField(max_length=20, default="")
    sold_at = models.DateTimeField(null=True)
    is_hidden = models.BooleanField(default=False)

    objects = VisibleEntries()

    class Meta:
        ordering = ["-price"]


class Part(models.Model):
    entry = models.ForeignKey(Entry, models.CASCADE, related_name="parts")
    weight = models.IntegerField(default=1)


class Payment(models.Model):
    """Its foreign key has no index."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="payments", db_index=False)
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    paid_at = models.DateTimeField(null=True)


class ProxyInvoice(Invoice):
    class Meta:
        proxy = True


class OpenInvoices(models.Manager):
    def get_queryset(self):
        return super().get_queryset().exclude(country="hidden")


class ForeignInvoice(Invoice):
    """Its key is the invoice's; its base manager hides rows, too."""

    country = models.CharField(max_length=20)

    objects = models.Manager()
    open = OpenInvoices()

    class Meta:
        base_manager_name = "open"


class Stamp(models.Model):
    invoice = models.ForeignKey(ForeignInvoice, models.CASCADE, related_name="stamps")
    fee = models.IntegerField()


class Seat(models.Model):
    """Two fields are its key together."""

    pk = models.CompositePrimaryKey("row", "number")
    row = models.CharField(max_length=5)
    number = models.IntegerField()


class Booking(models.Model):
    seat_row = models.CharField(max_length=5)
    seat_number = models.IntegerField()
    seat = models.ForeignObject(
        Seat,
        models.CASCADE,
        from_fields=["seat_row", "seat_number"],
        to_fields=["row", "number"],
        related_name="bookings",
    )
    price = models.IntegerField()
