"""Which kind a model field has."""

import pytest
from django.db import models
from django.db.models import F
from django.test.utils import isolate_apps

from django_reports.definitions import kinds
from django_reports.definitions.kinds import Choice, kind_for_field, lookup, register_kind
from django_reports.models import GroupReportPermission, ReportJob
from tests.shop.models import Line, Order, Region


class Colour(models.Field):
    """A field that no table knows."""


class Grey(Colour):
    pass


@pytest.fixture
def own_table(monkeypatch):
    monkeypatch.setattr(lookup, "_BY_FIELD", dict(lookup._BY_FIELD))


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (models.CharField(), kinds.Text()),
        (models.EmailField(), kinds.Text()),
        (models.SlugField(), kinds.Text()),
        (models.URLField(), kinds.Text()),
        (models.TextField(), kinds.Text()),
        (models.GenericIPAddressField(), kinds.Text()),
        (models.FilePathField(), kinds.Text()),
        (models.IntegerField(), kinds.Integer()),
        (models.BigIntegerField(), kinds.Integer()),
        (models.SmallIntegerField(), kinds.Integer()),
        (models.PositiveIntegerField(), kinds.Integer()),
        (models.PositiveBigIntegerField(), kinds.Integer()),
        (models.AutoField(), kinds.Integer()),
        (models.BigAutoField(), kinds.Integer()),
        (models.SmallAutoField(), kinds.Integer()),
        (models.DecimalField(decimal_places=3), kinds.Decimal(3)),
        (models.FloatField(), kinds.Float()),
        (models.BooleanField(), kinds.Boolean()),
        (models.DateField(), kinds.Date()),
        (models.DateTimeField(), kinds.DateTime()),
        (models.TimeField(), kinds.Time()),
        (models.DurationField(), kinds.Duration()),
        (models.UUIDField(), kinds.Uuid()),
        (models.JSONField(), kinds.Json()),
        (models.FileField(), kinds.File()),
        (models.ImageField(), kinds.File()),
        (Line._meta.get_field("order"), kinds.Integer()),
        (GroupReportPermission._meta.get_field("group"), kinds.Integer()),
        (ReportJob._meta.pk, kinds.Uuid()),
    ],
)
def test_usual_field(field, kind):
    assert kind_for_field(field) == kind


@isolate_apps("django_reports")
def test_foreign_key_is_written_as_its_target_is():
    class Child(models.Model):
        job = models.ForeignKey(ReportJob, models.CASCADE, related_name="+")
        one = models.OneToOneField(ReportJob, models.CASCADE, related_name="+")

        class Meta:
            app_label = "django_reports"

    assert kind_for_field(Child._meta.get_field("job")) == kinds.Uuid()
    assert kind_for_field(Child._meta.get_field("one")) == kinds.Uuid()


def test_generated_field_is_written_as_its_output_is():
    field = models.GeneratedField(
        expression=F("a") + F("b"), output_field=models.DecimalField(decimal_places=2),
        db_persist=True,
    )  # fmt: skip
    assert kind_for_field(field) == kinds.Decimal(2)


def test_choices_make_a_choice_of_the_field_kind():
    kind = kind_for_field(Order._meta.get_field("region"))
    assert kind == Choice(kinds.Text(), (("n", Region.NORTH.label), ("s", Region.SOUTH.label)))


def test_grouped_choices_are_flat():
    field = models.IntegerField(choices=[("few", [(1, "one")]), ("many", [(9, "nine")])])
    assert kind_for_field(field) == Choice(kinds.Integer(), ((1, "one"), (9, "nine")))


@pytest.mark.parametrize(
    "field", [models.BinaryField(), models.ManyToManyField(Order), Colour(), models.Field()]
)
def test_field_without_a_kind(field):
    assert kind_for_field(field) is None


def test_register_kind_holds_for_derived_fields_too(own_table):
    register_kind(Colour, kinds.Text())
    assert kind_for_field(Colour()) == kinds.Text()
    assert kind_for_field(Grey()) == kinds.Text()


def test_register_kind_of_a_derived_field_goes_first(own_table):
    register_kind(Colour, kinds.Text())
    register_kind(Grey, kinds.Integer())
    assert kind_for_field(Grey()) == kinds.Integer()


def test_register_kind_takes_a_function_of_the_field(own_table):
    register_kind(Colour, lambda field: kinds.Decimal(field.max_length))
    assert kind_for_field(Colour(max_length=4)) == kinds.Decimal(4)


@pytest.mark.parametrize("name", list(kinds.KINDS))
def test_every_kind_is_known_by_its_own_name(name):
    assert kinds.KINDS[name].name == name


def test_names_of_the_kinds():
    assert list(kinds.KINDS) == [
        "auto", "text", "integer", "decimal", "float", "boolean", "date", "datetime", "time",
        "duration", "uuid", "json", "list", "range", "binary", "file",
    ]  # fmt: skip
