import datetime as dt
import hmac
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count, DateTimeField, F, Field, Func, Model, Value
from django.test.utils import isolate_apps
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from hypothesis import given
from hypothesis import strategies as st

from django_reports.definitions import kinds
from django_reports.definitions.base import ModelReport, Report, default_column_names
from django_reports.definitions.columns import (
    Column,
    ColumnError,
    bind,
    is_secret_looking,
    resolve_path,
)
from django_reports.definitions.masks import mask_function, partial_mask
from django_reports.models import ReportJob
from tests.shop.models import Customer, Line, Order, Picture, Region


def remark(row):
    return row["note"]


@pytest.mark.parametrize(
    ("column", "model", "label"),
    [
        (Column("number"), Order, "Order number"),
        (Column("id"), Order, "ID"),
        (Column("customer"), Order, "Customer"),
        (Column("customer__email"), Order, "Customer e-mail address"),
        (Column("order__customer__email"), Line, "Order customer e-mail address"),
        (Column("customer__pk"), Order, "Customer ID"),
        (Column("mail", path="customer__email"), Order, "Customer e-mail address"),
        (Column("customer__email", label="Mail"), Order, "Mail"),
        (Column("net_margin", expression=F("total") - F("cost")), Order, "Net margin"),
        (Column("short_remark", value=remark, fields=["note"]), Order, "Short remark"),
        (Column("order_count"), None, "Order count"),
        (Column("amount", label=_("Amount")), None, "Amount"),
    ],
)
def test_label(column, model, label):
    assert str(bind(column, model).label) == label


def test_label_is_translated_late():
    label = bind(Column("requested_by__email"), ReportJob).label
    with translation.override("de"):
        german = str(label)
    assert "E-Mail" in german
    assert str(label) == "Requested by email address"


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (Column("total"), kinds.Decimal(2)),
        (Column("total", kind="text"), kinds.Text()),
        (Column("total", kind=kinds.Decimal(4)), kinds.Decimal(4)),
        (Column("customer"), kinds.Integer()),
        (Column("customer_id"), kinds.Integer()),
        (Column("customer__pk"), kinds.Integer()),
        (Column("customer__name"), kinds.Text()),
        (Column("region"), kinds.Choice(kinds.Text(), tuple(Region.choices))),
        (Column("n", expression=Count("lines")), kinds.Integer()),
        (Column("email", expression=F("customer__email")), kinds.Text()),
        (Column("one", expression=Value(1)), kinds.Integer()),
        (Column("at", expression=Func(function="NOW", output_field=DateTimeField())),
         kinds.DateTime()),
        (Column("x", expression=Func(F("total"), function="F", output_field=None), kind="float"),
         kinds.Float()),
        (Column("r", value=remark, fields=["note"]), kinds.Auto()),
        (Column("r", value=remark, fields=["note"], kind="text"), kinds.Text()),
    ],
)  # fmt: skip
def test_kind(column, kind):
    assert bind(column, Order).kind == kind


@pytest.mark.parametrize(
    ("column", "sources"),
    [
        (Column("number"), ("number",)),
        (Column("mail", path="customer__email"), ("customer__email",)),
        (Column("margin", expression=F("total")), (F("total"),)),
        (Column("r", value=remark, fields=["note", "customer__name"]), ("note", "customer__name")),
        (Column("constant", value=remark), ()),
    ],
)
def test_sources(column, sources):
    assert bind(column, Order).sources == sources


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("numbr", r"shop\.Order has no field 'numbr'; .*\bnumber\b.*\bregion\b"),
        ("customer__mail", r"shop\.Customer has no field 'mail'; .*\bemail\b"),
        ("number__upper", "'number' is no relation, so 'number__upper' goes nowhere"),
        ("lines", "follows 'lines' to many rows.*expression="),
        ("lines__text", "follows 'lines' to many rows"),
        ("customer__orders__number", "follows 'orders' to many rows"),
        ("", "name must be a text"),
        ("__", "has no field ''"),
    ],
)
def test_path_that_leads_nowhere(name, said):
    with pytest.raises(ColumnError, match=said):
        bind(Column(name), Order)


