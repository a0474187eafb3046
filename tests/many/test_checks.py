"""Expressions that cannot be columns: what the checks say of them, and what to write instead."""

from dataclasses import replace

import pytest
from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.indexes import BrinIndex
from django.core.checks import Error
from django.db import models
from django.db.models import (
    Case,
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, Concat, Lower, RowNumber, TruncDay
from django.db.models.lookups import Exact
from django.test.utils import isolate_apps

from django_reports import Column, ModelReport
from django_reports.checks.reports import check_report
from django_reports.definitions.relations import missing_index
from tests.many.models import Client, Invoice, Part, Seat, Tag


def messages(*columns, model=Invoice):
    attributes = {"identifier": "many.report", "model": model, "columns": columns}
    return list(check_report(type("Report", (ModelReport,), attributes)()))


def the_error(expression):
    """The message about a column with this expression: always an E009 that names the column."""
    (message,) = messages("number", Column("x", expression=expression))
    assert isinstance(message, Error)
    assert message.id == "django_reports.E009"
    assert "column 'x'" in message.msg
    return message.msg


@pytest.mark.parametrize(
    "expression",
    [
        F("tags__name"),
        F("tags"),
        F("entries__invoice__number"),
        F("notes__stars"),
        F("client__invoices__number"),
        F("entries__sold_at__year"),
        F("tags__name")[0:1],
        F("entries__price") + 1,
        1 - F("entries__price"),
        Lower("tags__name"),
        Concat("number", Value(" "), "tags__name"),
        Coalesce(F("client__name"), F("tags__name")),
        TruncDay("entries__sold_at", output_field=DateTimeField()),
        ExpressionWrapper(F("entries__quantity"), output_field=IntegerField()),
        Case(When(number="A", then=F("tags__name")), default=Value("")),
        Case(When(tags__name="red", then=Value(1)), default=Value(0)),
        Case(When(~Q(tags__name="red") | Q(number="A"), then=Value(1)), default=Value(0)),
        Case(When(Q(number=F("tags__name")), then=Value(1))),
        Case(When(Q(number__in=["A", F("tags__name")]), then=Value(1))),
        Case(When(Exact(F("tags__name"), "red"), then=Value(1))),
        Exists(Tag.objects.filter(name=OuterRef("tags__name"))),
        Subquery(Part.objects.filter(Q(entry=OuterRef("entries"))).values("weight")[:1]),
        Exact(F("tags__name"), "red"),
        Q(tags__name="red"),
        Window(Sum("entries__price")),
        Window(RowNumber(), order_by="tags__name"),
        Window(RowNumber(), partition_by=[F("tags__name")]),
        Count("tags") + F("entries__price"),
        F("annotated") + F("tags__name"),
    ],
)
def test_path_that_would_multiply_the_rows(expression):
    said = the_error(expression)
    assert "to many rows, which would multiply the report's" in said
    assert "write an aggregate of it, such as Count(" in said


@pytest.mark.parametrize(
    "expression",
    [
        F("client__name"),
        F("annotated"),
        F("filtered_relation__name"),
        Concat("number", "annotated"),
        Count("tags") + F("annotated"),
        Exists(Tag.objects.filter(invoices=OuterRef("pk"))),
        Exists(Tag.objects.filter(invoices=OuterRef("pk"), name=OuterRef("annotated"))),
        Subquery(Tag.objects.filter(invoices=OuterRef("pk")).values("name")[:1]),
        Case(When(Exists(Tag.objects.filter(invoices=OuterRef("pk"))), then=Count("tags"))),
        Window(Count("pk")),
        Window(Sum("discount"), partition_by="client__name"),
        Count("tags") + Sum("entries__price"),
        Count("entries__parts", filter=Q(entries__price__gt=5, number="A")),
        Count("tags", filter=Exists(Part.objects.filter(entry__invoice=OuterRef("pk")))),
        Sum(F("entries__price") * Count("tags")),
        Coalesce(Sum("entries__price"), 0, output_field=IntegerField()),
        ExpressionWrapper(Sum(F("entries__price") * 1.5), output_field=IntegerField()),
        Value(1),
    ],
)
def test_expressions_that_are_columns(expression):
    assert messages(Column("x", expression=expression)) == []


@pytest.mark.parametrize(
    "expression",
    [
        Sum(F("entries__price") * F("tags__weight")),
        Sum("entries__price", filter=Q(tags__name="red")),
        Count("entries", filter=Q(entries__parts__weight=1)),
        Count("tags", filter=Q(notes__stars=1), distinct=True),
        Sum("entries__price", default=F("tags__weight")),
        Max("entries__price", filter=Exists(Tag.objects.filter(name=OuterRef("tags__name")))),
        Count("pk", filter=Q(tags__name="red")),
        1 + Coalesce(Sum("entries__price", filter=Q(tags__name="red")), 0),
    ],
)
def test_aggregate_over_two_relations(expression):
    said = the_error(expression)
    assert "so that each value would count several times" in said
    assert "aggregate one relation only" in said
    assert "filter=Exists(...)" in said


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        (Sum("annotated"), "annotated"),
        (Sum(F("entries__price") * F("annotated")), "annotated"),
        (Count("tags", filter=Q(annotated__gt=1)), "annotated"),
        (Count("filtered_relation__name"), "filtered_relation"),
    ],
)
def test_aggregate_of_an_annotation(expression, name):
    said = the_error(expression)
    assert f"'{name}'" in said
    assert "annotations of get_queryset() and a FilteredRelation are not known" in said
    assert "Choices are: client," in said


