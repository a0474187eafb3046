"""The page before an export: columns, formats, defaults, preview, presets, an identical export."""

import datetime as dt
import html
import re

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_reports.engine.writers import all_writers
from django_reports.engine.writers.parquet import ParquetWriter as Parquet
from django_reports.exceptions import FormatLimitExceeded
from django_reports.jobs import dispatch, files
from django_reports.models import AuditEntry, GroupReportPermission, Preset, ReportJob
from django_reports.testing import reading
from tests.conftest import VIEW, make_orders
from tests.entry_points.helpers import (
    EXPORT,
    LIST,
    asking,
    browse,
    chosen,
    lines_of,
    make,
    put,
    run,
    text_of,
    ticked,
)
from tests.entry_points.staff import NUMBERS, ORDERS, page_of, pressed
from tests.shop.models import Order
from tests.shop.reports import Orders

pytestmark = pytest.mark.django_db

PLAIN = [writer.format for writer in all_writers() if "." not in writer.format]


def press(user, button, value="1", path=ORDERS, **fields):
    """Press another of the page's buttons than the one that exports."""
    return pressed(user, path, _export=None, **{button: value}, **fields)


def ticks(text):
    """The names of the ticked columns, as they stand on the page."""
    return re.findall(r'name="columns" value="([\w.]+)" checked', text)


def field(text, name):
    """The value of a text field of the page."""
    found = re.search(rf'<input[^>]*name="{re.escape(name)}"[^>]*>', text)[0]
    value = re.search(r'value="([^"]*)"', found)
    return html.unescape(value[1]) if value else ""


def option(text, name):
    """What is chosen in a select of the page."""
    select = text.split(f'<select name="{name}"')[1].split("</select>")[0]
    return re.search(r'value="([^"]*)" selected', select)[1]


def format_of(text):
    return re.search(r'name="format" value="(\w+)"[^>]*checked', text)[1]


# What is told


def test_a_list_tells_its_order(alice, orders):
    told = text_of(browse(alice).get(f"{EXPORT}?region__exact=n&o=-1"))
    assert "All orders · Region: North · your order</dd>" in told
    assert "your order" not in text_of(browse(alice).get(EXPORT))


def test_each_format_has_a_line_on_what_it_is_good_for(alice, orders):
    text = text_of(browse(alice).get(ORDERS))
    for writer in all_writers():
        if writer.format in PLAIN:
            assert writer.purpose
            assert html.escape(str(writer.purpose)) in text


def test_rows_beyond_a_sheet_are_pointed_out(alice, orders, monkeypatch):
    from django_reports.engine.writers.xlsx import XlsxWriter

    told = "A sheet of Excel ends at"
    assert told not in text_of(browse(alice).get(ORDERS))
    monkeypatch.setattr(XlsxWriter, "max_rows", 11)
    text = text_of(browse(alice).get(ORDERS))
    assert f"{told} 11 rows: this goes on, on 2 sheets." in text


def test_keys_that_excel_would_round_are_pointed_out(alice, orders):
    told = "Keys here have more than 15 digits"
    assert told not in text_of(browse(alice).get(ORDERS))
    Order.objects.create(pk=10**15, customer=orders[0].customer, number="A")
    assert text_of(browse(alice).get(ORDERS)).count(told) == 2  # CSV and TSV


def test_keys_of_rows_that_one_does_not_get_are_not_pointed_out(alice, orders):
    told = "Keys here have more than 15 digits"
    Order.objects.create(pk=10**15, customer=orders[0].customer, number="A", region="s")
    assert told not in text_of(browse(alice).get(f"{EXPORT}?region__exact=n"))
    assert told in text_of(browse(alice).get(f"{EXPORT}?region__exact=s"))


def test_a_forbidden_and_a_masked_column_say_why(alice, orders):
    text = text_of(browse(alice).get(ORDERS))
    assert "masked: you lack the permission shop.view_customer_email" in text
    assert "not for you: it needs the permission shop.view_cost" in text


# Columns


def test_a_column_is_renamed_and_moved(alice, orders):
    fields = {"columns": ["id", "number"], "position_1": "1", "position_0": "2"}
    answer = pressed(alice, label_number=" Nr. ", **fields)
    assert lines_of(answer)[:2] == ["Nr.,id", f"A00001,{orders[0].pk}"]
    assert ReportJob.objects.get().spec["labels"] == {"number": "Nr."}


