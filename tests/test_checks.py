"""A broken declaration gives exactly one message, which names the culprit and has a remedy."""

import datetime as dt

import pytest
from django.contrib import admin
from django.contrib.admin.sites import all_sites
from django.contrib.auth.backends import ModelBackend
from django.core import checks
from django.db import models
from django.db.models import F
from django.test.utils import isolate_apps

from django_reports import Column, ModelReport, Report
from django_reports.admin import ReportAdminMixin, ReportJobAdmin
from django_reports.definitions.columns import is_personal_looking
from django_reports.definitions.registry import registry
from django_reports.models import ReportJob
from tests.shop.models import Customer, Order, Picture
from tests.shop.reports import Orders


def value_of(row):
    return row["note"]


@pytest.fixture
def declare(monkeypatch):
    """Declare a report for one test."""
    monkeypatch.setattr(registry, "_reports", list(registry._reports))

    def declare(base, **attributes):
        attributes = {"identifier": "shop.broken", **attributes}
        made = type("Broken", (base,), {"__module__": "shop.reports", **attributes})()
        registry.add(made)
        return made

    return declare


def messages(*, deploy=False):
    """This app's messages, as the check command gets them."""
    tags = ["django_reports", "admin"]
    return [
        message
        for message in checks.run_checks(tags=tags, include_deployment_checks=deploy, databases=[])
        if message.id.startswith("django_reports.")
    ]


def found(number):
    """The one message that there is; it has this number."""
    (message,) = messages()
    assert message.id == f"django_reports.{number}"
    return message


def test_clean_project_has_no_messages():
    assert messages() == []


def test_clean_project_has_only_disclosures_when_deployed(configure):
    configure(RUNNER="local", LOCAL_THREAD=False)
    assert {message.id for message in messages(deploy=True)} <= {
        "django_reports.I001",
        "django_reports.I002",
        "django_reports.W005",
    }


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"RUNER": "rq"}, "DJANGO_REPORTS has no key 'RUNER'"),
        ({"STREAM_MAX_ROWS": "many"}, "must be int, not 'many'"),
        (["RUNNER"], "must be a dict, not list"),
    ],
)
def test_e001_setting_that_cannot_be(settings, value, said):
    settings.DJANGO_REPORTS = value
    assert said in found("E001").msg


@pytest.mark.parametrize("runner", ["celery", "no.such.Runner", "datetime.timedelta", "os.getcwd"])
def test_e002_runner_that_is_none(configure, runner):
    configure(RUNNER=runner)
    message = found("E002")
    assert repr(runner) in message.msg
    assert "local, rq, immediate" in message.hint


@pytest.mark.parametrize("policy", ["nonsense", "no.such.Policy"])
def test_e003_policy_that_cannot_be_imported(configure, policy):
    configure(POLICY=policy)
    message = found("E003")
    assert repr(policy) in message.msg
    assert "django_reports.Policy" in message.hint


def test_e017_database_that_is_not_there(configure):
    configure(DATABASE="mirror")
    message = found("E017")
    assert "DJANGO_REPORTS['DATABASE'] is 'mirror'" in message.msg
    assert "default, replica" in message.hint


def test_databases_that_are_there_are_fine(configure):
    for alias in ("default", "replica", None):
        configure(DATABASE=alias)
        assert messages() == []


@pytest.mark.parametrize("name", ["MEDIA_ROOT", "STATIC_ROOT"])
@pytest.mark.parametrize("place", ["", "reports", "a/b"])
def test_e004_files_where_anyone_may_fetch_them(configure, settings, tmp_path, name, place):
    setattr(settings, name, str(tmp_path))
    configure(STORAGE_DIR=tmp_path / place)
    message = found("E004")
    assert f"lies under {name}" in message.msg
    assert str(tmp_path / place) in message.msg


