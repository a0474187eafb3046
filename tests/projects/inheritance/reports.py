from django import forms

from django_reports import Column, ModelReport, register
from tests.projects.inheritance.models import Pizzeria, Place, Restaurant


@register
class Places(ModelReport):
    identifier = "guide.places"
    model = Place
    columns = ["name", "city", Column("stars", path="restaurant__stars")]


@register
class Restaurants(ModelReport):
    identifier = "guide.restaurants"
    model = Restaurant
    columns = ["pk", "name", "city", "stars"]

    class parameters(forms.Form):
        city = forms.CharField(required=False)

    def filter_queryset(self, queryset, context):
        city = context.parameters["city"]
        return queryset.filter(city=city) if city else queryset


@register
class Pizzerias(ModelReport):
    """Without columns: every field, wherever it is inherited from."""

    identifier = "guide.pizzerias"
    model = Pizzeria