def test_the_name_of_a_column_that_is_not_ticked_is_left_aside(alice, orders):
    assert lines_of(pressed(alice, label_total="Amount"))[0] == "id,number"


USED_TWICE = "“{}” is used twice. Choose another name."


@pytest.mark.parametrize("button", ["_export", "_preview", "_update", "_save_preset"])
def test_label_used_twice_is_an_error_at_its_field_and_buttons_stay(alice, orders, button):
    pressing = {"_export": None, button: "1"}
    answer = pressed(alice, label_number="id", _preset_name="Mine", **pressing)
    assert not ReportJob.objects.exists()
    assert not Preset.objects.exists()
    assert answer.status_code == (200 if button == "_update" else 400)
    text = text_of(answer)
    assert field(text, "label_number") == "id"
    assert ticks(text) == ["id", "number"]
    line = text.split('data-column="number"')[1].split("</li>")[0]
    assert line.count(USED_TWICE.format("id")) == text.count("is used twice") == 1
    assert 'role="alert">Please correct the errors below.' in text
    assert 'name="_export" value="Export"' in text
    assert 'name="_preview" value="Preview"' in text


def test_label_given_twice_is_an_error_at_both_fields(alice, orders):
    text = text_of(pressed(alice, label_number="X", label_id="X"))
    for name in ("id", "number"):
        line = text.split(f'data-column="{name}"')[1].split("</li>")[0]
        assert USED_TWICE.format("X") in line


def test_page_with_other_errors_of_the_choices_keeps_its_buttons(alice, orders, monkeypatch):
    monkeypatch.setattr(Parquet, "check", classmethod(_refuse))
    text = text_of(pressed(alice, format="parquet"))
    assert "This format cannot hold it." in text
    assert 'name="_export" value="Export"' in text


def _refuse(cls, columns, options):
    raise FormatLimitExceeded("This format cannot hold it.")


def test_a_name_of_two_lines_is_told(alice, orders):
    answer = pressed(alice, label_number="a\u2028b")
    assert (answer.status_code, "Give one line of text." in text_of(answer)) == (400, True)


@pytest.mark.parametrize(("which", "found"), [("all", 10), ("none", 0)])
def test_all_and_none_without_a_script(alice, orders, which, found):
    answer = press(alice, "_columns", which, columns=["total"], format="xlsx")
    text = text_of(answer)
    assert (answer.status_code, len(ticks(text)), format_of(text)) == (200, found, "xlsx")
    assert "errornote" not in text
    assert "<dt>Rows</dt><dd>20 rows</dd>" in text


def test_as_last_time(alice, orders):
    assert 'value="last"' not in text_of(browse(alice).get(ORDERS))
    make(alice, columns=("total", "number"), labels={"total": "Amount"})
    text = text_of(browse(alice).get(ORDERS))
    assert (len(ticks(text)), 'value="last"' in text) == (10, True)
    text = text_of(press(alice, "_columns", "last", format="tsv"))
    assert (ticks(text), format_of(text)) == (["total", "number"], "tsv")
    assert field(text, "label_total") == "Amount"


