"""Rows in one database, jobs and rights in another."""

import pytest

pytestmark = pytest.mark.integration

HEADER = "number,customer__name,margin"
ROWS = [f"A{n:05},{'Böb' if n % 2 else 'Ann'},{n / 2 + 0.5:.2f}" for n in range(1, 9)]
COLUMNS = ["number", "customer__name", "margin"]


def test_rows_of_another_database(start):
    site = start("two_databases", second_database="shop")
    assert "shop_order" not in site.tables()
    alice = site.person("alice")

    # At once and in the background, filtered and ordered through a relation.
    north = alice.by_admin("shop/order", "?region__exact=n&o=2.1", columns=COLUMNS)
    assert north == [HEADER, *ROWS[0::2]]
    assert alice.by_admin("shop/order", columns=COLUMNS) == [HEADER, *ROWS[::-1]]
    ticked = {"_selected_action": ["2", "5", "7"], "_across": ""}
    found = alice.by_admin("shop/order", "?region__exact=n", columns=COLUMNS, **ticked)
    assert found == [HEADER, ROWS[6], ROWS[4]]

    assert alice.by_page("shop.orders", columns=COLUMNS) == [HEADER, *ROWS]
    few = {"parameter-region": "s"}
    assert alice.by_page("shop.orders", columns=COLUMNS, **few) == [HEADER, *ROWS[1::2]]
    assert alice.by_json("shop.orders", columns=COLUMNS) == [HEADER, *ROWS]

    made = site.rows("SELECT execution, status FROM django_reports_reportjob ORDER BY created_at")
    assert made == [
        ("immediate", "succeeded"),
        ("background", "succeeded"),
        ("immediate", "succeeded"),
        ("background", "succeeded"),
        ("immediate", "succeeded"),
        ("background", "succeeded"),
    ]
    assert site.manage("export_report", "shop.orders", "--columns", ",".join(COLUMNS),
                       "--output", "-").splitlines() == [HEADER, *ROWS]  # fmt: skip
