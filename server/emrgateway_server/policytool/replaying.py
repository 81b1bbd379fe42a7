"""`policy replay`: past requests judged again, and what would differ."""

from __future__ import annotations

import argparse
import json
import sys

from emrgateway_server import settings
from emrgateway_server.policytool import inputs, reporting
from emrgateway_server.policytool.arguments import DIFFERENT, DONE, USAGE
from emrgateway_server.policytool.comparing import Comparison
from emrgateway_server.policytool.inputs import Unusable
from emrgateway_server.policytool.rejudging import Judge, Judged, by_nobody, by_record
from emrgateway_server.policytool.samples import Sample, Unread, samples
from emrgateway_server.policytool.terminal import Paint, complain, printable, say


def run(arguments: argparse.Namespace) -> int:
    """Replay all files; the exit code."""
    config = inputs.configuration(arguments)
    policy = Judge(inputs.engine(arguments.policy, config), arguments.today)
    against = Judge(inputs.engine(arguments.against, config), arguments.today) if arguments.against else None
    caller = inputs.caller(arguments, config) if arguments.caller else None
    comparison = Comparison()
    unread = 0
    for sample in samples(arguments.files, caller):
        if isinstance(sample, Unread):
            complain(printable(sample.message))
            unread += 1
            continue
        comparison.add(sample, _before(sample, against), policy.judge(sample))
    if not (comparison.judged or unread):
        raise Unusable(f"{', '.join(arguments.files)}: error: holds no request to judge")
    report = reporting.Report(
        policy=arguments.policy,
        digest=policy.digest,
        against=arguments.against,
        against_digest=against.digest if against else None,
        unread=unread,
        comparison=comparison,
    )
    if arguments.output == "json":
        say(json.dumps(reporting.as_json(report), indent=2))
    else:
        say(reporting.as_text(report, Paint(sys.stdout, settings.environment())))
    if unread:
        return USAGE
    return DIFFERENT if comparison.differs else DONE


def _before(sample: Sample, against: Judge | None) -> Judged:
    """The side to compare with."""
    if against is not None:
        return against.judge(sample)
    return by_nobody(sample) if sample.recorded is None else by_record(sample.recorded)
