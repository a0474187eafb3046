from django.db import models
from djmoney.models.fields import MoneyField
from parler.models import TranslatableModel, TranslatedFields
from polymorphic.models import PolymorphicModel
from safedelete.models import SafeDeleteModel


class Contact(models.Model):
    name = models.CharField(max_length=50)
    email = models.EmailField()
    born = models.DateField(null=True)

    class Meta:
        abstract = True


class Section(models.Model):
    title = models.CharField(max_length=50)  # translated by modeltranslation

    class Meta:
        ordering = ["-title"]


class Article(Contact):
    """Its querysets reorder the names that are selected."""

    section = models.ForeignKey(Section, models.CASCADE)
    title = models.CharField(max_length=50)
    text = models.TextField()

    class Meta:
        ordering = ["title"]


class Page(TranslatableModel, Contact):
    translations = TranslatedFields(title=models.CharField(max_length=50))


class Vehicle(PolymorphicModel):
    name = models.CharField(max_length=50)
    email = models.EmailField()


class Car(Vehicle):
    doors = models.IntegerField()


class Note(SafeDeleteModel, Contact):
    """Its query says at the last moment which rows there are."""


class Offer(Contact):
    price = MoneyField(max_digits=10, decimal_places=2, default_currency="EUR")


class UpperQuerySet(models.QuerySet):
    """Makes other values of what it reads, as a queryset that decrypts does."""

    def iterator(self, chunk_size=None):
        for row in super().iterator(chunk_size):
            yield {name: loud(value) for name, value in row.items()}


class Secret(Contact):
    objects = UpperQuerySet.as_manager()


def loud(value):
    return value.upper() if isinstance(value, str) else value
