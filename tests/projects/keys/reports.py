from django import forms

from django_reports import ModelReport, register
from tests.projects.keys.models import Article, Parcel, Seat


@register
class Parcels(ModelReport):
    identifier = "keys.parcels"
    model = Parcel


@register
class Articles(ModelReport):
    identifier = "keys.articles"
    model = Article


@register
class Seats(ModelReport):
    """The admin knows no model with such a key, so this report has no list."""

    identifier = "keys.seats"
    model = Seat

    class parameters(forms.Form):
        row = forms.CharField(required=False)

    def filter_queryset(self, queryset, context):
        row = context.parameters["row"]
        return queryset.filter(row=row) if row else queryset
