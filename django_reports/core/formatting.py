"""Numbers as people read them."""

from django.utils.formats import number_format


def grouped(number: int) -> str:
    """The digits in groups, as the language in force writes them: 1,234 or 1.234."""
    return str(number_format(number, force_grouping=True))
