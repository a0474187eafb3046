from modeltranslation.translator import TranslationOptions, register

from tests.projects.third_party.models import ModelTranslation


@register(ModelTranslation)
class Options(TranslationOptions):
    fields = ["title"]