def test_e004_goes_by_the_storage_too(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.STORAGES = {
        **settings.STORAGES,
        "reports": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    }
    (message,) = (m for m in messages() if m.id == "django_reports.E004")
    assert str(tmp_path / "media") in message.msg
    assert "STORAGES['reports']" in message.hint


def keep_in(settings, backend, **options):
    settings.STORAGES = {**settings.STORAGES, "reports": {"BACKEND": backend, "OPTIONS": options}}


FILES = "django.core.files.storage.FileSystemStorage"
SIGNING = "tests.storages.Signing"
PRIVATE = "django_reports.PrivateFileSystemStorage"


def test_e031_files_with_a_public_address(settings, tmp_path):
    keep_in(settings, FILES, location=tmp_path, base_url="/kept/", file_permissions_mode=0o600)
    message = found("E031")
    assert "/kept/database/2026/01/file.csv" in message.msg
    assert "PrivateFileSystemStorage" in message.hint


def test_signed_addresses_are_fine(settings):
    keep_in(settings, SIGNING)
    assert messages() == []


def test_files_in_memory_are_fine_as_in_tests(settings):
    keep_in(settings, "django.core.files.storage.InMemoryStorage")
    assert messages() == []


@pytest.mark.parametrize(
    ("mode", "shown"), [(0o644, "the mode 644"), (0o604, "the mode 604"), (None, "no mode")]
)
def test_e032_files_that_others_may_read(settings, tmp_path, mode, shown):
    settings.FILE_UPLOAD_PERMISSIONS = mode
    keep_in(settings, FILES, location=tmp_path)
    (message,) = (m for m in messages() if m.id == "django_reports.E032")
    assert f"kept with {shown}:" in message.msg


@pytest.mark.parametrize("acl", ["public-read", "authenticated-read"])
def test_e032_objects_that_others_may_read(settings, acl):
    keep_in(settings, SIGNING, acl=acl)
    assert f"the ACL {acl}" in found("E032").msg


@pytest.mark.parametrize("way", ["x-accel-redirect", "x-sendfile"])
def test_e033_files_that_a_server_cannot_send(settings, configure, way):
    configure(DOWNLOAD_METHOD=way)
    keep_in(settings, SIGNING)
    message = found("E033")
    assert f"is {way!r}, which needs a storage of files on this machine" in message.msg
    assert message.msg.endswith("tests.storages.Signing.")


def test_e033_a_storage_to_which_nobody_can_be_sent(settings, configure, tmp_path):
    configure(DOWNLOAD_METHOD="redirect")
    keep_in(settings, PRIVATE, location=tmp_path)
    assert "takes parameters and expire" in found("E033").msg


@pytest.mark.parametrize(
    ("way", "backend"),
    [
        ("x-accel-redirect", PRIVATE),
        ("x-sendfile", PRIVATE),
        ("redirect", "tests.storages.Signing"),
    ],
)
def test_ways_that_the_storage_can_go_are_fine(settings, configure, way, backend):
    configure(DOWNLOAD_METHOD=way)
    keep_in(settings, backend)
    assert messages() == []


def test_files_beside_the_public_ones_are_fine(configure, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    configure(STORAGE_DIR=tmp_path / "media-reports")
    assert messages() == []


@pytest.mark.parametrize(
    ("attributes", "identifier"),
    [
        ({"identifier": "shop.orders"}, "shop.orders"),
        ({"identifier": "shop.old_orders"}, "shop.old_orders"),
        ({"aliases": ("shop.orders",)}, "shop.orders"),
        ({"aliases": ("shop.broken",)}, "shop.broken"),
    ],
)
def test_e005_doubled_identifier(declare, attributes, identifier):
    declare(ModelReport, model=Order, columns=["id"], **attributes)
    message = found("E005")
    assert repr(identifier) in message.msg
    assert message.msg.startswith("shop.reports.Broken has the identifier")


@pytest.mark.parametrize("execution", ["later", None, "AUTO"])
def test_e006_unknown_delivery(declare, execution):
    declare(ModelReport, model=Order, columns=["id"], execution=execution)
    message = found("E006")
    assert message.msg == f"shop.reports.Broken.execution is {execution!r}."
    assert message.hint == "Choose from auto, immediate, background."


@pytest.mark.parametrize("permission", [None, ""])
def test_e007_report_without_model_and_permission(declare, permission):
    made = declare(Report, columns=["a"], permission=permission)
    message = found("E007")
    assert message.msg.startswith("shop.reports.Broken has no model and no permission")
    assert message.obj is type(made)


def test_e008_doubled_column(declare):
    declare(ModelReport, model=Order, columns=["id", "number", Column("id", path="number")])
    assert found("E008").msg == "shop.reports.Broken has 2 columns called 'id'."


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("numbr", "column 'numbr': shop.Order has no field 'numbr'; the legal ones are cost"),
        ("lines__text", "column 'lines__text': 'lines__text' follows 'lines' to many rows"),
        ("number__upper", "column 'number__upper': 'number' is no relation"),
        (Column("a", path="numbr"), "column 'a': shop.Order has no field 'numbr'"),
        (Column("a", value=value_of, fields=["nota"]), "column 'a': shop.Order has no field"),
        (Column("a", value=value_of, fields="note"), "not the text 'note'"),
        (Column("number", kind="txt"), "column 'number': there is no kind 'txt'"),
        (Column("number", mask="all", permission="shop.view_cost"), "there is no mask 'all'"),
        (Column("number", mask="null"), "for those without permission="),
        (Column("total", total="mean"), "no total 'mean'; the legal ones are sum, average"),
        (Column("a", path="number", expression=F("id")), "path and expression; choose one"),
        (Column(""), "column '': its name must be a text"),
        (Column(5), "column 5: its name must be a text, not 5"),
    ],
)
def test_e009_column_that_cannot_be(declare, column, said):
    declare(ModelReport, model=Order, columns=["id", column])
    message = found("E009")
    assert message.msg.startswith("shop.reports.Broken, column ")
    assert said in message.msg


