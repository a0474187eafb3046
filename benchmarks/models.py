"""Orders with customers: ids, texts, choices, decimals, booleans, moments, days, a foreign key.

There are three tables of orders, alike but for their size: the plan of an export must not depend
on it.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Region(models.TextChoices):
    NORTH = "n", _("North")
    EAST = "e", _("East")
    SOUTH = "s", _("South")
    WEST = "w", _("West")


class Status(models.IntegerChoices):
    OPEN = 1, _("open")
    PAID = 2, _("paid")
    SENT = 3, _("sent")
    RETURNED = 4, _("returned")


class Customer(models.Model):
    name = models.CharField(_("name"), max_length=100)
    email = models.EmailField(_("e-mail address"))

    class Meta:
        permissions = [("see_email", "Can see customers' e-mail addresses")]

    def __str__(self) -> str:
        return self.name


class AnyOrder(models.Model):
    number = models.CharField(_("order number"), max_length=40)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    region = models.CharField(_("region"), max_length=1, choices=Region)
    status = models.IntegerField(_("status"), choices=Status)
    total = models.DecimalField(_("total"), max_digits=12, decimal_places=2)
    cost = models.DecimalField(_("cost"), max_digits=12, decimal_places=2, null=True)
    is_gift = models.BooleanField(_("gift"), default=False)
    placed_at = models.DateTimeField(_("placed at"))
    due_on = models.DateField(_("due on"), null=True)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        abstract = True


class Order(AnyOrder):
    """As many as the measured files have rows."""


class FewOrder(AnyOrder):
    """Ten thousand."""


class ManyOrder(AnyOrder):
    """Ten million, or as many as wanted."""
