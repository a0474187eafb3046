from django_reports import Column, Report, register


@register
class Squares(Report):
    identifier = "addon.squares"
    permission = "shop.view_order"
    columns = [Column("n"), Column("square", value=lambda row: row["n"] ** 2, fields=["n"])]

    def rows(self, context):
        yield from ({"n": n} for n in range(3))
