"""Encodings and the other options of text formats, to the byte."""

import csv
import io
import random
import re
from decimal import Decimal
from pathlib import Path

import pytest

from django_reports.core.choices import Encoding
from django_reports.definitions import kinds
from django_reports.definitions.specs import CHOICES, ExportSpec, Options
from django_reports.engine.writers import writer_for
from django_reports.engine.writers.encoding import Encoder
from django_reports.jobs import files
from django_reports.jobs.dispatch import enqueue
from tests.entry_points.helpers import asking, browse, run
from tests.entry_points.staff import page_of
from tests.sheets import column
from tests.shop.models import Order

DOCS = Path(__file__).resolve().parent.parent / "docs" / "files.md"
encodings = pytest.mark.parametrize("encoding", Encoding, ids=lambda encoding: encoding.value)

# A text that each one has, and its bytes; a character that it lacks, and what stands in its place.
SAMPLES = {
    "utf-8": ("é漢", b"\xc3\xa9\xe6\xbc\xa2", "\ud800", b"\xef\xbf\xbd"),
    "utf-8-sig": ("é漢", b"\xc3\xa9\xe6\xbc\xa2", "\ud800", b"\xef\xbf\xbd"),
    "cp1252": ("€é", b"\x80\xe9", "漢", b"?"),
    "iso-8859-1": ("é¤", b"\xe9\xa4", "€", b"?"),
    "iso-8859-15": ("é€", b"\xe9\xa4", "漢", b"?"),
    "cp1250": ("łř", b"\xb3\xf8", "漢", b"?"),
    "cp1251": ("Жя", b"\xc6\xff", "漢", b"?"),
    "cp1253": ("αΩ", b"\xe1\xd9", "漢", b"?"),
    "cp1254": ("ğİ", b"\xf0\xdd", "漢", b"?"),
    "cp1255": ("אב", b"\xe0\xe1", "漢", b"?"),
    "cp1256": ("اب", b"\xc7\xc8", "漢", b"?"),
    "cp1257": ("ąž", b"\xe0\xfe", "漢", b"?"),
    "shift_jis": ("表ア", b"\x95\x5c\x83\x41", "é", b"?"),
    "cp932": ("表①", b"\x95\x5c\x87\x40", "é", b"?"),
    "euc_jp": ("表ア", b"\xc9\xbd\xa5\xa2", "😀", b"?"),
    "gb18030": ("汉€", b"\xba\xba\xa2\xe3", "\ud800", b"\x84\x31\xa4\x37"),
    "big5": ("許功", b"\xb3\x5c\xa5\x5c", "é", b"?"),
    "cp949": ("한똠", b"\xc7\xd1\x8c\x63", "é", b"?"),
}


def writer(*columns, format="csv", language="en", **options):
    spec = ExportSpec(
        "shop.orders",
        options=Options(**{"profile": "machine", **options}),
        language=language,
        time_zone="Europe/Berlin",
    )
    return writer_for(format)(columns, spec.rendering, "Title", layout=spec.layout)


def file_of(columns, rows, **options):
    made = writer(*columns, **options)
    return made.begin() + made.write(rows) + b"".join(made.end())


def texts(*names):
    return [column(name, kinds.Text()) for name in names]


# Encodings


def test_every_encoding_has_a_sample():
    assert list(SAMPLES) == Encoding.values


@encodings
def test_what_it_has_is_written(encoding):
    text, raw, _lacking, _mark = SAMPLES[encoding]
    made = writer(*texts("a"), encoding=encoding)
    assert made.write([(f"x{text}",)]) == b"x" + raw + b"\r\n"
    assert made.losses == {}


@encodings
def test_what_it_lacks_is_replaced_and_counted(encoding):
    text, raw, lacking, mark = SAMPLES[encoding]
    made = writer(*texts("a", "b"), encoding=encoding)
    assert made.write([(f"?{lacking}{text}{lacking}", "x")]) == (
        b"?" + mark + raw + mark + b",x\r\n"
    )
    assert made.losses == {"replaced_characters": 2}
    made.write([(lacking, "?")])
    assert made.losses == {"replaced_characters": 3}


@encodings
def test_labels_are_replaced_and_counted_too(encoding):
    lacking, mark = SAMPLES[encoding][2:]
    made = writer(column("a", label=f"L{lacking}"), encoding=encoding, header="labels")
    assert made.begin().removeprefix(b"\xef\xbb\xbf") == b"L" + mark + b"\r\n"
    assert made.losses == {"replaced_characters": 1}


