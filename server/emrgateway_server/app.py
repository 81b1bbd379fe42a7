"""The composition root: settings → a server that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import TypeVar

from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from emrgateway.v1 import job_run_service_pb2, policy_service_pb2
from emrgateway.v1.job_run_service_pb2_grpc import add_JobRunServiceServicer_to_server
from emrgateway.v1.policy_service_pb2_grpc import add_PolicyServiceServicer_to_server
from emrgateway_server import callers, engines, policy_metrics, telemetry, upstream
from emrgateway_server.access import Access
from emrgateway_server.audit import Audit
from emrgateway_server.certificates import Certificates
from emrgateway_server.descriptions import Descriptions
from emrgateway_server.emr import LedgerTable
from emrgateway_server.health import Health
from emrgateway_server.identity import Labels
from emrgateway_server.intake import Intake
from emrgateway_server.interceptors import LastResort, RawBytes, Traced
from emrgateway_server.job_runs import JobRuns
from emrgateway_server.ledger import WRITER_NAME, Ledger, MemoryLedger, Submissions
from emrgateway_server.listing import Listing
from emrgateway_server.owners import Owners
from emrgateway_server.places import Places
from emrgateway_server.policy_service import PolicyService
from emrgateway_server.policy_source import PolicySource
from emrgateway_server.pool import Pool
from emrgateway_server.ports import Port, ports
from emrgateway_server.probes import Probes
from emrgateway_server.runs import Runs
from emrgateway_server.service import JobRunService
from emrgateway_server.settings import Settings
from emrgateway_server.watches import Watches
from emrgateway_server.watching import LOOKER_NAME
from emrgateway_server.yamlfile import ConfigurationError, Problem

# Above max_message_bytes, so that a message that is too large is answered with what is wrong, not by the transport.
TRANSPORT_MESSAGE_BYTES = 8 * 1024 * 1024
VERSION = metadata.version("emr-gateway")
HOUR_SECONDS = 3600
LAST_WORDS_SECONDS = 0.5  # for answers that are on their way out
THREAD_NAME = "call"
OWN_SERVICES: tuple[str, ...] = (
    job_run_service_pb2.DESCRIPTOR.services_by_name["JobRunService"].full_name,
    policy_service_pb2.DESCRIPTOR.services_by_name["PolicyService"].full_name,
)
HEALTH_SERVICE: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

_log = logging.getLogger(__name__)
_One = TypeVar("_One")
_Other = TypeVar("_Other")


class App:
    """One gateway. Making it reads the policy and opens no port: `ConfigurationError` with all that is wrong."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        limits = settings.limits
        labels = Labels([(entry.match, entry.labels) for entry in settings.callers])
        self._policies, self._targets = _both(
            lambda: PolicySource(settings.policy.directory, engines.prices(settings)),
            lambda: upstream.targets(settings, VERSION),
        )
        self._submissions = Submissions(
            _ledger(settings),
            ttl_seconds=settings.ledger.ttl_hours * HOUR_SECONDS,
            token_seconds=settings.ledger.upstream_token_hours * HOUR_SECONDS,
            goes_on=settings.ledger.on_error == "continue",
        )
        self._audit = Audit(settings.audit)
        self._places = Places(limits.max_in_flight)
        self._threads = ThreadPoolExecutor(self._places.most_threads, thread_name_prefix=THREAD_NAME)
        self._pools: list[Pool] = []
        self._certificates = None if settings.tls is None else Certificates(settings.tls)
        self._health = Health(OWN_SERVICES)
        self._stopped = asyncio.Event()
        self._tokens = callers.tokens(settings.identity, labels)
        identity = callers.doors(settings, labels, self._tokens)
        intake, owners = Intake(identity, limits.max_message_bytes), Owners(labels)
        access = Access(self._policies, self._targets, owners)
        self.runs = Runs(intake, access, owners, self._audit)
        self.listing = Listing(intake, access)
        self.job_runs = JobRuns(
            intake=intake,
            owners=owners,
            policies=self._policies,
            targets=self._targets,
            submissions=self._submissions,
            audit=self._audit,
            traces_jobs=settings.telemetry.job_traceparent,
        )
        self._watches = Watches(
            intake=intake,
            access=access,
            policies=self._policies,
            most_streams=limits.max_watch_streams,
            ended=telemetry.job_ended,
        )
        self.descriptions = Descriptions(intake, self._policies)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self._audit.reopen)
        servers = [(port, self._server(port)) for port in ports(self._settings)]
        addresses = [(port.words, port.bind(server, self._certificates)) for port, server in servers]
        probes = Probes(self._settings.metrics) if self._settings.metrics else None
        if self._tokens is not None:
            await asyncio.to_thread(self._tokens.start)
        for _, server in servers:
            await server.start()
        self._health.serve()
        for words, address in addresses:
            print(f"{words} {address}", flush=True)  # noqa: T201 - the contract with whoever started us
        if probes is not None:
            probes.start()
            print(f"metrics on {probes.address}", flush=True)  # noqa: T201 - as above
        self._observe()
        files = self._settings.policy
        _log.info("policy %s from %s", self._policies.engine.digest, files.directory)
        self._policies.start(files.reload_seconds)
        if self._certificates is not None:
            self._certificates.start()
        await self._stopped.wait()
        await self._drain([server for _, server in servers], probes)

    def _server(self, port: Port) -> aio.Server:
        """One server a port, so that no port ever meets what another one's handshake has established."""
        limits = self._settings.limits
        server = aio.server(
            interceptors=[Traced(self._audit), LastResort(self._audit), RawBytes()],
            options=[
                ("grpc.max_receive_message_length", TRANSPORT_MESSAGE_BYTES),
                ("grpc.max_connection_age_ms", round(limits.max_connection_age_seconds * 1000)),
                ("grpc.max_connection_age_grace_ms", round(limits.max_deadline_seconds * 1000)),
                # Two servers on one port would share its calls between them without a word.
                ("grpc.so_reuseport", 0),
                # Clients may keep a quiet connection alive; gRPC's default answers that with GOAWAY.
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        pool = Pool(self._threads, self._places, limits, port.door)
        self._pools.append(pool)
        job_runs = JobRunService(self.job_runs, self.runs, self.listing, self._watches, pool)
        add_JobRunServiceServicer_to_server(job_runs, server)
        add_PolicyServiceServicer_to_server(PolicyService(self.descriptions, pool), server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*OWN_SERVICES, HEALTH_SERVICE, reflection.SERVICE_NAME), server)
        return server

    def _observe(self) -> None:
        """Figures that are there whenever somebody looks."""
        places, audit = self._places, self._audit
        observe = telemetry.observe
        observe("emr_gateway.throttle.queue_length", "Calls that wait for their turn.", self._targets.waiting)
        observe("emr_gateway.calls.in_flight", "Calls that have a place.", lambda: [(places.taken, {})])
        observe("emr_gateway.calls.waiting", "Calls that gave up their place to wait.", lambda: [(places.parked, {})])
        observe("emr_gateway.calls.limit", "Places there are.", lambda: [(self._settings.limits.max_in_flight, {})])
        observe("emr_gateway.audit.lost", "Audit lines never written.", lambda: [(audit.lost, {})], only_grows=True)
        kept_back = "Endings of unknown callers that the audit counts and does not write."
        observe("emr_gateway.audit.kept_back", kept_back, lambda: [(audit.kept_back, {})], only_grows=True)
        observe("emr_gateway.audit.failing", "1 while it cannot be written.", lambda: [(float(audit.is_failing), {})])
        watchers = "WatchJobRun streams that are open."
        observe("emr_gateway.watch_streams", watchers, lambda: [(self._watches.open_streams, {})])
        policy_metrics.observe(self._policies)
        for each in (self._certificates, self._tokens):
            if each is not None:
                each.observe()

    async def _drain(self, servers: Sequence[aio.Server], probes: Probes | None) -> None:
        """NOT_SERVING, a pause in which clients leave, then the calls in flight finish."""
        _log.info("draining")
        limits = self._settings.limits
        self._health.end()
        if probes is not None:
            probes.ready = False
        await asyncio.sleep(limits.drain_pause_seconds)
        # Our own calls alone: a stream of health changes lasts as long as its client likes.
        seconds = limits.drain_seconds
        await asyncio.gather(self._places.close(seconds), self._watches.close(seconds))
        for pool in self._pools:
            pool.end()
        await asyncio.gather(*(server.stop(LAST_WORDS_SECONDS) for server in servers))
        if probes is not None:
            probes.stop()
        for watching in (self._policies, self._certificates, self._tokens):
            if watching is not None:
                watching.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._submissions.close)
        await asyncio.to_thread(self._audit.close)
        self._targets.close()


