"""Models whose foreign keys mean an order of their own, in every way that Django has."""

from django.db import models
from django.db.models.functions import Lower


class Person(models.Model):
    name = models.CharField(max_length=20)

    class Meta:
        ordering = ["-name"]


class Owner(models.Model):
    """Its key is another one's, and orders by it."""

    person = models.OneToOneField(Person, models.CASCADE, primary_key=True)
    city = models.CharField(max_length=20)

    class Meta:
        ordering = ["person"]


class Brand(models.Model):
    name = models.CharField(max_length=20)
    parent = models.ForeignKey("self", models.CASCADE, null=True)

    class Meta:
        ordering = [Lower("name").desc()]


class Maker(models.Model):
    code = models.CharField(max_length=5, unique=True)
    name = models.CharField(max_length=20)

    class Meta:
        ordering = ["name"]


class Product(models.Model):
    brand = models.ForeignKey(Brand, models.CASCADE)
    maker = models.ForeignKey(Maker, models.CASCADE, to_field="code", null=True)
    owner = models.ForeignKey(Owner, models.CASCADE)
    size = models.IntegerField()

    class Meta:
        ordering = ["brand", "-size"]


class Special(Product):
    """Its key leads to its parent, whose order it inherits."""

    note = models.CharField(max_length=20)
