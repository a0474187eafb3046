from django.contrib import admin

from django_reports.admin import ReportAdminMixin
from tests.projects.inheritance.models import Pizzeria, Place, Restaurant
from tests.projects.inheritance.reports import Pizzerias, Places, Restaurants


@admin.register(Place)
class PlaceAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Places]
    list_filter = ["restaurant__stars"]


@admin.register(Restaurant)
class RestaurantAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Restaurants]
    list_display = ["name", "city", "stars"]
    list_filter = ["city"]
    search_fields = ["name"]


@admin.register(Pizzeria)
class PizzeriaAdmin(ReportAdminMixin, admin.ModelAdmin):
    reports = [Pizzerias]
