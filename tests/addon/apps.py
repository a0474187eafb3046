from django.apps import AppConfig


class AddonConfig(AppConfig):
    name = "tests.addon"
    label = "reports_addon"

    def ready(self):
        from django_reports import register_writer
        from django_reports.signals import job_finished
        from tests.addon.pipes import PipesWriter
        from tests.addon.watching import note_end

        register_writer(PipesWriter)
        job_finished.connect(note_end, dispatch_uid="tests.addon")
