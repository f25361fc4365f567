"""A Hugging Face hub on loopback, with every fault on request."""

from tests.helpers.hub.faults import EVIL_NAMES, Faults
from tests.helpers.hub.local import LocalHub
from tests.helpers.hub.server import Request
from tests.helpers.hub.store import Known, StoredFile, git_blob_id

__all__ = ["EVIL_NAMES", "Faults", "Known", "LocalHub", "Request", "StoredFile", "git_blob_id"]
