"""The options of a file: the same at the pages, to programs and at the command."""

import datetime as dt
import gzip
import io
import re
import zipfile
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django.utils.timezone import get_fixed_timezone

from django_reports.definitions.specs import CHOICES
from django_reports.models import ReportJob
from tests.entry_points.helpers import EXPORT, browse, chosen, run, text_of
from tests.entry_points.staff import FORMATS, ORDERS, Program, assert_problem, page_of, pressed

pytestmark = pytest.mark.django_db

# One file, chosen to its last byte. It has no time of its own in it.
WANTED = {
    "profile": "spreadsheet",
    "delimiter": "semicolon",
    "encoding": "cp1252",
    "line_end": "lf",
    "header": "labels",
    "decimal": "comma",
    "quoting": "all",
}
COLUMNS = ["customer__name", "total", "placed_at"]
EXPECTED = (
    '"Customer name";"Total";"Placed at (Asia/Tokyo)"\n'
    '"Ann";"18,50";"2026-01-02 15:00:00"\n'
    '"Böb";"19,50";"2026-01-02 16:00:00"\n'
    '"Ann";"20,50";"2026-01-02 17:00:00"\n'
).encode("cp1252")


def content_of(response):
    assert response.status_code == 200, response.content.decode()
    return b"".join(response.streaming_content) if response.streaming else response.content


def at_the_staff_page(user, columns=COLUMNS, parameters=(), **fields):
    """The file, or the page that says why there is none."""
    typed = {f"parameter-{name}": value for name, value in dict(parameters).items()}
    return pressed(user, columns=list(columns), **typed, **fields)


def at_the_admin(user, columns=COLUMNS, parameters=(), **fields):
    typed = {f"parameter-{name}": value for name, value in dict(parameters).items()}
    return browse(user).post(f"{EXPORT}?o=1", chosen(columns=list(columns), **typed, **fields))


PAGES = pytest.mark.parametrize("page", [at_the_staff_page, at_the_admin])


def by_json(user, **wanted):
    """The file of a job that was asked for by a program."""
    program = Program(user)
    asked = program.post(ORDERS, wanted)
    assert asked.status_code == 202, asked.content
    job = ReportJob.objects.get(pk=asked.json()["id"])
    run(job)
    return content_of(program.get(page_of(job, "download")))


def by_command(folder, *arguments):
    path = folder / "made"
    call_command("export_report", "shop.orders", *arguments, "--output", str(path), verbosity=0)
    return path.read_bytes()


def as_arguments(options):
    return [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]


# One file at every entry point


def test_every_entry_point_gives_the_same_bytes(alice, orders, tmp_path):
    fields = {**WANTED, "time_zone": "Asia/Tokyo", "parameters": {"minimum": "18"}}
    assert content_of(at_the_staff_page(alice, **fields)) == EXPECTED
    assert content_of(at_the_admin(alice, **fields)) == EXPECTED
    wanted = {"columns": COLUMNS, "options": WANTED, "time_zone": "Asia/Tokyo",
              "parameters": {"minimum": 18}}  # fmt: skip
    assert by_json(alice, **wanted) == EXPECTED
    made = by_command(
        tmp_path, *as_arguments(WANTED), "--columns", ",".join(COLUMNS),
        "--time-zone", "Asia/Tokyo", "--param", "minimum=18", "--user", "alice",
    )  # fmt: skip
    assert made == EXPECTED


def test_every_entry_point_keeps_the_same_spec(alice, orders, tmp_path):
    content_of(at_the_staff_page(alice, time_zone="Asia/Tokyo", language="de", **WANTED))
    by_json(alice, columns=COLUMNS, options=WANTED, time_zone="Asia/Tokyo", language="de")
    by_command(
        tmp_path, *as_arguments(WANTED), "--columns", ",".join(COLUMNS),
        "--time-zone", "Asia/Tokyo", "--language", "de",
    )  # fmt: skip
    first, *others = [job.spec for job in ReportJob.objects.order_by("created_at")]
    assert first["options"] == WANTED
    assert (first["time_zone"], first["language"]) == ("Asia/Tokyo", "de")
    assert others == [first, first]