@pytest.mark.parametrize(
    "expression",
    [Count("*"), Count("pk"), Sum("discount"), Max("client__name"), Sum(Count("tags"))],
)
def test_aggregate_of_no_relation_to_many(expression):
    said = the_error(expression)
    assert "follows no relation to many rows" in said
    assert "leave the aggregate out" in said


def test_aggregate_without_a_type():
    assert "set output_field=" in the_error(Sum(F("entries__price") * F("entries__sold_at")))


@pytest.mark.parametrize(
    ("model", "expression", "label", "fields"),
    [
        (Invoice, Count("notes"), "many.Note", "content_type, object_id"),
        (Invoice, Coalesce(Sum("notes__stars"), 0) + Count("tags"), "many.Note", ""),
        (Invoice, Sum("payments__amount"), "many.Payment", "invoice"),
        (Invoice, Count("entries__invoice__payments"), "many.Payment", "invoice"),
        (Invoice, Sum(F("entries__quantity") * Count("payments")), "many.Payment", "invoice"),
        (Client, Count("invoices__payments"), "many.Payment", "invoice"),
        (Seat, Count("bookings"), "many.Booking", "seat_number, seat_row"),
    ],
)
def test_w051_relation_without_an_index(model, expression, label, fields):
    column = Column("x", expression=expression)
    (message,) = messages(column, model=model)
    assert message.id == "django_reports.W051"
    assert f"({label})" in message.msg
    assert fields in message.msg
    assert f"Meta of {label}" in message.hint
    silenced = replace(column, silenced_system_checks=["django_reports.W051"])
    assert messages(silenced, model=model) == []


@isolate_apps("tests.many")
def test_indexes_that_find_related_rows():
    """Those of several fields find them by the first ones, of a generic relation by both."""

    class Parent(models.Model):
        notes = GenericRelation("GenericChild")
        others = GenericRelation("OtherGeneric")

    class Child(models.Model):
        number = models.IntegerField()
        parent = models.ForeignKey(Parent, models.CASCADE, related_name="+", db_index=False)
        first = models.ForeignKey(Parent, models.CASCADE, related_name="first", db_index=False)
        second = models.ForeignKey(Parent, models.CASCADE, related_name="second", db_index=False)
        unique = models.ForeignKey(Parent, models.CASCADE, related_name="unique", db_index=False)
        part = models.ForeignKey(Parent, models.CASCADE, related_name="part", db_index=False)
        brin = models.ForeignKey(Parent, models.CASCADE, related_name="brin", db_index=False)
        one = models.OneToOneField(Parent, models.CASCADE, related_name="one")

        class Meta:
            indexes = [
                models.Index(fields=["-first", "number"], name="first"),
                models.Index(fields=["number", "second"], name="second"),
                models.Index(fields=["part"], name="part", condition=models.Q(number=1)),
                BrinIndex(fields=["brin"], name="brin"),
            ]
            constraints = [models.UniqueConstraint(fields=["unique", "number"], name="unique")]

    class Generic(models.Model):
        content_type = models.ForeignKey(ContentType, models.CASCADE)
        object_id = models.IntegerField()

        class Meta:
            abstract = True

    class GenericChild(Generic):
        class Meta:
            indexes = [models.Index(fields=["content_type", "object_id"], name="generic")]

    class OtherGeneric(Generic):
        class Meta:
            indexes = [models.Index(fields=["content_type"], name="other")]

    relations = ("first", "second", "unique", "part", "brin", "notes", "others")
    lacking = [name for name in relations if missing_index(name, Parent)]
    assert lacking == ["second", "part", "brin", "others"]


@pytest.mark.parametrize("path", ["tags__nothing", "tags__name__nothing"])
def test_aggregate_that_django_refuses(path):
    assert "'nothing'" in the_error(Count(path))