@encodings
def test_export_is_finished_whatever_its_texts_are(encoding, alice, orders):
    """A job whose report has every kind of script in it."""
    everything = "".join(text for text, *_ in SAMPLES.values()) + "😀"
    Order.objects.filter(pk=orders[0].pk).update(number=everything)
    spec = ExportSpec(
        "shop.orders",
        columns=("number",),
        options=Options(profile="machine", encoding=encoding),
    )
    job = run(enqueue(spec, *asking(alice)))
    assert (job.status, job.rows_done, job.error) == ("succeeded", 20, "")
    with files.open_file(job) as file:
        first = file.read().decode(encoding.value).split("\r\n")[1]
    is_whole = encoding in ("utf-8", "utf-8-sig", "gb18030")
    assert is_whole is (first == everything)
    assert len(first) == len(everything)
    assert job.losses == ({} if is_whole else {"replaced_characters": first.count("?")})
    page = browse(alice).get(page_of(job)).content.decode()
    assert ("characters that the file cannot hold were replaced" in page) is not is_whole


def codec_of(encoding):
    return "utf-8" if encoding == "utf-8-sig" else encoding.value


def codec_characters(encoding):
    """What of the first plane, and of those beyond it, Python's codec takes, with its bytes."""
    for number in [*range(0x10000), 0x1F600, 0x20000, 0x20BB7, 0x2F9F4, 0x10FFFF]:
        try:
            yield chr(number), chr(number).encode(codec_of(encoding))
        except UnicodeEncodeError:
            continue


def characters_of(encoding):
    """Of these, what is read back as it was written."""
    codec = codec_of(encoding)
    return [(text, raw) for text, raw in codec_characters(encoding) if raw.decode(codec) == text]


@encodings
def test_ascii_is_ascii(encoding):
    found = dict(characters_of(encoding))
    assert [found[chr(number)] for number in range(128)] == [bytes([n]) for n in range(128)]


@encodings
def test_no_byte_of_another_character_means_something_in_csv(encoding):
    """Neither a separator, nor a quotation mark, nor a line end, nor what begins a formula."""
    written = [(text, Encoder(encoding).encode(text)) for text, _ in codec_characters(encoding)]
    found = [(character, raw) for character, raw in written if character > "\x7f" and raw != b"?"]
    assert len(found) >= 100
    assert [character for character, raw in found if set(raw) & set(b',;\t"\r\n')] == []
    assert [character for character, raw in found if raw[:1] in b"=+-@'\t\r\n"] == []


@encodings
def test_characters_do_not_depend_on_their_neighbours(encoding):
    chance = random.Random(7)
    found = characters_of(encoding)
    chance.shuffle(found)
    whole = "".join(character for character, _raw in found)
    encoder = Encoder(encoding)
    assert encoder.encode(whole) == b"".join(raw for _character, raw in found)
    assert encoder.replaced == 0


@encodings
def test_what_does_not_come_back_is_counted(encoding):
    silent = []
    for character, _raw in codec_characters(encoding):
        encoder = Encoder(encoding)
        read = encoder.encode(character).decode(codec_of(encoding))
        if read != character and not encoder.replaced:
            silent.append(character)
    assert silent == []


@pytest.mark.parametrize(
    ("encoding", "lacking"),
    [("shift_jis", "¥‾"), ("euc_jp", "¥‾"), ("cp932", "¢£¬‖−〜")],
)
def test_what_a_codec_would_write_as_another_character_is_replaced(encoding, lacking):
    made = writer(*texts("a"), encoding=encoding)
    assert made.write([(f"x{lacking}",)]) == b"x" + b"?" * len(lacking) + b"\r\n"
    assert made.losses == {"replaced_characters": len(lacking)}