@pytest.mark.parametrize(
    ("zone", "kept"),
    [
        (ZoneInfo("Asia/Tokyo"), "Asia/Tokyo"),
        (ZoneInfo("Etc/GMT+5"), "Etc/GMT+5"),  # which Django calls -05
        (get_fixed_timezone(120), "Europe/Berlin"),  # +0200 is no IANA name
        (dt.timezone(dt.timedelta(hours=2)), "Europe/Berlin"),
    ],
)
def test_an_active_zone_without_a_name_is_the_projects(alice, orders, zone, kept):
    with timezone.override(zone):
        assert f'<option value="{kept}" selected>' in text_of(browse(alice).get(ORDERS))
        content_of(at_the_staff_page(alice))
        by_json(alice)
    assert [job.spec["time_zone"] for job in ReportJob.objects.all()] == [kept, kept]


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("ending", ["", "gz", "zip"])
def test_every_format_of_text_is_the_same_at_every_door(alice, orders, tmp_path, format, ending):
    name = f"{format}.{ending}" if ending else format
    columns = ["number", "total", "is_paid"]
    page = content_of(
        at_the_staff_page(alice, columns, format=format, compression=ending, language="en")
    )
    assert by_json(alice, format=name, columns=columns) == page
    assert by_command(tmp_path, "--format", name, "--columns", ",".join(columns)) == page
    first = {
        "csv": b"number,total,is_paid\r\nA00001,1.50,false\r\n",
        "tsv": b"number\ttotal\tis_paid\r\nA00001\t1.50\tfalse\r\n",
        "jsonl": b'{"number":"A00001","total":"1.50","is_paid":false}\n',
    }[format]
    assert plain(page, ending).startswith(first)


def plain(content, ending):
    if ending == "gz":
        return gzip.decompress(content)
    if ending == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (name,) = archive.namelist()
            return archive.read(name)
    return content


@PAGES
@pytest.mark.parametrize(
    ("fields", "content_type", "ending"),
    [
        ({}, "text/csv; charset=utf-8", "csv"),
        ({"encoding": "utf-8-sig"}, "text/csv; charset=utf-8", "csv"),
        ({"encoding": "shift_jis"}, "text/csv; charset=shift_jis", "csv"),
        ({"header": "none"}, "text/csv; charset=utf-8; header=absent", "csv"),
        ({"format": "tsv"}, "text/tab-separated-values; charset=utf-8", "tsv"),
        ({"format": "jsonl"}, "application/jsonl", "jsonl"),
        ({"format": "parquet"}, "application/vnd.apache.parquet", "parquet"),
        ({"compression": "gz"}, "application/gzip", "csv.gz"),
        ({"compression": "zip"}, "application/zip", "csv.zip"),
    ],
)
def test_what_a_file_is_sent_as(alice, orders, page, fields, content_type, ending):
    answer = page(alice, **fields)
    assert answer["Content-Type"] == content_type
    assert re.search(rf'filename="orders-[\d-]{{10}}\.{re.escape(ending)}"$',
                     answer["Content-Disposition"])  # fmt: skip
    content_of(answer)


# The pages


def details_of(text):
    """The folded part of the page: whether it is open, and what is in it."""
    opened, inner = re.search(r"<details([^>]*)>(.*?)</details>", text, re.DOTALL).groups()
    return opened.endswith(" open"), inner


def selected_in(text):
    """What each list of the folded part has chosen; None where nothing is marked."""
    lists = re.findall(
        r'<select name="(\w+)"[^>]*>(.*?)</select>', details_of(text)[1], re.DOTALL
    )  # fmt: skip
    found = {name: re.findall(r'value="([^"]*)" selected', options) for name, options in lists}
    return {name: values[0] if values else None for name, values in found.items()}


def looked_at(user, page, **extra):
    address = ORDERS if page is at_the_staff_page else EXPORT
    return browse(user).get(address, **extra).content.decode()