@pytest.mark.parametrize("deploy", [False, True])
def test_e009_name_that_is_no_text_breaks_no_other_check(declare, deploy):
    declare(ModelReport, model=Order, columns=[Column(5)])
    assert "django_reports.E009" in [message.id for message in messages(deploy=deploy)]


@isolate_apps("tests.shop")
def test_e009_field_without_a_kind(declare):
    class Colour(models.Field):
        pass

    class Painting(models.Model):
        colour = Colour()

        class Meta:
            app_label = "shop"

    declare(ModelReport, model=Painting, columns=["id", "colour"])
    assert "column 'colour': a Colour has no defined way" in found("E009").msg
    assert "django_reports.definitions.kinds.register_kind()" in found("E009").msg


def test_e009_binary_data_that_nobody_asked_for(declare):
    declare(ModelReport, model=Picture, columns=["id", "data"])
    assert "column 'data': binary data is exported only if it is asked for" in found("E009").msg


def test_e009_path_without_a_model(declare):
    declare(Report, permission="shop.view_order", columns=["a", Column("b", path="c")])
    assert "column 'b': only a ModelReport has paths" in found("E009").msg


def test_e010_model_report_without_a_model(declare):
    declare(ModelReport, columns=["id"])
    assert found("E010").msg == "shop.reports.Broken is a ModelReport without a model."


def test_e011_queue_that_rq_lacks(configure):
    configure(RUNNER="rq", QUEUE="slow")
    message = found("E011")
    assert "'slow', which RQ_QUEUES lacks" in message.msg
    assert "(it has: reports)" in message.hint


@pytest.mark.parametrize("runner", ["local", "immediate"])
def test_queue_is_nothing_to_the_other_runners(configure, runner):
    configure(RUNNER=runner, QUEUE="slow")
    assert messages() == []


@pytest.mark.parametrize("columns", [[], ()])
def test_e012_no_columns(declare, columns):
    declare(Report, permission="shop.view_order", columns=columns)
    assert found("E012").msg == "shop.reports.Broken has no columns."


@pytest.fixture
def site(declare):
    """An admin site with a list that offers exports, and nothing else."""

    class OrderAdmin(ReportAdminMixin, admin.ModelAdmin):
        reports = (Orders,)

    site = admin.AdminSite("second")
    site.register(Order, OrderAdmin)
    yield site
    all_sites.discard(site)  # or the checks of later tests would look at it


def site_messages(site):
    return [m for m in site.check(None) if m.id.startswith("django_reports.")]


def test_e013_site_without_a_page_for_exports(site):
    (message,) = site_messages(site)
    assert message.id == "django_reports.E013"
    assert "'second'" in message.msg
    assert "ReportJobAdmin" in message.hint
    assert message.obj.__name__ == "OrderAdmin"


def test_site_with_a_page_for_exports_is_fine(site):
    site.register(ReportJob, ReportJobAdmin)
    assert site_messages(site) == []


@pytest.mark.parametrize(
    "identifier", ["jobs", "openapi.json", "shop/orders", "shop orders", "shop.orders?", "a#b"]
)
def test_e015_identifier_that_is_no_address(declare, identifier):
    declare(ModelReport, model=Order, columns=["id"], identifier=identifier)
    assert repr(identifier) in found("E015").msg
    declare(ModelReport, model=Order, columns=["id"], aliases=(identifier,))
    assert {message.id for message in messages()} >= {"django_reports.E015"}