@encodings
def test_file_is_read_back_by_csv(encoding):
    """Random texts of everything that the encoding has, with all that CSV must quote."""
    chance = random.Random(11)
    alphabet = [character for character, raw in characters_of(encoding)]
    alphabet += [',;\t"\r\n '] * (len(alphabet) // 40)
    rows = [
        tuple("x" + "".join(chance.choices(alphabet, k=chance.randint(0, 12))) for _ in "abc")
        for _ in range(300)
    ]
    for options in ({}, {"delimiter": "semicolon"}, {"delimiter": "tab"}, {"quoting": "all"}):
        raw = file_of(texts("a", "b", "c"), rows, encoding=encoding, **options)
        sign = {"semicolon": ";", "tab": "\t"}.get(options.get("delimiter"), ",")
        text = io.StringIO(raw.decode(encoding.value), newline="")
        assert list(map(tuple, csv.reader(text, delimiter=sign))) == [("a", "b", "c"), *rows]


def test_byte_order_mark_stands_once_and_without_a_header_too():
    made = writer(*texts("a"), encoding="utf-8-sig", header="none")
    assert [made.begin(), made.write([("x",)]), made.write([("y",)])] == [
        b"\xef\xbb\xbf",
        b"x\r\n",
        b"y\r\n",
    ]


# The other options


COLUMNS = [
    column("name", kinds.Text(), "The name"),
    column("amount", kinds.Decimal(2), "=Amount"),
]
ROWS = [("a;b", Decimal("1.50")), ('say "hi"', Decimal(-2)), ("a,b\tc", None)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, b'name,amount\r\na;b,1.50\r\n"say ""hi""",-2.00\r\n"a,b\tc",\r\n'),
        (
            {"delimiter": "comma", "line_end": "crlf", "quoting": "minimal", "decimal": "point"},
            b'name,amount\r\na;b,1.50\r\n"say ""hi""",-2.00\r\n"a,b\tc",\r\n',
        ),
        (
            {"delimiter": "semicolon"},
            b'name;amount\r\n"a;b";1.50\r\n"say ""hi""";-2.00\r\na,b\tc;\r\n',
        ),
        (
            {"delimiter": "tab"},
            b'name\tamount\r\na;b\t1.50\r\n"say ""hi"""\t-2.00\r\n"a,b\tc"\t\r\n',
        ),
        ({"line_end": "lf"}, b'name,amount\na;b,1.50\n"say ""hi""",-2.00\n"a,b\tc",\n'),
        (
            {"quoting": "all"},
            b'"name","amount"\r\n"a;b","1.50"\r\n"say ""hi""","-2.00"\r\n"a,b\tc",""\r\n',
        ),
        ({"header": "none"}, b'a;b,1.50\r\n"say ""hi""",-2.00\r\n"a,b\tc",\r\n'),
        (
            {"header": "labels"},
            b'The name,\'=Amount\r\na;b,1.50\r\n"say ""hi""",-2.00\r\n"a,b\tc",\r\n',
        ),
        (
            {"decimal": "comma"},
            b'name,amount\r\na;b,"1,50"\r\n"say ""hi""","-2,00"\r\n"a,b\tc",\r\n',
        ),
        (
            {"decimal": "comma", "delimiter": "semicolon", "line_end": "lf", "quoting": "all"},
            b'"name";"amount"\n"a;b";"1,50"\n"say ""hi""";"-2,00"\n"a,b\tc";""\n',
        ),
    ],
)
def test_options_to_the_byte(options, expected):
    assert file_of(COLUMNS, ROWS, **options) == expected


@pytest.mark.parametrize(
    ("language", "options", "expected"),
    [
        ("en", {}, b"\xef\xbb\xbfThe name,'=Amount\r\nx,1.50\r\n"),
        ("en-us", {}, b"\xef\xbb\xbfThe name,'=Amount\r\nx,1.50\r\n"),
        ("ja", {}, b"\xef\xbb\xbfThe name,'=Amount\r\nx,1.50\r\n"),
        ("de", {}, b"\xef\xbb\xbfThe name;'=Amount\r\nx;1,50\r\n"),
        ("fr", {}, b"\xef\xbb\xbfThe name;'=Amount\r\nx;1,50\r\n"),
        ("pt-br", {}, b"\xef\xbb\xbfThe name;'=Amount\r\nx;1,50\r\n"),
        ("de", {"delimiter": "comma"}, b'\xef\xbb\xbfThe name,\'=Amount\r\nx,"1,50"\r\n'),
        ("de", {"decimal": "point"}, b"\xef\xbb\xbfThe name;'=Amount\r\nx;1.50\r\n"),
        ("en", {"decimal": "comma"}, b'\xef\xbb\xbfThe name,\'=Amount\r\nx,"1,50"\r\n'),
        ("de", {"encoding": "cp1252", "header": "names"}, b"name;amount\r\nx;1,50\r\n"),
        ("de", {"profile": "machine"}, b"name,amount\r\nx,1.50\r\n"),
    ],
)
def test_spreadsheets_of_a_language(language, options, expected):
    rows = [("x", Decimal("1.50"))]
    options = {"profile": "spreadsheet", **options}
    assert file_of(COLUMNS, rows, language=language, **options) == expected


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        (kinds.Float(), -1.5e-07, b"-1,5e-07\r\n"),
        (kinds.Float(), float("nan"), b"NaN\r\n"),
        (kinds.Integer(), -5, b"-5\r\n"),
        (kinds.Auto(), Decimal("0.1"), b"0,1\r\n"),
        (kinds.Text(), "1.5", b"1.5\r\n"),
        (kinds.Json(), {"a": 1.5}, b'"{""a"": 1.5}"\r\n'),
        (kinds.List(kinds.Float()), [1.5], b"[1.5]\r\n"),
    ],
)
def test_decimal_mark_is_for_numbers_alone(kind, value, written):
    made = writer(column("a", kind), decimal="comma", delimiter="semicolon")
    assert made.write([(value,)]) == written


