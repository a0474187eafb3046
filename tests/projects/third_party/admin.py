"""Each package's admin twice: as it is, and with the mixin in front."""

import os
from importlib import import_module

from adminsortable2.admin import SortableAdminMixin
from django.contrib import admin
from guardian.admin import GuardedModelAdmin
from import_export.admin import ImportExportModelAdmin
from modeltranslation.admin import TranslationAdmin
from mptt.admin import DraggableMPTTAdmin, MPTTModelAdmin
from nested_admin import NestedModelAdmin, NestedStackedInline
from parler.admin import TranslatableAdmin
from polymorphic.admin import (
    PolymorphicChildModelAdmin,
    PolymorphicChildModelFilter,
    PolymorphicParentModelAdmin,
)
from rangefilter.filters import DateRangeFilterBuilder, NumericRangeFilterBuilder
from reversion.admin import VersionAdmin
from safedelete.admin import SafeDeleteAdmin, SafeDeleteAdminFilter
from simple_history.admin import SimpleHistoryAdmin
from treebeard.admin import TreeAdmin
from treebeard.forms import movenodeform_factory

from django_reports.admin import ReportAdminMixin
from tests.projects.third_party import models

THEME = os.environ.get("PROJECT_THEME")
# A theme's own ModelAdmin, where it has one.
Base = import_module("unfold.admin").ModelAdmin if THEME == "unfold" else admin.ModelAdmin

plain_site = admin.site.__class__("plain")  # a theme may have its own class


class Listed:
    list_display = ["id", "name", "amount", "day"]
    list_filter = ["amount"]
    search_fields = ["name"]
    list_per_page = 7


class PieceInline(NestedStackedInline):
    model = models.Piece


class PartInline(NestedStackedInline):
    model = models.Part
    inlines = [PieceInline]


class NestedAdmin(Listed, NestedModelAdmin):
    inlines = [PartInline]


class ParlerAdmin(Listed, TranslatableAdmin):
    list_display = [*Listed.list_display, "title"]


class PolymorphicAdmin(Listed, PolymorphicParentModelAdmin):
    base_model = models.Polymorphic
    child_models = [models.Round, models.Square]
    list_filter = ["amount", PolymorphicChildModelFilter]


class RoundAdmin(Listed, PolymorphicChildModelAdmin):
    base_model = models.Polymorphic
    list_display = ["id", "name", "amount", "day", "radius"]


class SquareAdmin(Listed, PolymorphicChildModelAdmin):
    base_model = models.Polymorphic


class DraggedMpttAdmin(Listed, DraggableMPTTAdmin):
    list_display = ["tree_actions", "indented_title", *Listed.list_display]
    list_display_links = ["indented_title"]
    list_per_page = 200  # it shows whole trees


class TreebeardAdmin(Listed, TreeAdmin):
    form = movenodeform_factory(models.Treebeard)


class RangeFilterAdmin(Listed, admin.ModelAdmin):
    list_filter = [("day", DateRangeFilterBuilder()), ("amount", NumericRangeFilterBuilder())]


class ModelTranslationAdmin(Listed, TranslationAdmin):
    list_display = ["id", "title", "name", "amount", "day", "email"]


class SafeDeletedAdmin(Listed, SafeDeleteAdmin):
    list_filter = ["amount", SafeDeleteAdminFilter]
    field_to_highlight = "id"


class MoneyAdmin(Listed, admin.ModelAdmin):
    list_display = [*Listed.list_display, "price"]


ADMINS = {
    models.ImportExport: ImportExportModelAdmin,
    models.SimpleHistory: SimpleHistoryAdmin,
    models.Reversion: VersionAdmin,
    models.Guardian: GuardedModelAdmin,
    models.Nested: NestedAdmin,
    models.Parler: ParlerAdmin,
    models.Polymorphic: PolymorphicAdmin,
    models.Round: RoundAdmin,
    models.Square: SquareAdmin,
    models.Mptt: MPTTModelAdmin,
    models.DraggedMptt: DraggedMpttAdmin,
    models.Treebeard: TreebeardAdmin,
    models.RangeFilter: RangeFilterAdmin,
    models.ModelTranslation: ModelTranslationAdmin,
    models.SafeDelete: SafeDeletedAdmin,
    models.Sortable: (SortableAdminMixin, admin.ModelAdmin),
    models.Unfold: Base,
    models.Jazzmin: Base,
    models.Money: MoneyAdmin,
}

for model, theirs in ADMINS.items():
    bases = theirs if isinstance(theirs, tuple) else (theirs,)
    if not issubclass(bases[0], Listed):
        bases = (Listed, *bases)
    plain_site.register(model, type(f"Plain{model.__name__}Admin", bases, {}))
    admin.site.register(model, type(f"{model.__name__}ReportAdmin", (ReportAdminMixin, *bases), {}))
