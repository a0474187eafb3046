"""Presets on the export page: saved, renamed, deleted, and applied."""

from dataclasses import dataclass

from django.db import IntegrityError, router, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_reports.access.permissions import groups_of, may_change_preset, visible_presets
from django_reports.definitions.base import Report
from django_reports.definitions.specs import ExportSpec
from django_reports.exceptions import ReportError
from django_reports.exports.saved_options import choices_of
from django_reports.models import Preset
from django_reports.models.presets import NAME_LENGTH

SAVE = "_save_preset"
APPLY = "_preset"
RENAME = "_rename_preset"
DELETE = "_delete_preset"
NAME = "_preset_name"
GROUP = "_preset_group"


class PresetError(ReportError):
    """What is wrong with what was asked of a preset, in words."""


@dataclass(frozen=True)
class PresetChoice:
    """A preset as its reader sees it."""

    preset: Preset
    is_own: bool


def presets_of(request: HttpRequest, report: Report) -> list[PresetChoice]:
    found = visible_presets(request.user, report)
    return [PresetChoice(preset, may_change_preset(request.user, preset)) for preset in found]


def wanted(request: HttpRequest, report: Report, button: str) -> Preset:
    """The preset that a button names. Raises PresetError if it is not there for this person."""
    seen = visible_presets(request.user, report)
    found = seen.filter(pk=_key(request.POST.get(button, ""))).first()
    if found is None or (button != APPLY and not may_change_preset(request.user, found)):
        raise PresetError(_("This preset is no longer there."))
    return found


def save(request: HttpRequest, report: Report, spec: ExportSpec) -> str:
    """Keep the choices under the name that was typed, in place of what has it. Says so."""
    name = _name(request.POST.get(NAME, ""))
    key = request.POST.get(GROUP, "")
    group = groups_of(request.user).filter(pk=_key(key)).first() if key else None
    if key and group is None:
        raise PresetError(_("You can share a preset with a group that you are in."))
    Preset.objects.update_or_create(
        owner_id=request.user.pk,
        report=report.get_identifier(),
        name=name,
        defaults={"choices": choices_of(spec), "group": group},
    )
    return _("Your choices are saved as “%(name)s”.") % {"name": name}


def rename(request: HttpRequest, report: Report) -> str:
    preset = wanted(request, report, RENAME)
    preset.name = _name(request.POST.get(f"{NAME}_{preset.pk}", ""))
    try:
        with transaction.atomic(using=router.db_for_write(Preset)):
            preset.save(update_fields=["name"])
    except IntegrityError as error:
        message = _("You have another preset with the name “%(name)s”.")
        raise PresetError(message % {"name": preset.name}) from error
    return _("The preset is called “%(name)s” now.") % {"name": preset.name}


def delete(request: HttpRequest, report: Report) -> str:
    preset = wanted(request, report, DELETE)
    preset.delete()
    return _("The preset “%(name)s” is deleted.") % {"name": preset.name}


def _key(text: str) -> int:
    """A key as a form sends it; of what is none, one that no row has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise PresetError(
            _("Give the preset a name of at most %(limit)s characters.") % {"limit": NAME_LENGTH}
        )
    return name