def test_too_many_columns_cannot_be_renamed_but_exported(alice, orders, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 110
    assert "New name of" not in text_of(browse(alice).get(ORDERS))
    assert lines_of(pressed(alice))[0] == "id,number"


def test_ticked_rows_are_among_the_fields_of_the_page(alice, orders, settings):
    columns = len(ticks(text_of(browse(alice).post(LIST, ticked(orders)))))
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3 * columns + 101 + len(orders)
    assert "New name of" in text_of(browse(alice).post(LIST, ticked(orders)))
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS -= 1
    assert "New name of" not in text_of(browse(alice).post(LIST, ticked(orders)))


def test_page_that_nobody_could_send_is_not_shown(alice, orders, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 2 * 10 + len(orders)
    answer = browse(alice).post(LIST, ticked(orders))
    assert answer.status_code == 400
    assert "more fields than the site takes at once (40)" in text_of(answer)
    assert browse(alice).get(ORDERS).status_code == 200


# Good defaults


def test_the_last_choice_is_the_next_default(alice, bob, orders):
    spec = {"format": "xlsx", "time_zone": "Asia/Tokyo", "language": "de"}
    make(alice, columns=("id",), **spec)
    text = text_of(browse(alice).get(ORDERS))
    assert (format_of(text), option(text, "time_zone"), option(text, "language")) == (
        "xlsx", "Asia/Tokyo", "de"
    )  # fmt: skip
    assert re.search(r'value="machine"[^>]*checked', text)
    assert format_of(text_of(browse(bob).get(ORDERS))) == "csv"
    assert format_of(text_of(browse(alice).get(NUMBERS))) == "csv"


def test_a_last_choice_that_is_gone_is_no_default(alice, orders):
    job = make(alice)
    put(job, spec={**job.spec, "format": "gone", "language": "xx"})
    assert format_of(text_of(browse(alice).get(ORDERS))) == "csv"
    put(job, spec={**job.spec, "format": "tsv.gz", "options": {"delimiter": "comma"}})
    assert browse(alice).get(ORDERS).status_code == 200


# The preview


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("profile", ["machine", "spreadsheet"])
def test_its_rows_are_the_files_first(alice, name, profile):
    make_orders(15)
    fields = {"format": name, "profile": profile, "columns": ["number", "total", "placed_at"],
              "label_total": "Amount"}  # fmt: skip
    answer = press(alice, "_preview", **fields)
    assert answer.status_code == 200
    shown = answer.context["preview"]
    job = run(dispatch.enqueue(spec_of_page(answer), *asking(alice)))
    with files.open_file(job) as file:
        made = reading.read(file.read(), job, None)
    first = reading.read(shown.content, job, None)
    assert len(first) == 10
    assert (first.header, first.rows) == (made.header, made.rows[:10])
    text = text_of(answer)
    for row in shown.tables[0].rows:
        assert "".join(f"<td>{html.escape(value)}</td>" for value in row) in text
    if name in ("csv", "tsv"):
        assert [tuple(row) for row in shown.tables[0].rows] == made.rows[:10]


def spec_of_page(answer):
    form = answer.context["form"]
    page = answer.context["page"]
    return form.spec(page.report.get_identifier(), page.selection, {})


def test_a_preview_is_recorded_and_exports_nothing(alice, orders):
    answer = press(alice, "_preview")
    assert answer.context["preview"].tables[0].header == ["id", "number"]
    assert AuditEntry.objects.filter(action="previewed").count() == 1
    assert not ReportJob.objects.exists()
    assert 'id="reports-preview"' in text_of(answer)


def test_what_is_wrong_is_told_instead_of_a_preview(alice, orders):
    answer = press(alice, "_preview", **{"parameter-minimum": "much"})
    assert (answer.status_code, answer.context["preview"]) == (400, None)
    assert not AuditEntry.objects.filter(action="previewed").exists()


def test_a_preview_tells_of_losses_and_long_numbers(alice, orders):
    Order.objects.update(number="1234567890123456 → …")
    answer = press(alice, "_preview", encoding="iso-8859-1", columns=["number", "total"])
    assert "characters that the file cannot hold were replaced" in text_of(answer)
    Order.objects.update(number="1234567890123456")
    answer = press(alice, "_preview", columns=["number", "total"])
    assert "Excel rounds numbers of more than 15 digits when it opens this: number." in text_of(
        answer
    )


def test_a_list_is_previewed_as_it_was_ticked(alice, orders):
    fields = chosen(_export=None, _preview="1", _selected_action=[str(orders[3].pk)])
    del fields["_export"], fields["_across"]
    answer = browse(alice).post(EXPORT, fields)
    assert answer.context["preview"].tables[0].rows == [[str(orders[3].pk), "A00004"]]


# An identical export


@pytest.fixture
def large(configure, orders):
    configure(STREAM_MAX_ROWS=5)


def exported(user):
    job = ReportJob.objects.get(pk=pressed(user).url.split("/")[-2])
    return run(job)


def test_an_identical_export_is_offered_before_another_is_made(alice, large):
    job = exported(alice)
    put(job, finished_at=timezone.now() - dt.timedelta(minutes=12))
    answer = pressed(alice)
    text = text_of(answer)
    assert (answer.status_code, ReportJob.objects.count()) == (200, 1)
    assert "You have an identical export from 12\xa0minutes ago." in text
    assert f'href="{page_of(job)}">Use it</a>' in text
    assert pressed(alice, _export="anyway").status_code == 302
    assert ReportJob.objects.count() == 2


def test_all_columns_are_the_same_as_each_of_them(alice, large):
    job = make(alice, profile="spreadsheet")
    assert browse(alice).get(ORDERS).context["duplicate"] == job


def test_who_was_told_before_is_not_asked(alice, large):
    job = exported(alice)
    assert pressed(alice, _seen=str(job.pk)).status_code == 302


@pytest.mark.parametrize(
    "facts",
    [
        {"status": "expired"},
        {"expires_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)},
        {"file_key": ""},
        {"tenant_key": "another"},
        {"format": "xlsx"},
        {"columns": []},  # as if more or less of them were masked then
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_what_is_not_the_same_or_not_there_is_not_offered(alice, large, facts):
    put(exported(alice), **facts)
    assert pressed(alice).status_code == 302


def test_an_export_of_somebody_else_is_not_offered(alice, root, large):
    exported(alice)
    assert pressed(root).status_code == 302


def test_with_less_rights_it_is_not_offered(make_person, large):
    person = make_person("mia", *VIEW, "shop.view_customer_email", report="*")
    wanted = {"columns": ["id", "customer__email"]}
    run(ReportJob.objects.get(pk=pressed(person, **wanted).url.split("/")[-2]))
    assert pressed(person, **wanted).status_code == 200
    person.user_permissions.filter(codename="view_customer_email").delete()
    assert pressed(person, **wanted).status_code == 302


def test_a_download_at_once_is_never_asked_about(alice, orders):
    make(alice, columns=("id", "number"))
    assert lines_of(pressed(alice))[0] == "id,number"


# Presets


@pytest.fixture
def team(alice, bob):
    group = Group.objects.create(name="Team")
    group.user_set.add(alice, bob)
    return group


def saved(user, name="Monthly", **fields):
    wanted = {"columns": ["total", "number"], "format": "tsv", "label_total": "Amount",
              "position_5": "1", "position_1": "2", **fields}  # fmt: skip
    answer = press(user, "_save_preset", _preset_name=name, **wanted)
    assert answer.status_code == 200, text_of(answer)
    return Preset.objects.get(owner=user, name=name)


def test_choices_are_saved_and_applied(alice, orders):
    preset = saved(alice)
    assert preset.choices["columns"] == ["total", "number"]
    assert "selection" not in preset.choices
    answer = press(alice, "_preset", str(preset.pk), **{"parameter-region": "n"})
    text = text_of(answer)
    assert (ticks(text), format_of(text)) == (["total", "number"], "tsv")
    assert field(text, "label_total") == "Amount"
    assert "<dt>Rows</dt><dd>10 rows</dd>" in text  # what was typed besides stays
    assert "Your preset “Monthly” is chosen." in text


def test_saving_again_writes_over(alice, orders):
    saved(alice)
    saved(alice, format="xlsx")
    assert [preset.choices["format"] for preset in Preset.objects.all()] == ["xlsx"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\0b"])
def test_a_preset_needs_a_name(alice, orders, name):
    answer = press(alice, "_save_preset", _preset_name=name)
    assert (answer.status_code, Preset.objects.count()) == (400, 0)
    assert "Give the preset a name of at most 100 characters." in text_of(answer)


def test_what_is_not_valid_is_not_saved(alice, orders):
    answer = press(alice, "_save_preset", _preset_name="X", columns=None)
    assert (answer.status_code, Preset.objects.count()) == (400, 0)


def test_it_is_renamed_and_deleted(alice, orders):
    preset = saved(alice)
    other = saved(alice, "Other")
    name = {f"_preset_name_{preset.pk}": "Weekly"}
    assert "is called “Weekly” now" in text_of(
        press(alice, "_rename_preset", str(preset.pk), **name)
    )
    answer = press(alice, "_rename_preset", str(other.pk), **{f"_preset_name_{other.pk}": "Weekly"})
    assert "You have another preset with the name “Weekly”." in text_of(answer)
    press(alice, "_delete_preset", str(preset.pk))
    assert [preset.name for preset in Preset.objects.all()] == ["Other"]


def test_it_is_shared_with_a_group_that_one_is_in(alice, bob, root, team, orders):
    preset = saved(alice, _preset_group=str(team.pk))
    assert preset.group == team
    text = text_of(browse(bob).get(ORDERS))
    assert "shared by alice" in text
    assert "_rename_preset" not in text
    assert ticks(text_of(press(bob, "_preset", str(preset.pk)))) == ["total", "number"]
    for button in ("_rename_preset", "_delete_preset"):
        answer = press(bob, button, str(preset.pk), **{f"_preset_name_{preset.pk}": "Mine"})
        assert (answer.status_code, "no longer there" in text_of(answer)) == (400, True)
    assert Preset.objects.get().name == "Monthly"
    assert "Monthly" not in text_of(browse(root).get(ORDERS))


def test_a_foreign_preset_answers_like_none(alice, bob, orders):
    preset = saved(alice)
    for key in (str(preset.pk), "0", "x", "9" * 30):
        answer = press(bob, "_preset", key)
        assert (answer.status_code, "no longer there" in text_of(answer)) == (400, True)


def test_it_is_shared_with_no_group_that_one_is_not_in(alice, orders):
    group = Group.objects.create(name="Visibility")
    for key in (str(group.pk), "x"):
        answer = press(alice, "_save_preset", _preset_name="X", _preset_group=key)
        assert (answer.status_code, Preset.objects.count()) == (400, 0)


def test_without_a_column_it_still_works_and_says_so(make_person, orders):
    person = make_person("mia", *VIEW, "shop.view_cost", report="*")
    wanted = {"columns": ["id", "cost"], "label_cost": "Costs", "label_total": ""}
    preset = saved(person, **wanted)
    person.user_permissions.filter(codename="view_cost").delete()
    answer = press(person, "_preset", str(preset.pk))
    text = text_of(answer)
    assert (answer.status_code, ticks(text)) == (200, ["id"])
    assert "Left out, since you may not export it or it is no longer there: cost." in text
    assert "errornote" not in text


def test_shared_preset_names_no_column_that_its_reader_is_not_told_of(alice, bob, orders):
    team = Group.objects.create(name="Team")
    team.user_set.add(alice, bob)
    choices = {"columns": ["id", "cost", "only_for_alice"], "format": "csv", "labels": {}}
    shared = {"owner": alice, "report": "shop.orders", "name": "Ours", "group": team}
    preset = Preset.objects.create(choices=choices, **shared)
    text = text_of(press(bob, "_preset", str(preset.pk)))
    assert "it is no longer there: cost, other columns." in text
    assert "only_for_alice" not in text
    assert "cost, only_for_alice." in text_of(press(alice, "_preset", str(preset.pk)))


def test_a_preset_of_another_report_is_not_there(alice, orders):
    preset = saved(alice)
    assert "Monthly" not in text_of(browse(alice).get(NUMBERS))
    assert press(alice, "_preset", str(preset.pk), NUMBERS).status_code == 400


def test_presets_work_where_a_list_leads(alice, orders):
    preset = saved(alice)
    fields = {name: value for name, value in chosen().items() if name != "_export"}
    answer = browse(alice).post(EXPORT, {**fields, "_preset": str(preset.pk)})
    assert ticks(text_of(answer)) == ["total", "number"]
    assert 'name="_across" value="1"' in text_of(answer)
    # A click in the list itself is none of the page's buttons.
    shown = browse(alice).post(LIST, ticked(orders[:2]))
    assert len(ticks(text_of(shown))) == 10


# Figures


def test_the_page_costs_the_same_with_more_of_everything(alice, large):
    counts = []
    for n in range(2):
        make_orders(100)
        exported(alice)
        ReportJob.objects.all().update(columns=[])
        saved(alice, f"Preset {n}")
        client = browse(alice)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(ORDERS).status_code == 200
        # Savepoints are there because a test is a transaction.
        counts.append(len([q for q in queries if "SAVEPOINT" not in q["sql"]]))
    assert counts[0] == counts[1] <= 24, counts


def test_a_stale_page_after_the_grant_is_gone_answers_like_none(alice, orders, monkeypatch):
    preset = saved(alice)
    alice.groups.clear()
    for button in ("_preview", "_save_preset", "_update", "_columns"):
        assert press(alice, button, _preset_name="X").status_code == 404
    assert press(alice, "_delete_preset", str(preset.pk)).status_code == 404
    assert Preset.objects.count() == 1
    assert Orders.identifier == preset.report


# Beginning with what was exported before


def beginning_with(user, job, path=ORDERS):
    return browse(user).get(path, {"from": job.pk})


def test_a_jobs_choices_and_its_rows_stand_there_at_first(alice, orders):
    job = make(alice, format="tsv", columns=("total", "id"), labels={"total": "Amount"},
               parameters={"region": ["n"]}, time_zone="Asia/Tokyo")  # fmt: skip
    text = text_of(beginning_with(alice, job))
    assert (ticks(text), format_of(text)) == (["total", "id"], "tsv")
    assert field(text, "label_total") == "Amount"
    assert option(text, "time_zone") == "Asia/Tokyo"
    assert '<option value="n" selected>' in text
    assert "<dt>Rows</dt><dd>10 rows</dd>" in text
    assert f'action="{ORDERS}?from={job.pk}"' in text


def test_the_rows_of_a_list_are_carried_along(alice, orders):
    client = browse(alice)
    fields = chosen(_selected_action=[str(order.pk) for order in orders[:3]])
    client.post(EXPORT, {name: value for name, value in fields.items() if name != "_across"})
    job = ReportJob.objects.get()
    page = text_of(beginning_with(alice, job))
    assert "<dt>Selection</dt><dd>3 selected: orders</dd>" in page
    answer = pressed(alice, f"{ORDERS}?from={job.pk}")
    assert len(lines_of(answer)) == 4


def test_a_job_that_one_does_not_see_answers_like_none(alice, bob, orders):
    job = make(alice)
    for key in (job.pk, "0", "bogus"):
        assert browse(bob).get(ORDERS, {"from": key}).status_code == 404
        assert pressed(bob, f"{ORDERS}?from={key}").status_code == 404
    assert browse(alice).get(NUMBERS, {"from": job.pk}).status_code == 404


def test_who_sees_a_job_begins_with_it_in_their_own_rights(make_person, alice, orders):
    person = make_person("mia", *VIEW, "shop.view_cost", report="*", visibility="all")
    job = make(person, columns=("id", "cost"))
    colleague = make_person("pia", *VIEW, report="*", visibility="all")
    text = text_of(beginning_with(colleague, job))
    assert ticks(text) == ["id"]
    assert "it is no longer there: cost." in text


def test_secrets_are_typed_again(alice, monkeypatch):
    from django import forms

    from tests.shop.reports import Numbers

    fields = {**Numbers.parameters.base_fields, "api_key": forms.CharField(required=False)}
    monkeypatch.setattr(Numbers.parameters, "base_fields", fields)
    job = make(alice, "shop.numbers", parameters={"rows": ["3"], "api_key": ["s3cret"]})
    text = text_of(beginning_with(alice, job, NUMBERS))
    assert field(text, "parameter-rows") == "3"
    assert "s3cret" not in text


def test_a_job_that_has_ended_leads_there(alice, orders, monkeypatch):
    job = make(alice)
    address = f"{ORDERS}?from={job.pk}"
    assert f'href="{address}"' in text_of(browse(alice).get(page_of(job)))
    admins = f"/admin/django_reports/reportjob/{job.pk}/change/"
    assert f'href="{address}"' in text_of(browse(alice).get(admins))
    assert browse(alice).get(address).status_code == 200
    put(job, status="running")
    assert "?from=" not in text_of(browse(alice).get(page_of(job)))
    put(job, status="failed")
    monkeypatch.setattr(Orders, "is_in_catalog", False)
    assert "?from=" not in text_of(browse(alice).get(page_of(job)))


def test_a_file_that_one_may_not_download_any_more_is_not_pointed_out(alice, large):
    job = make(alice, profile="spreadsheet")
    assert browse(alice).get(ORDERS).context["duplicate"] == job
    GroupReportPermission.objects.update(can_download=False)
    assert browse(alice).get(ORDERS).context["duplicate"] is None
