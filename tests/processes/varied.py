"""URLs of the test project with one more report, whose parameters are of every sort."""

from django import forms
from django.urls import include, path

from django_reports import ModelReport
from django_reports.definitions.registry import registry
from tests.shop.models import Customer, Order, Region

urlpatterns = [path("", include("tests.urls"))]


class VariedForm(forms.Form):
    region = forms.ChoiceField(choices=Region)
    text = forms.CharField(max_length=20, required=False)
    whole = forms.IntegerField(min_value=-10, max_value=10, required=False)
    exact = forms.DecimalField(min_value=0, max_value=1000, required=False)
    ratio = forms.FloatField(required=False)
    sure = forms.BooleanField(required=False)
    maybe = forms.NullBooleanField(required=False)
    day = forms.DateField(required=False)
    moment = forms.DateTimeField(required=False)
    time = forms.TimeField(required=False)
    level = forms.TypedChoiceField(choices=[(1, "One"), (2, "Two")], coerce=int, required=False)
    regions = forms.MultipleChoiceField(choices=Region, required=False)
    customer = forms.ModelChoiceField(Customer.objects.order_by("pk"), required=False)
    customers = forms.ModelMultipleChoiceField(Customer.objects.order_by("pk"), required=False)
    code = forms.UUIDField(required=False)


class Varied(ModelReport):
    identifier = "shop.varied"
    category = "Tests"
    description = "Orders, narrowed down by everything."
    model = Order
    columns = ["id", "number", "customer__name", "region", "total"]
    parameters = VariedForm

    def filter_queryset(self, queryset, context):
        wanted = context.parameters
        if wanted["text"]:
            queryset = queryset.filter(note__icontains=wanted["text"])
        if wanted["whole"] is not None:
            queryset = queryset.filter(pk__gt=wanted["whole"])
        if wanted["exact"] is not None:
            queryset = queryset.filter(total__gte=wanted["exact"])
        if wanted["day"]:
            queryset = queryset.filter(due_on=wanted["day"])
        if wanted["customers"]:
            queryset = queryset.filter(customer__in=wanted["customers"])
        return queryset.filter(region=wanted["region"])


registry.replace(Varied())
