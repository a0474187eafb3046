"""A model for each package, of the kind that it is for. All have a name, an amount and an owner."""

from django.db import models
from djmoney.models.fields import MoneyField
from mptt.models import MPTTModel, TreeForeignKey
from parler.models import TranslatableModel, TranslatedFields
from polymorphic.models import PolymorphicModel
from safedelete.models import SOFT_DELETE_CASCADE, SafeDeleteModel
from simple_history.models import HistoricalRecords
from treebeard.mp_tree import MP_Node


class Thing(models.Model):
    name = models.CharField(max_length=50)
    amount = models.IntegerField(default=0)
    day = models.DateField(default="2026-01-01")

    class Meta:
        abstract = True

    def __str__(self):
        return self.name


class ImportExport(Thing):
    pass


class SimpleHistory(Thing):
    history = HistoricalRecords()


class Reversion(Thing):
    pass


class Guardian(Thing):
    pass


class Nested(Thing):
    pass


class Part(models.Model):
    nested = models.ForeignKey(Nested, models.CASCADE)


class Piece(models.Model):
    part = models.ForeignKey(Part, models.CASCADE)


class Parler(Thing, TranslatableModel):
    translations = TranslatedFields(title=models.CharField(max_length=50))


class Polymorphic(Thing, PolymorphicModel):
    pass


class Round(Polymorphic):
    radius = models.IntegerField(default=1)


class Square(Polymorphic):
    side = models.IntegerField(default=2)


class Mptt(Thing, MPTTModel):
    parent = TreeForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")


class DraggedMptt(Thing, MPTTModel):
    parent = TreeForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")


class Treebeard(Thing, MP_Node):
    pass


class RangeFilter(Thing):
    pass


class ModelTranslation(Thing):
    title = models.CharField(max_length=50)
    email = models.EmailField()


class SafeDelete(Thing, SafeDeleteModel):
    _safedelete_policy = SOFT_DELETE_CASCADE


class Sortable(Thing):
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]


class Unfold(Thing):
    pass


class Jazzmin(Thing):
    pass


class Money(Thing):
    price = MoneyField(max_digits=14, decimal_places=2, default_currency="EUR")
