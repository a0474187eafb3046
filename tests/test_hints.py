"""What a column's error says to write is right: it binds, and gives the value that was meant."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Count, F
from django.db.models.fields.json import KT
from django.test.utils import isolate_apps

from django_reports import Column
from django_reports.definitions.columns import ColumnError, bind
from django_reports.engine.rows import QuerySetSource
from tests.conftest import make_orders
from tests.shop.models import Order

pytestmark = pytest.mark.django_db


def problem_with(name, model=Order):
    with pytest.raises(ColumnError) as caught:
        bind(Column(name), model)
    return str(caught.value)


def values(queryset, column):
    source = QuerySetSource(
        queryset, [bind(column, queryset.model), bind(Column("pk"), queryset.model)]
    )
    return [row[0] for row in source.read()]


@pytest.mark.parametrize(
    ("name", "model", "kind"),
    [
        ("is_anonymous", User, "property"),
        ("get_full_name", User, "method"),
        ("get_region_display", Order, "method"),
        ("customer__save", Order, "method"),
    ],
)
def test_attributes_say_value_and_fields(name, model, kind):
    said = problem_with(name, model)
    assert f".{name.rpartition('__')[2]} is a {kind}, which no query reads; use value=" in said
    assert "fields=['customer__…']" in said or "fields=['…']" in said


def test_what_may_be_an_annotation_says_expression():
    assert problem_with("lines_n").endswith(
        ". For an annotation of get_queryset() use expression=F('lines_n')"
    )
    assert "annotation" not in problem_with("customer__lines_n")
    make_orders(2)
    annotated = Order.objects.annotate(lines_n=Count("lines"))
    assert values(annotated, Column("lines_n", expression=F("lines_n"))) == [0, 0]


@pytest.mark.parametrize("name", ["extra__key", "extra__deep__0"])
def test_keys_of_json_say_kt(name):
    assert f"use expression=KT('{name}')" in problem_with(name)
    make_orders(2, extra={"key": "value", "deep": ["first"]})
    expected = "value" if name == "extra__key" else "first"
    assert values(Order.objects.all(), Column("x", expression=KT(name))) == [expected] * 2


def test_transforms_say_expression():
    assert "use expression=F('due_on__year')" in problem_with("due_on__year")
    make_orders(2)
    Order.objects.update(due_on=dt.date(2025, 1, 2))
    assert values(Order.objects.all(), Column("y", expression=F("due_on__year"))) == [2025] * 2


@isolate_apps("tests.shop")
def test_generic_foreign_keys_name_the_fields_that_work():
    class Tag(models.Model):
        content_type = models.ForeignKey(ContentType, models.CASCADE)
        number = models.PositiveIntegerField()
        thing = GenericForeignKey("content_type", "number")

        class Meta:
            app_label = "shop"

    class Use(models.Model):
        tag = models.ForeignKey(Tag, models.CASCADE)

        class Meta:
            app_label = "shop"

    for name in ("thing", "thing__name", "thing__pk"):
        assert problem_with(name, Tag).endswith("'content_type__model' and 'number'")
    said = problem_with("tag__thing", Use)
    assert said.endswith("'tag__content_type__model' and 'tag__number'")
    for name in ("content_type__model", "number"):
        assert bind(Column(name), Tag).sources == (name,)
        assert bind(Column(f"tag__{name}"), Use).sources == (f"tag__{name}",)


def test_a_reverse_one_to_one_relation_says_pk():
    from tests.ordered.models import Person

    assert problem_with("owner", Person).endswith("add __pk")
    bind(Column("owner__pk"), Person)