@pytest.mark.parametrize("identifier", ["shop.orders-2", "größe.bestellungen", "a_b"])
def test_identifiers_that_are_addresses(declare, identifier):
    declare(ModelReport, model=Order, columns=["id"], identifier=identifier)
    assert messages() == []


def section(identifier, base=ModelReport, **attributes):
    attributes = {"identifier": identifier, "model": Order, "columns": ["id"], **attributes}
    return type("Part", (base,), {"__module__": "shop.reports", **attributes})


PART, OTHER = section("shop.part"), section("shop.other")


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"columns": ["id"]}, "has sections, and columns or a model of its own"),
        ({"sections": [PART, section("old.part")]}, "has two sections whose identifiers end alike"),
        ({"sections": [PART, section("shop.x", Report, model=None, columns=(), sections=[OTHER])]},
         "has a section that has sections"),
    ],
)  # fmt: skip
def test_e016_sections_that_cannot_be(declare, attributes, said):
    declare(Report, **{"sections": [PART, OTHER], **attributes})
    assert found("E016").msg == f"shop.reports.Broken {said}."


def test_e016_sections_of_a_report_with_a_model(declare):
    declare(ModelReport, model=Order, columns=(), sections=[PART])
    assert found("E016").msg.endswith("has sections, and columns or a model of its own.")


def test_sections_that_can_be(declare):
    declare(Report, sections=[PART, OTHER])
    assert messages() == []


@pytest.mark.parametrize(
    ("part", "number"),
    [
        (section("shop.nobodys", Report, model=None), "E007"),
        (section("shop.modelless", ModelReport, model=None), "E010"),
    ],
)
def test_sections_that_nobody_could_export(declare, part, number):
    declare(Report, sections=[PART, part])
    assert [message.id for message in messages()] == [f"django_reports.{number}"]


def test_i001_fields_of_other_models_in_a_section(declare):
    made = declare(Report, sections=[section("shop.mails", columns=["customer__email"])])
    told = [m for m in messages(deploy=True) if "customer__email" in m.msg and "Part" in m.msg]
    assert [m.id for m in told] == ["django_reports.W004", "django_reports.I001"], made


def test_columns_of_sections_are_checked(declare):
    declare(Report, sections=[PART, section("shop.wrong", columns=["bogus"])])
    assert "shop.reports.Part, column 'bogus'" in found("E009").msg


@pytest.mark.parametrize(
    ("model", "column", "path"),
    [
        (Customer, "api_token", "api_token"),
        (Order, "customer__api_token", "customer__api_token"),
        (Order, Column("code", path="customer__api_token"), "customer__api_token"),
        (Order, Column("code", value=value_of, fields=["customer__api_token"]),
         "customer__api_token"),
        (Order, Column("code", expression=F("customer__api_token")), "customer__api_token"),
    ],
)  # fmt: skip
def test_w001_column_that_looks_like_a_secret(declare, model, column, path):
    declare(ModelReport, model=model, columns=["id", column])
    message = found("W001")
    assert message.level == checks.WARNING
    assert f"exports {path!r}, which looks like a credential" in message.msg


def test_i001_fields_of_other_models(declare):
    made = declare(
        ModelReport,
        model=Order,
        columns=["id", "customer__name", Column("mail", path="customer__email")],
    )
    (message,) = (
        m for m in messages(deploy=True) if m.obj is type(made) and not m.id.endswith("W004")
    )
    assert message.id == "django_reports.I001"
    assert message.level == checks.INFO
    assert "shows customer__name, mail to everybody who may view shop.Order" in message.msg


def test_i001_is_content_with_a_permission(declare):
    made = declare(
        ModelReport,
        model=Order,
        columns=[Column("customer__name", permission="shop.view_customer")],
    )
    assert [m for m in messages(deploy=True) if m.obj is type(made)] == []


def test_i002_entries_of_a_list_that_no_file_holds():
    (message,) = (m for m in messages(deploy=True) if m.id == "django_reports.I002")
    assert message.level == checks.INFO
    assert message.msg.startswith("Api token of the list that admin.shop.customer follows")


