"""Policies, callers and requests out of few words, so that rules, callers and values meet."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from emrgateway_server.policy import Engine
from emrgateway_server.yamlfile import ConfigurationError

from .support import STAMPS, document, engine

Policies = list[dict[str, Any]]

_TEXTS = ["x", "z", "xz", "x-1", "5", "20", "300"]
_ROLES = ["arn:aws:iam::123456789012:role/x", "arn:aws:iam::123456789012:role/x/z", "arn:aws:iam::999999999999:role/x"]
_CALLERS = ["spiffe://d/ns/x/sa/z", "spiffe://d/ns/z/sa/x", "spiffe://e/ns/x", "x"]
_APPLICATIONS = ["00x", "00z"]
_URLS = ["s3://x/z", "s3://x/z/x", "s3a://x/z", "s3://x/../z", "s3://z/x", "s3://x/"]
_LABEL = "${caller.labels.team}"
_TEXT_GLOBS = ["x*", "*z", "*", "**", "x", "5", _LABEL, _LABEL + "-*"]
_URL_GLOBS = ["s3://x/*", "s3://x/**", "s3://*/x", "**", "s3://x/**/x", f"s3://{_LABEL}/**"]
_ROLE_GLOBS = ["arn:aws:iam::123456789012:role/*", "arn:aws:iam::*:role/x", "**", f"arn:aws:iam::*:role/{_LABEL}/*"]
_CALLER_GLOBS = ["**", "spiffe://d/**", "spiffe://*/ns/x/**", "x", "spiffe://d/ns/*/sa/z", f"spiffe://d/ns/{_LABEL}/**"]

_STRINGS = ["name", "tags.team", "tags.n", "tags.Key"]
_VALUES = [*_TEXTS, _LABEL]


def _some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


def _bounds(values: list[int]) -> st.SearchStrategy[dict[str, object]]:
    two = st.lists(st.sampled_from(values), min_size=2, max_size=2).map(sorted)
    bounds = st.one_of(
        st.sampled_from(values).map(lambda most: {"max": most}),
        st.sampled_from(values).map(lambda least: {"min": least}),
        two.map(lambda pair: {"min": pair[0], "max": pair[1]}),
    )
    return st.tuples(bounds, st.sampled_from([{}, {"otherwise": "clamp"}])).map(lambda pair: {**pair[0], **pair[1]})


def _verbs(values: list[Any], globs: list[str], bounds: st.SearchStrategy[dict[str, object]] | None) -> list[Any]:
    """One strategy a verb, for a field of these values."""
    value = st.sampled_from(values)
    verbs: list[st.SearchStrategy[dict[str, object]]] = [
        value.map(lambda given: {"set": given}),
        value.map(lambda given: {"default": given}),
        value.map(lambda given: {"fixed": given}),
        st.sampled_from([{"required": True}, {"forbidden": True}]),
        st.sampled_from([{"pattern": "x.*"}, {"pattern": "[0-9]+"}, {"pattern": "|x|z"}]),
        _some(globs).map(lambda given: {"allow": given}),
        _some(globs).map(lambda given: {"deny": given}),
    ]
    return verbs if bounds is None else [*verbs, bounds]


def _of(field: str, verbs: list[Any]) -> st.SearchStrategy[dict[str, object]]:
    """A rule on a field that says one or two things."""
    said = st.lists(st.one_of(verbs), min_size=1, max_size=2)
    return said.map(lambda each: {"field": field, **{key: value for verb in each for key, value in verb.items()}})


_RULES = st.one_of(
    *(_of(field, _verbs(_VALUES, _TEXT_GLOBS, _bounds([5, 20, 300]))) for field in _STRINGS),
    _of("name", _verbs(["$$x", "x-" + _LABEL, "${caller.id}"], ["$$*", "${caller.id}"], None)),
    _of("execution_timeout_minutes", _verbs([0, 5, 60, 720, 1000], ["5", "6*", "**"], _bounds([5, 60, 720, 1000]))),
    _of("retry_policy.max_attempts", _verbs([1, 2, 3], ["1", "2", "*"], _bounds([1, 2, 3]))),
    _of("mode", _verbs(["BATCH", "STREAMING"], ["BATCH", "S*"], None)),
    _of("flex_execution.enabled", _verbs([True], ["true", "f*"], None)),
    _of("execution_role_arn", _verbs(_ROLES, _ROLE_GLOBS, None)),
    _of("execution_iam_policy.policy_arns", _verbs([], _ROLE_GLOBS, None)[5:]),
    _of("job_driver.spark_submit.entry_point", _verbs(_URLS, _URL_GLOBS, None)),
    _of("job_driver.hive.query", _verbs(_TEXTS, _TEXT_GLOBS, _bounds([5, 20]))),
    st.sampled_from([{"field": "retry_policy", "required": True}, {"field": "retry_policy", "forbidden": True}]),
)


def _optional(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


_LABELS = st.dictionaries(st.sampled_from(["team", "tier"]), _some(_TEXT_GLOBS), min_size=1)
_MATCHES = _optional(callers=_some(_CALLER_GLOBS), applications=_some(["00x", "00*", "**"]), labels=_LABELS)
_MODES = st.sampled_from(["enforce", "enforce", "enforce", "warn", "audit"])
_GRANTS = st.tuples(
    st.fixed_dictionaries(
        {
            "actions": st.sampled_from([["start"], ["start", "get"], ["get"]]),
            "applications": _some(["00x", "00*", "**"]),
            "roles": _some(_ROLE_GLOBS),
        }
    ),
    _optional(match=_MATCHES),
).map(lambda pair: {**pair[0], **pair[1]})


@st.composite
def _documents(draw: st.DrawFn) -> Policies:
    documents: Policies = []
    for name in draw(st.permutations("abc"))[: draw(st.integers(1, 3))]:
        rules = draw(st.lists(st.tuples(_RULES, _optional(match=_MATCHES, mode=_MODES)), max_size=4))
        said = [{"id": f"r{number}", **rule, **more} for number, (rule, more) in enumerate(rules)]
        parts = draw(_optional(match=_MATCHES, mode=_MODES, grants=st.lists(_GRANTS, min_size=1, max_size=2)))
        documents.append(document(name, rules=[rule for rule in said if _is_sound(rule)], **parts))
    return documents


def _is_sound(rule: dict[str, Any]) -> bool:
    """Not one that the loader refuses for what it says in itself."""
    return not ("required" in rule and "forbidden" in rule) and rule.get("min", 0) <= rule.get("max", 10**6)


DOCUMENTS = _documents()
CALLERS = st.tuples(
    st.sampled_from(_CALLERS), _optional(team=st.sampled_from(["x", "z", "*", "x/z"]), tier=st.sampled_from(["x", "5"]))
)
_DRIVERS = st.one_of(
    st.sampled_from(_URLS).map(lambda url: {"sparkSubmit": {"entryPoint": url}}),
    st.sampled_from(_TEXTS).map(lambda query: {"hive": {"query": query}}),
)
_KEYS = ["team", "team", "Team", "te am", "n", "N", "key", "Key", "other", "aws:x", " EMR-gateway:x"]
_TAGS = st.dictionaries(st.sampled_from(_KEYS), st.sampled_from([*_TEXTS, "", "x%"]), max_size=3) | st.integers(
    46, 51
).map(lambda count: {f"t{number}": "x" for number in range(count)})
REQUESTS = st.tuples(
    st.fixed_dictionaries(
        {
            "applicationId": st.sampled_from(_APPLICATIONS),
            "clientToken": st.just("t"),
            "executionRoleArn": st.sampled_from(_ROLES),
            "jobDriver": _DRIVERS,
        }
    ),
    _optional(
        name=st.sampled_from(_TEXTS),
        mode=st.sampled_from(["BATCH", "STREAMING"]),
        executionTimeoutMinutes=st.sampled_from([0, 5, 60, 61, 720, 1001]),
        retryPolicy=_optional(maxAttempts=st.sampled_from([1, 2, 3, 4])),
        flexExecution=_optional(enabled=st.booleans()),
        executionIamPolicy=st.fixed_dictionaries(
            {"policyArns": st.lists(st.sampled_from(_ROLES), min_size=1, max_size=2)}
        ),
        tags=_TAGS,
    ),
).map(lambda pair: {**pair[0], **pair[1]})
STAMPED = st.sampled_from([{}, STAMPS])

# A failure is made small, but not explained: that takes minutes.
SETTINGS = settings(
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much],
)


def loaded(documents: Policies) -> Engine | None:
    """The engine of the documents, through the real loader; None where two of their rules set a field to two values."""
    with TemporaryDirectory() as folder:
        try:
            return engine(Path(folder), documents)
        except ConfigurationError as error:
            if all("to two values, and both can apply" in problem.message for problem in error.problems):
                return None
            raise
