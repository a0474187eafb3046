from modeltranslation.translator import TranslationOptions, register

from tests.projects.foreign_querysets.models import Article, Section


@register(Section)
class SectionOptions(TranslationOptions):
    fields = ["title"]


@register(Article)
class ArticleOptions(TranslationOptions):
    fields = ["title", "text"]