def serve(settings: Settings, environment: Mapping[str, str]) -> int:
    """Run the gateway until it is told to stop; 0. `ConfigurationError` where it cannot start."""
    measuring = telemetry.configure_metrics(environment, VERSION)
    tracing = telemetry.configure_tracing(environment, VERSION)
    try:
        asyncio.run(_serve(settings))
    finally:
        telemetry.stop(measuring, *([tracing] if tracing else []))
    working = [
        thread for thread in threading.enumerate() if thread.name.startswith((THREAD_NAME, WRITER_NAME, LOOKER_NAME))
    ]
    for thread in working:
        thread.join(timeout=LAST_WORDS_SECONDS / len(working))
    if any(thread.is_alive() for thread in working):
        # Their callers were answered already, and AWS or the ledger may let them hang for a minute.
        sys.stdout.flush()
        logging.shutdown()
        os._exit(0)
    return 0


async def _serve(settings: Settings) -> None:
    await App(settings).run()


def _ledger(settings: Settings) -> Ledger:
    ledger = settings.ledger
    if ledger.kind == "memory":
        return MemoryLedger(ledger.max_entries)
    try:
        return LedgerTable(
            str(ledger.table),
            region=ledger.region,
            endpoint_url=ledger.endpoint_url,
            connections=settings.limits.max_in_flight,
        )
    except ValueError as error:
        raise ConfigurationError([Problem("ledger", 0, 0, str(error))]) from error


def _both(one: Callable[[], _One], other: Callable[[], _Other]) -> tuple[_One, _Other]:
    """What two functions make, or `ConfigurationError` with the mistakes of both."""
    try:
        made = one()
    except ConfigurationError as error:
        problems = error.problems
        try:
            other()
        except ConfigurationError as another:
            problems += another.problems
        raise ConfigurationError(problems) from error
    return made, other()
