"""The test project with its reports in S3: options of the storage by TEST_S3, as JSON."""

import json
import os

from boto3.s3.transfer import TransferConfig
from django.conf import global_settings

from tests.settings import *  # noqa: F403

STORAGES = {
    **global_settings.STORAGES,
    "reports": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "max_memory_size": 1024 * 1024,
            "transfer_config": TransferConfig(use_threads=False),
            **json.loads(os.environ.get("TEST_S3", "{}")),
        },
    },
}
