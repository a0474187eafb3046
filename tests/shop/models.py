from django.db import models
from django.utils.translation import gettext_lazy as _


class Region(models.TextChoices):
    NORTH = "n", _("North")
    SOUTH = "s", _("=South")  # a label that a spreadsheet would run


class Customer(models.Model):
    name = models.CharField(_("name"), max_length=100)
    email = models.EmailField(_("e-mail address"))
    api_token = models.CharField(max_length=40, default="t0ken")

    class Meta:
        verbose_name = _("customer")
        permissions = [("view_customer_email", "Can see customers' e-mail addresses")]

    def __str__(self):
        return self.name


class Order(models.Model):
    customer = models.ForeignKey(
        Customer, models.CASCADE, related_name="orders", verbose_name=_("customer")
    )
    number = models.CharField(_("order number"), max_length=40)
    region = models.CharField(_("region"), max_length=1, choices=Region, default=Region.NORTH)
    total = models.DecimalField(_("total"), max_digits=12, decimal_places=2, default=0)
    cost = models.DecimalField(_("cost"), max_digits=12, decimal_places=2, default=0)
    is_paid = models.BooleanField(_("paid"), default=False)
    placed_at = models.DateTimeField(_("placed at"), null=True)
    due_on = models.DateField(_("due on"), null=True)
    note = models.TextField(_("note"), blank=True)
    extra = models.JSONField(_("extra"), null=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        permissions = [("view_cost", "Can see what orders cost")]

    def __str__(self):
        return self.number


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    text = models.CharField(max_length=50)


class Parcel(models.Model):
    """A model whose fields may be empty in every way."""

    class Size(models.IntegerChoices):
        SMALL = 1, _("Small")
        LARGE = 2, _("Large")

        __empty__ = _("(not measured)")

    order = models.ForeignKey(Order, models.SET_NULL, null=True, verbose_name=_("order"))
    size = models.IntegerField(_("size"), choices=Size.choices, null=True)
    weight = models.DecimalField(_("weight"), max_digits=6, decimal_places=2, null=True)
    note = models.CharField(_("note"), max_length=50, blank=True)
    sent_on = models.DateField(_("sent on"), null=True)
    is_fragile = models.BooleanField(_("fragile"), null=True)
    slip = models.FileField(_("slip"), blank=True)

    def __str__(self):
        return f"parcel {self.pk}"

    @property
    def kilos(self):
        return None if self.weight is None else f"{self.weight} kg"

    def double(self):
        return None if self.weight is None else self.weight * 2

    double.short_description = _("twice the weight")


class Picture(models.Model):
    """A model with a field that has no kind."""

    data = models.BinaryField()
