"""What `generating` makes, for properties of hypothesis: it chooses, and makes a failure small."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from emrgateway_server.policy import Engine, Prices
from emrgateway_server.yamlfile import ConfigurationError

from . import generating, generating_jobs
from .generating import PRICES, Policies
from .support import STAMPS, engine

_RANDOM = st.randoms(use_true_random=False)
DOCUMENTS = _RANDOM.map(generating.documents)
CALLERS = _RANDOM.map(generating.caller)
REQUESTS = _RANDOM.map(generating_jobs.request)
STAMPED = st.sampled_from([{}, STAMPS])

# A failure is made small, but not explained: that takes minutes.
SETTINGS = settings(
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def loaded(documents: Policies) -> Engine | None:
    """The engine of the documents, through the real loader; None where two of their rules set a field to two values."""
    with TemporaryDirectory() as folder:
        try:
            return engine(Path(folder), documents, Prices(*PRICES))
        except ConfigurationError as error:
            if all("to two values, and both can apply" in problem.message for problem in error.problems):
                return None
            raise
