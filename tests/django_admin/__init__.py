"""Runs Django's own tests of its admin with ReportAdminMixin in every ModelAdmin."""
