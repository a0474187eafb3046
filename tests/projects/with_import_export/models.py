from django.db import models


class Work(models.Model):
    title = models.CharField(max_length=50)
    year = models.IntegerField()

    class Meta:
        abstract = True


class Book(Work):
    pass


class Film(Work):
    pass


class Song(Work):
    pass


class Play(Work):
    pass