@PAGES
def test_options_are_folded(alice, orders, page):
    text = looked_at(alice, page)
    is_open, inner = details_of(text)
    assert is_open is False
    assert "<summary>Options</summary>" in inner
    names = ["compression", *[name for name in CHOICES if name != "profile"], "time_zone",
             "language"]  # fmt: skip
    assert re.findall(r'<select name="(\w+)"', inner) == names
    for name in names:
        assert f'<label for="id_{name}">' in inner


@PAGES
def test_nothing_is_chosen_that_follows_from_the_rest(alice, orders, page, settings):
    settings.LANGUAGE_CODE = "en"
    assert selected_in(looked_at(alice, page)) == {
        "compression": "", "delimiter": "", "encoding": "", "line_end": "", "header": "",
        "decimal": "", "quoting": "", "time_zone": "Europe/Berlin", "language": "en",
    }  # fmt: skip


@PAGES
def test_the_language_of_the_page_is_chosen(alice, orders, page):
    """LANGUAGE_CODE is en-us, as in a new project, and LANGUAGES has en: no Afrikaans."""
    assert selected_in(looked_at(alice, page))["language"] in ("en", "en-us")


@PAGES
@pytest.mark.parametrize(
    "field", ["compression", "delimiter", "encoding", "line_end", "header", "decimal", "quoting",
              "time_zone", "language"],
)  # fmt: skip
def test_a_wrong_option_is_told_at_its_field_and_seen(alice, orders, page, field):
    answer = page(alice, **{field: "nonsense"})
    assert answer.status_code == 400
    text = answer.content.decode()
    is_open, inner = details_of(text)
    assert is_open is True
    (line,) = re.findall(r'<div class="form-row errors">.*?</div>', inner, re.DOTALL)
    assert "nonsense is not one of the available choices." in line
    assert f'name="{field}"' in line
    assert 'role="alert">Please correct the errors below.' in text
    assert not ReportJob.objects.exists()


@PAGES
def test_other_errors_leave_them_folded(alice, orders, page):
    answer = page(alice, [])
    assert answer.status_code == 400
    assert details_of(answer.content.decode())[0] is False


@PAGES
def test_what_was_chosen_is_still_there_after_an_error(alice, orders, page):
    kept = {"compression": "gz", **WANTED, "time_zone": "Asia/Tokyo", "language": "de"}
    answer = page(alice, [], **kept)
    found = selected_in(answer.content.decode())
    assert found == {name: value for name, value in kept.items() if name != "profile"}


@PAGES
@pytest.mark.parametrize("format", ["xlsx", "parquet"])
def test_a_format_that_is_never_compressed_names_the_legal_ones(alice, orders, page, format):
    answer = page(alice, format=format, compression="zip")
    assert answer.status_code == 400
    is_open, inner = details_of(answer.content.decode())
    assert is_open is True
    assert f"There is no format &#x27;{format}.zip&#x27;." in inner
    assert f"Choose from: {', '.join(FORMATS)}." in inner
    assert not ReportJob.objects.exists()


@PAGES
@pytest.mark.parametrize(
    ("format", "kept"),
    [
        ("csv", ["profile", "delimiter", "encoding", "line_end", "header", "decimal", "quoting"]),
        ("tsv", ["profile", "encoding", "line_end", "header", "decimal", "quoting"]),
        ("xlsx", ["profile", "header"]),
        ("jsonl", ["profile"]),
        ("parquet", ["profile"]),
    ],
)
def test_an_option_that_the_format_lacks_is_left_aside(alice, orders, page, format, kept):
    content_of(page(alice, format=format, **WANTED))
    options = ReportJob.objects.get().spec["options"]
    assert options == {name: WANTED[name] for name in kept}


@PAGES
def test_time_zone_and_language_are_those_of_the_form(alice, orders, page):
    made = content_of(
        page(
            alice, ["placed_at", "is_paid", "total"], parameters={"minimum": "20"},
            profile="spreadsheet", time_zone="America/New_York", language="de",
        )
    )  # fmt: skip
    text = made.decode("utf-8-sig")
    header, *lines = text.splitlines()
    assert header.endswith(" (America/New_York)")
    assert lines == ["20,50;Nein;2026-01-02 03:00:00"]
    spec = ReportJob.objects.get().spec
    assert (spec["time_zone"], spec["language"]) == ("America/New_York", "de")


