from django.db import models


class Place(models.Model):
    name = models.CharField(max_length=50)
    city = models.CharField(max_length=50)

    class Meta:
        ordering = ["city"]  # with ties


class Restaurant(Place):
    """Its key is the place's; its order is inherited too."""

    stars = models.IntegerField()


class Pizzeria(Restaurant):
    oven = models.CharField(max_length=50)