@pytest.mark.parametrize("name", ["groups", "groups__name", "user_permissions"])
def test_many_to_many_is_refused(name):
    with pytest.raises(ColumnError, match="to many rows"):
        bind(Column(name), User)


def test_fields_of_a_value_are_checked_too():
    with pytest.raises(ColumnError, match="has no field 'nota'"):
        bind(Column("r", value=remark, fields=["nota"]), Order)


@isolate_apps("tests.shop")
def test_field_without_a_kind_says_how_to_register_one():
    class Colour(Field):
        pass

    class Painting(Model):
        colour = Colour()

        class Meta:
            app_label = "shop"

    with pytest.raises(ColumnError, match=r"a Colour has no defined way .*register_kind\(\)"):
        bind(Column("colour"), Painting)
    assert bind(Column("colour", kind="integer"), Painting).kind == kinds.Integer()


def test_binary_data_is_exported_only_if_it_is_asked_for():
    with pytest.raises(ColumnError, match='only if it is asked for: with kind="binary", as Base64'):
        bind(Column("data"), Picture)
    assert bind(Column("data", kind="binary"), Picture).kind == kinds.Binary()


def test_field_without_a_kind_may_be_given_one():
    assert bind(Column("data", kind="text"), Picture).kind == kinds.Text()


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (Column("a", path="number", expression=F("id")), "path and expression; choose one"),
        (Column("a", expression=F("id"), value=remark), "expression and value; choose one"),
        (Column("a", value=remark, fields="note"), "not the text 'note'"),
        (Column("a", fields=["note"]), "there is no value="),
        (Column("a", value="note"), "must be callable, not 'note'"),
        (Column("number", kind="txt"), "no kind 'txt'; the legal ones are auto, text, integer"),
        (Column("number", mask="hide", permission="shop.x"),
         "no mask 'hide'; the legal ones are omit, null, partial"),
        (Column("number", mask="null"), "mask='null' is for those without permission="),
        (Column(5), "its name must be a text, not 5"),
    ],
)  # fmt: skip
def test_declaration_that_cannot_be(column, said):
    with pytest.raises(ColumnError, match=said):
        bind(column, Order)


@pytest.mark.parametrize("column", [Column("a", path="b"), Column("a", expression=F("b"))])
def test_without_a_model_there_is_nothing_to_follow(column):
    with pytest.raises(ColumnError, match="only a ModelReport has paths and expressions"):
        bind(column, None)


def test_without_a_model_a_column_reads_its_own_name():
    bound = bind(Column("month"), None)
    assert (bound.sources, bound.kind, bound.compute) == (("month",), kinds.Auto(), None)


def test_without_a_model_a_value_reads_its_fields():
    bound = bind(Column("sum", value=remark, fields=["a", "b"]), None)
    assert (bound.sources, bound.compute) == (("a", "b"), remark)


def test_path_is_walked_field_by_field():
    walked = resolve_path(Line, "order__customer__pk")
    assert [field.name for field in walked] == ["order", "customer", "id"]


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("password", True),
        ("api_token", True),
        ("customer__api_token", True),
        ("apikey", True),
        ("api_key", True),
        ("secrets", True),
        ("client_secret", True),
        ("key_hash", True),
        ("PASSWORD", True),
        ("password_hash", True),
        ("private_key", True),
        ("auth_token__key", True),
        ("number", False),
        ("key", False),
        ("tokenizer", False),
        ("secretary", False),
        ("passenger", False),
    ],
)
def test_secret_looking(name, is_secret):
    assert is_secret_looking(name) is is_secret


def test_secrets_are_no_columns_by_default():
    assert default_column_names(Customer) == ["id", "name", "email"]
    assert "password" not in default_column_names(User)


def test_field_without_a_kind_is_no_column_by_default():
    assert default_column_names(Picture) == ["id"]


def test_report_keeps_the_declared_order():
    class Some(ModelReport):
        model = Order
        columns = ("total", Column("id"), "number")

    assert [column.name for column in Some().get_columns()] == ["total", "id", "number"]