@pytest.mark.parametrize(
    "storage", [{"BACKEND": "no.such.Storage"}, {"BACKEND": "tests.shop.models.Nothing"}]
)
def test_storage_that_cannot_be_had_does_not_break_the_checks(settings, storage):
    settings.STORAGES = {**settings.STORAGES, "reports": storage}
    (message,) = (m for m in messages() if m.id == "django_reports.E014")
    assert storage["BACKEND"] in message.msg


@pytest.mark.parametrize(
    "name", ["email", "e_mail", "customer__email", "phone_number", "date_of_birth", "iban", "ssn"]
)
def test_w004_names_that_look_personal(name):
    assert is_personal_looking(name)


@pytest.mark.parametrize("name", ["id", "name", "number", "birthplace_count", "mailing", "total"])
def test_names_that_do_not_look_personal(name):
    assert not is_personal_looking(name)


def test_w004_column_that_looks_personal(declare):
    columns = ["id", "email"]
    declare(ModelReport, model=Customer, columns=columns)
    assert found("W004").msg == (
        "shop.reports.Broken, column 'email' exports 'email', which looks personal, to everybody "
        "who may export the report."
    )
    columns[1] = Column("mail", path="email", permission="shop.view_customer_email")
    assert messages() == []
    columns[1] = Column("mail", path="email", silenced_system_checks=["django_reports.W004"])
    assert messages() == []


def test_w006_a_permission_that_no_model_declares(declare, settings):
    columns = ["id", Column("name", permission="shop.view_custmer")]
    declare(ModelReport, model=Customer, columns=columns)
    message = found("W006")
    assert message.msg == (
        "shop.reports.Broken, column 'name', needs the permission 'shop.view_custmer', which no "
        "model declares."
    )
    assert "permissions of a model's Meta" in message.hint
    settings.AUTHENTICATION_BACKENDS = ["tests.test_checks.AsksElsewhere"]
    assert messages() == []
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
    assert len(messages()) == 1
    silenced = ["django_reports.W006"]
    columns[1] = Column("name", permission="else.where", silenced_system_checks=silenced)
    assert messages() == []


def test_w006_a_reports_own_permission(declare):
    declare(ModelReport, model=Customer, columns=["id"], permission="shop.veiw_customer")
    assert "shop.reports.Broken needs the permission 'shop.veiw_customer'" in found("W006").msg


class AsksElsewhere(ModelBackend):
    """Knows permissions that are in no table."""

    def has_perm(self, user, perm, obj=None):
        return perm.startswith("shop.")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("total", {}),
        ("placed_at", {}),
        ("is_paid", {}),
        ("region", {}),  # a choice
        ("extra", {}),  # JSON
        ("made", {"value": len, "kind": "integer"}),
    ],
)
def test_w060_partial_mask_of_what_is_no_text(declare, name, options):
    declare(
        ModelReport,
        model=Order,
        columns=[Column(name, permission="shop.view_order", mask="partial", **options)],
    )
    assert f'{name!r} has mask="partial"' in found("W060").msg


def test_texts_may_have_a_partial_mask(declare):
    declare(
        ModelReport,
        model=Order,
        columns=[
            Column("note", permission="shop.view_order", mask="partial"),
            Column("made", value=str, permission="shop.view_order", mask="partial"),
        ],
    )
    assert messages() == []


def test_e023_hashes_without_a_key(declare, configure):
    column = Column("name", permission="shop.view_customer_email", mask="hash")
    declare(ModelReport, model=Customer, columns=["id", column])
    assert "'name' has mask=\"hash\"" in found("E023").msg
    configure(MASK_KEY="a long random text")
    assert messages() == []


def test_e021_tenants_from_nowhere(configure):
    configure(TENANT="shop.tenants.nobody")
    assert found("E021").msg.startswith("DJANGO_REPORTS['TENANT'] is 'shop.tenants.nobody', which")


def deployed(number):
    """The messages of this number, as `check --deploy` gives them."""
    return [m for m in messages(deploy=True) if m.id == f"django_reports.{number}"]


