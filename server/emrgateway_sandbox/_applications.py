"""Which applications exist."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from . import _moto
from ._caller import Caller
from ._errors import not_found, validation

RELEASE_LABEL: Final = "emr-7.10.0"  # the last that takes 0 for "never", as many real requests do


@dataclass(frozen=True, slots=True)
class Application:
    """An application, of what a job run takes over from it; `type` is None where any driver will do."""

    application_id: str
    release_label: str = RELEASE_LABEL
    type: str | None = None
    network_configuration: dict[str, list[str]] | None = None


class Applications:
    """Those that were named, or every id if none was; and in any case those that were created through moto."""

    def __init__(self, named: Collection[str]) -> None:
        self._named = frozenset(named)

    def find(self, caller: Caller, application_id: str) -> Application:
        """Find an application; raises AwsError (ResourceNotFoundException) if there is none."""
        created = _moto.application(caller.account, caller.region, application_id)
        if created is not None:
            return Application(application_id, created.release_label, created.type, created.network_configuration)
        if self._named and application_id not in self._named:
            raise not_found("Application", application_id)
        return Application(application_id)

    def find_to_start(self, caller: Caller, application_id: str) -> Application:
        """Find an application that takes job runs; a terminated one takes none (ValidationException)."""
        application = self.find(caller, application_id)
        created = _moto.application(caller.account, caller.region, application_id)
        if created is not None and created.state == "TERMINATED":
            raise validation(f"Application {application_id} is terminated")
        return application
