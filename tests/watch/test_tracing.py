"""The trace of a stream, as a real collector receives it."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.server.gateways import CALLER
from tests.server.otlp import attributes, collecting

from .conftest import sections
from .scripted_aws import SECRET
from .watchers import Watching

if TYPE_CHECKING:
    from tests.server.conftest import Serve

    from .scripted_aws import ScriptedAws

_WATCH, _GET = "emrgateway.v1.JobRunService/WatchJobRun", "EMR Serverless/GetJobRun"


def test_a_stream_is_one_span(aws: ScriptedAws, serve: Serve) -> None:
    """A SERVER span from the first moment to the end, the call that admitted it inside; looks are in no trace."""
    aws.put("00traced", "RUNNING")
    with collecting() as collector:
        gateway = serve(aws.url, sections=sections(aws), environment=collector.environment)
        watching = Watching(gateway, "00traced").until("RUNNING")
        time.sleep(2.5)
        aws.put("00traced", "SUCCESS")
        watching.until("RUNNING", "SUCCESS").ended()
        gateway.stop()
        assert aws.count()["GetJobRun"] > 2
        spans = {span.name: span for span in collector.spans}
        assert Counter(span.name for span in collector.spans if span.name in (_WATCH, _GET)) == {_WATCH: 1, _GET: 1}
        stream = spans[_WATCH]
        assert spans[_GET].parent_span_id == stream.span_id
        assert stream.end_time_unix_nano - stream.start_time_unix_nano > 2e9
        told = attributes(stream)
        assert (told["rpc.response.status_code"], told["emrgateway.caller"]) == ("OK", CALLER)
        assert SECRET.encode() not in b"".join(collector.bodies)