KEY = "k" * 32
TRUST = [
    ("W070", {"RUNNER": "immediate"}, "while their request waits"),
    ("W071", {"AUDIT_KEYS": ["k" * 31]}, "['AUDIT_KEYS'][0] has fewer than 32 characters"),
    ("W071", {"AUDIT_KEYS": [KEY, "old"]}, "['AUDIT_KEYS'][1] has fewer"),
    ("W071", {"MASK_KEY": "a"}, "['MASK_KEY'] has fewer"),
    ("W071", {"AUDIT_KEYS": ["SECRET"]}, "is SECRET_KEY"),
    ("W071", {"MASK_KEY": "SECRET"}, "is SECRET_KEY"),
    ("W072", {"TRUSTED_PROXIES": ["10.0.0.0/8", "0.0.0.0/0"]}, "every address of IPv4"),
    ("W072", {"TRUSTED_PROXIES": ["::/0"]}, "every address of IPv6"),
    ("W072", {"TRUSTED_PROXIES": ["0.0.0.0/1", "128.0.0.0/1"]}, "every address of IPv4"),
    ("W073", {"SIGNED_URL_MAX_AGE": dt.timedelta(days=31)}, "is 31 days"),
    ("E071", {"ACCEL_PREFIX": "/"}, "the site's own addresses"),
]
HARMLESS = [
    ("W070", {"RUNNER": "local"}),
    ("W071", {"AUDIT_KEYS": [KEY, "SECRET"], "MASK_KEY": KEY}),
    ("W072", {"TRUSTED_PROXIES": ["10.0.0.0/8", "fd00::/8"]}),
    ("W072", {"TRUSTED_PROXIES": 1}),
    ("W073", {"SIGNED_URL_MAX_AGE": dt.timedelta(days=30)}),
    ("E071", {"ACCEL_PREFIX": "/files/"}),
]


def as_given(value, secret):
    if isinstance(value, list):
        return [as_given(part, secret) for part in value]
    return secret if value == "SECRET" else value


@pytest.mark.parametrize(("number", "given", "words"), TRUST)
def test_what_a_site_trusts_in_production(configure, settings, number, given, words):
    settings.SECRET_KEY = "s" * 20  # told as what it is, and not as short
    configure(**{name: as_given(value, settings.SECRET_KEY) for name, value in given.items()})
    (message,) = deployed(number)
    assert words in message.msg
    assert message.hint


@pytest.mark.parametrize(("number", "given"), HARMLESS)
def test_what_a_site_may_trust(configure, settings, number, given):
    settings.SECRET_KEY = "s" * 20
    configure(**{name: as_given(value, settings.SECRET_KEY) for name, value in given.items()})
    assert deployed(number) == []


@pytest.mark.parametrize("prefix", ["", "kept"])
def test_e004_files_among_those_of_the_project(configure, settings, tmp_path, prefix):
    settings.STATICFILES_DIRS = [(prefix, str(tmp_path)) if prefix else str(tmp_path)]
    configure(STORAGE_DIR=tmp_path / "reports")
    assert "lies under STATICFILES_DIRS" in found("E004").msg


@pytest.mark.parametrize(
    ("mode", "is_open"), [(0o700, False), (0o750, False), (0o755, True), (0o702, True)]
)
def test_w074_a_folder_that_others_may_use(configure, tmp_path, mode, is_open):
    folder = tmp_path / "reports"
    configure(STORAGE_DIR=folder)
    assert deployed("W074") == []  # there is none yet
    folder.mkdir()
    folder.chmod(mode)
    told = deployed("W074")
    assert bool(told) == is_open
    assert all(f"mode is {mode:o}" in message.msg for message in told)


def own_rows(self, request):
    return admin.ModelAdmin.get_queryset(self, request).filter(pk=0)


@pytest.mark.parametrize(
    ("of_list", "of_report", "is_told"),
    [
        ({"get_queryset": own_rows}, {}, True),
        ({}, {}, False),
        ({"get_queryset": own_rows}, {"filter_queryset": lambda self, rows, context: rows}, False),
        ({"get_queryset": own_rows}, {"get_queryset": lambda self, context: None}, False),
        ({"get_queryset": own_rows}, {"is_in_catalog": False}, False),
    ],
)
def test_w075_rows_that_only_the_list_leaves_out(declare, of_list, of_report, is_told):
    made = declare(ModelReport, model=Order, columns=("id",), **of_report)
    site = admin.AdminSite("office")
    attributes = {"__module__": __name__, "reports": [type(made)], **of_list}
    own = type("OwnOrders", (ReportAdminMixin, admin.ModelAdmin), attributes)
    site.register(Order, own)
    told = [m for m in deployed("W075") if m.obj is own]
    assert bool(told) == is_told
    assert all("Broken gives all rows" in message.msg for message in told)