@PAGES
def test_left_out_they_are_the_persons_own(alice, orders, page):
    content_of(page(alice))
    spec = ReportJob.objects.get().spec
    assert (spec["time_zone"], spec["language"]) == ("Europe/Berlin", "en-us")
    assert spec["options"] == {"profile": "machine"}


@PAGES
def test_compressed_formats_are_no_formats_of_their_own_there(alice, orders, page):
    text = looked_at(alice, page)
    assert re.findall(r'type="radio" name="format" value="([^"]*)"', text) == [
        "csv", "xlsx", "tsv", "jsonl", "parquet"
    ]  # fmt: skip
    assert page(alice, format="csv.gz").status_code == 400


# Programs


def test_what_a_program_is_told_of_them(alice, orders):
    told = Program(alice).get(ORDERS).json()
    assert told["options"] == {name: choices.values for name, choices in CHOICES.items()}
    heeded = {one["name"]: one["options"] for one in told["formats"]}
    assert heeded["csv"] == heeded["csv.gz"] == list(CHOICES)
    assert heeded["tsv"] == [name for name in CHOICES if name != "delimiter"]
    assert heeded["xlsx"] == ["profile", "header"]
    assert heeded["jsonl"] == heeded["jsonl.zip"] == heeded["parquet"] == ["profile"]


@pytest.mark.parametrize(
    ("wanted", "field", "words"),
    [
        ({"options": {"delimiter": "|"}}, "options.delimiter", ["'|'", "comma, semicolon, tab"]),
        ({"options": {"encoding": "utf-16"}}, "options.encoding", ["'utf-16'", "utf-8, utf-8-sig"]),
        ({"options": {"line_end": "\n"}}, "options.line_end", "crlf, lf"),
        ({"options": {"header": True}}, "options.header", ["True", "names, labels, none"]),
        ({"options": {"decimal": 1.5}}, "options.decimal", ["1.5", "point, comma"]),
        ({"options": {"quoting": ["all"]}}, "options.quoting", ["['all']", "minimal, all"]),
        ({"options": {"delimiter": {}}}, "options.delimiter", ["{}", "comma, semicolon, tab"]),
        ({"options": {"delimiter": ""}}, "options.delimiter", ["''", "comma, semicolon, tab"]),
        ({"options": {"line-end": "lf"}}, "options", ["'line-end'", "line_end, header"]),
        ({"options": {"time_zone": "UTC"}}, "options", ["'time_zone'", "profile, delimiter"]),
        ({"options": {"compression": "gz"}}, "options", ["'compression'", "profile, delimiter"]),
        ({"options": "delimiter"}, "options", "an object"),
        ({"options": None}, "options", "an object"),
        ({"options": [["delimiter", "tab"]]}, "options", "an object"),
        ({"format": "xlsx", "options": {"delimiter": "tab"}}, "options.delimiter",
         ["Files of the format xlsx have no delimiter", "profile, header"]),
        ({"format": "tsv", "options": {"delimiter": "tab"}}, "options.delimiter",
         ["Files of the format tsv have no delimiter", "profile, encoding, line_end"]),
        ({"format": "jsonl.gz", "options": {"header": "none"}}, "options.header",
         ["Files of the format jsonl.gz have no header", "Choose from: profile."]),
        ({"format": "parquet", "options": {"encoding": "utf-8"}}, "options.encoding",
         "Files of the format parquet have no encoding"),
        ({"format": "xlsx.gz"}, "format", ["'xlsx.gz'", "csv, csv.gz"]),
        ({"delimiter": "tab"}, "delimiter", ["'delimiter'", "format, columns, labels, options"]),
    ],
)  # fmt: skip
def test_what_a_program_may_not_ask(alice, orders, wanted, field, words):
    assert_problem(Program(alice).post(ORDERS, wanted), 422, **{field: words})
    assert not ReportJob.objects.exists()


