"""What all jobs about the library's files need of the service."""

from __future__ import annotations

from typing import Protocol

from desktop.core.jobs.handlers.duplicates import Host as DuplicatesHost
from desktop.core.jobs.handlers.move import Host as MoveHost
from desktop.core.jobs.handlers.verify import Host as VerifyHost


class LibraryHost(VerifyHost, MoveHost, DuplicatesHost, Protocol):
    """All at once, as the service has it."""