def test_report_without_columns_has_every_harmless_field():
    class Everyone(ModelReport):
        model = Customer

    assert [column.name for column in Everyone().get_columns()] == ["id", "name", "email"]


def test_labels_and_identifiers_of_reports():
    class LateOrders(ModelReport):
        model = Order

    class LateRevenue(Report):
        pass

    assert (LateOrders().get_label(), LateOrders().get_identifier()) == (
        "Orders",
        "shop.lateorders",
    )
    assert LateRevenue().get_label() == "Late revenue"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("jane@example.com", "j•••@e•••.com"),
        ("jane@mail.example.co.uk", "j•••@m•••.uk"),
        ("jane@localhost", "j•••@l•••"),
        ("j@e.com", "•••@•••.com"),
        ("ann@exa.museum", "a•••@e•••.museum"),
        ("jane@[192.168.0.1]", "j•••@•••"),
        ('"jane@home"@example.com', '"•••@e•••.com'),
        ("a@b.c", "a•••"),
        ("@example.com", "@•••"),
        ("jane@", "j•••"),
        ("mail bob@x.org. Diagnosis: flu", "m•••"),
        ("Diagnosis: flu. Reply to bob@x.org", "D•••"),
        ('{"mail": "bob@x.org"}', "{•••"),
        ("bob@x.org\nDiagnosis: flu.com", "b•••"),
        ("+49 30 123456", "+•••"),
        ("Ann", "•••"),
        ("Anna", "•••"),
        ("Annie", "A•••"),
        ("7", "•••"),
        ("", "•••"),
    ],
)
def test_partial_mask(text, masked):
    assert partial_mask(text) == masked


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [("partial", "Annie", "A•••"), ("partial", 12345, "•••"), (str.upper, "Ann", "ANN")],
)
def test_mask_function(mask, value, shown):
    assert mask_function(mask, kinds.Text())(value) == shown


@given(st.text(max_size=40))
def test_partial_mask_shows_a_fifth_of_a_text_at_most(text):
    shown = partial_mask(text)
    if "@" not in shown:
        assert shown in ("•••", f"{text[:1]}•••")
        assert len(shown) - 3 <= len(text) / 5


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (kinds.Boolean(), False),
        (kinds.Integer(), 1234567),
        (kinds.Date(), dt.date(2026, 1, 1)),
        (kinds.Json(), {"diagnosis": "flu"}),
        (kinds.Json(), "diagnosis: flu"),
        (kinds.Choice((("single", "Single"), ("married", "Married"))), "married"),
        (kinds.Auto(), 1234567),
        (kinds.Text(), b"diagnosis"),
    ],
)
def test_partial_mask_shows_nothing_of_what_is_no_text(kind, value):
    assert mask_function("partial", kind)(value) == "•••"


def test_hashes_are_keyed_and_the_same_for_everybody(configure):
    """What RFC 2104 makes of key and value; no time zone nor language plays a part."""
    configure(MASK_KEY="a key of its own")
    of_text, of_moment = (mask_function("hash", kind) for kind in (kinds.Text(), kinds.DateTime()))
    expected = hmac.new(b"a key of its own", b"ann@example.com", "sha256").hexdigest()
    assert of_text("ann@example.com") == expected
    moment = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    with timezone.override("Asia/Tokyo"), translation.override("de"):
        assert of_moment(moment.astimezone(ZoneInfo("Asia/Tokyo"))) == of_moment(moment)
    configure(MASK_KEY="another key")
    assert mask_function("hash", kinds.Text())("ann@example.com") != expected


def test_without_a_key_nothing_is_hashed():
    with pytest.raises(ImproperlyConfigured, match="MASK_KEY"):
        mask_function("hash", kinds.Text())


@pytest.mark.parametrize(("mask", "kind"), [("partial", kinds.Text()), ("null", kinds.Decimal(2))])
def test_masked_column(mask, kind):
    column = bind(Column("total", permission="shop.x", mask=mask, escape_formulas=False), Order)
    masked = column.as_masked()
    assert (masked.masked, masked.kind, masked.escape_formulas) == (True, kind, False)
    assert (masked.name, masked.label, masked.permission) == ("total", "Total", "shop.x")