def test_an_option_called_cls_is_unknown_like_any_other(alice, orders):
    assert_problem(Program(alice).post(ORDERS, {"options": {"cls": 1}}), 422, options="'cls'")


def test_what_a_program_leaves_open_is_as_if_it_were_not_there(alice, orders):
    options = dict.fromkeys(name for name in CHOICES if name != "profile")
    assert Program(alice).post(ORDERS, {"options": options}).status_code == 202
    assert ReportJob.objects.get().spec["options"] == {"profile": "machine"}


def test_a_german_spreadsheet_by_json(alice, orders):
    made = by_json(
        alice, columns=["number", "total"], options={"profile": "spreadsheet"}, language="de",
        parameters={"minimum": 20},
    )  # fmt: skip
    lines = made.decode("utf-8-sig").splitlines()
    assert lines[1:] == ["A00020;20,50"]


# The command


@pytest.mark.parametrize("option", list(CHOICES))
def test_a_wrong_option_at_the_command_names_the_legal_ones(orders, tmp_path, option):
    with pytest.raises(CommandError) as refusal:
        by_command(tmp_path, *as_arguments({option: "nonsense"}))
    legal = ", ".join(CHOICES[option].values)
    assert str(refusal.value) == f"There is no {option} 'nonsense'. Choose from: {legal}."
    assert list(tmp_path.glob("made*")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "xlsx", "--delimiter", "tab"],
         "Files of the format xlsx have no delimiter. Choose from: profile, header."),
        (["--format", "xlsx.zip"], "There is no format 'xlsx.zip'. Choose from: csv, csv.gz, "),
        (["--time-zone", "Mars/Base"], "There is no time zone 'Mars/Base'; give an IANA name"),
        (["--language", "xx"], "There is no language 'xx'. Choose from: "),
        (["--delimiter", ""], "--delimiter is empty."),
    ],
)  # fmt: skip
def test_what_cannot_be_at_the_command(orders, tmp_path, arguments, said):
    with pytest.raises(CommandError) as refusal:
        by_command(tmp_path, *arguments)
    assert str(refusal.value).startswith(said)
    assert list(tmp_path.glob("made*")) == []


def test_time_zone_and_language_at_the_command(orders, tmp_path):
    made = by_command(
        tmp_path, "--profile", "spreadsheet", "--time-zone", "America/New_York",
        "--language", "de", "--columns", "total,placed_at,is_paid", "--param", "minimum=20",
    )  # fmt: skip
    lines = made.decode("utf-8-sig").splitlines()
    assert lines[0].endswith("(America/New_York);Paid")
    assert lines[1:] == ["20,50;2026-01-02 03:00:00;Nein"]


def test_without_them_they_are_the_projects(orders, tmp_path, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    made = by_command(tmp_path, "--columns", "placed_at", "--param", "minimum=20")
    assert made == b"placed_at\r\n2026-01-02T17:00:00+09:00\r\n"


def test_an_unknown_option_is_no_option_of_the_command(orders, tmp_path):
    with pytest.raises(CommandError, match="unrecognized arguments: --separator=tab"):
        by_command(tmp_path, "--separator=tab")


# The OpenAPI document


def test_the_document_describes_them(alice, orders):
    document = Program(alice).get("/reports/openapi.json").json()
    post = document["paths"]["/shop.orders/"]["post"]
    asked = post["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert [one["const"] for one in asked["format"]["oneOf"]] == FORMATS
    described = asked["options"]["properties"]
    assert list(described) == list(CHOICES)
    for name, choices in CHOICES.items():
        if name != "profile":
            assert described[name] == {"enum": [*choices.values, None]}
    assert asked["options"]["additionalProperties"] is False
    answered = document["components"]["schemas"]["Report"]["properties"]
    assert list(answered["options"]["properties"]) == list(CHOICES)
    assert answered["formats"]["items"]["required"] == ["name", "label", "options"]