@pytest.mark.parametrize("line_end", ["crlf", "lf"])
@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\r\nb", "a\r", "a\n", "x\r\r\ny"])
def test_line_breaks_of_a_text_stay(line_end, text):
    end = {"crlf": b"\r\n", "lf": b"\n"}[line_end]
    raw = file_of(texts("a", "b"), [(text, "c")], line_end=line_end)
    assert raw == b"a,b" + end + b'"' + text.encode() + b'",c' + end
    lines = csv.reader(io.StringIO(raw.decode(), newline=""))
    assert list(lines) == [["a", "b"], [text, "c"]]


def test_several_rows_with_lone_carriage_returns_between_line_feeds():
    rows = [("a\rb", "c"), ("\r", "d"), ("e", "f\r")]
    raw = file_of(texts("a", "b"), rows, line_end="lf", header="none")
    assert raw == b'"a\rb",c\n"\'\r",d\ne,"f\r"\n'
    assert list(csv.reader(io.StringIO(raw.decode(), newline=""))) == [
        ["a\rb", "c"],
        ["'\r", "d"],
        ["e", "f\r"],
    ]


def test_tsv():
    rows = [("a,b;c", Decimal("1.50")), ("a\tb", None)]
    assert file_of(COLUMNS, rows, format="tsv") == (b'name\tamount\r\na,b;c\t1.50\r\n"a\tb"\t\r\n')
    assert file_of(COLUMNS, rows, format="tsv", language="de", profile="spreadsheet") == (
        b'\xef\xbb\xbfThe name\t\'=Amount\r\na,b;c\t1,50\r\n"a\tb"\t\r\n'
    )


@pytest.mark.parametrize("options", [{}, {"delimiter": "tab"}])
def test_lone_empty_field_is_a_row(options):
    assert file_of(texts("a"), [(None,), ("",)], **options) == b'a\r\n""\r\n""\r\n'


# In the docs


def table_below(heading):
    """The cells of the first table below a heading of docs/files.md, without its header."""
    section = DOCS.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


def test_encodings_of_the_docs():
    rows = table_below("Encodings")
    assert [row[0] for row in rows] == [f"`{name}`" for name in Encoding.values]
    for name, _for, mark in rows:
        encoder = Encoder(Encoding(name.strip("`")))
        assert mark.startswith(f"`{encoder.mark}`")
        encoder.encode("😀漢éЖ")
        assert ("lone surrogates only" in mark) is (encoder.replaced == 0)


def names_in(cell):
    return re.findall(r"`([\w.-]+)`", cell)


def test_options_of_the_docs():
    rows = {names_in(row[0])[0]: row[1:] for row in table_below("Options")}
    assert list(rows) == list(CHOICES)
    english = {profile: Options(profile=profile).settled("en") for profile in ("machine",
               "spreadsheet")}  # fmt: skip
    german = Options(profile="spreadsheet").settled("de")
    for name, (values, machine, spreadsheet, formats) in rows.items():
        if name != "encoding":
            assert names_in(values) == CHOICES[name].values
        if name != "profile":
            assert names_in(machine) == [getattr(english["machine"], name)]
            expected = [getattr(english["spreadsheet"], name), getattr(german, name)]
            assert names_in(spreadsheet) == list(dict.fromkeys(expected))
        heeding = [
            f for f in ("csv", "tsv", "xlsx", "jsonl", "parquet")
            if name in writer_for(f).option_names
        ]  # fmt: skip
        assert heeding == (names_in(formats) or ["csv", "tsv", "xlsx", "jsonl", "parquet"])
