"""From the settings to the targets: whom the gateway may call, by which credentials, and how fast."""

from __future__ import annotations

from emrgateway_server.emr import AssumedRole, Rate, Target, Targets, Traffic
from emrgateway_server.places import share
from emrgateway_server.settings import Settings, TargetSettings
from emrgateway_server.yamlfile import ConfigurationError, Problem


def targets(settings: Settings, version: str) -> Targets:
    """The targets of a configuration; `ConfigurationError` where no client can be made of one."""
    limits = settings.limits
    traffic = Traffic(
        replicas=settings.replicas, most_waiting=limits.queue_per_target, most_at_once=share(limits.max_in_flight)
    )
    rates: dict[tuple[str, str], dict[str, Rate]] = {}
    for target in settings.targets:
        shared = rates.setdefault((target.account, target.region), {})
        shared.update({name: Rate(rate.per_second, rate.burst) for name, rate in target.rates.items()})
    try:
        made = [_target(target, traffic, rates[target.account, target.region], version) for target in settings.targets]
    except ValueError as error:
        # The file was checked: what botocore dislikes is in AWS_*, or in AWS's own files, and ends the first target.
        raise ConfigurationError([Problem("AWS", 0, 0, str(error))]) from error
    return Targets(made, traffic)


def _target(target: TargetSettings, traffic: Traffic, rates: dict[str, Rate], version: str) -> Target:
    role = target.assume_role
    return Target(
        name=target.name,
        account=target.account,
        region=target.region,
        endpoint_url=target.endpoint_url,
        applications=target.applications,
        version=version,
        traffic=traffic,
        rates=rates,
        role=None if role is None else AssumedRole(role.role_arn, role.external_id, role.session_name),
    )
