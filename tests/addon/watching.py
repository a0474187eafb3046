ended = []  # the keys of jobs


def note_end(sender, job, **kwargs):
    ended.append(job.pk)
