"""What each key of a policy document means, as an editor shows it beside the key."""

from __future__ import annotations

from collections.abc import Mapping

_GLOBS = "Globs: * is any text within a segment, ** any number of segments."
_NAME = "Unique among the documents of its kind. A rule's full id is NAME/ID."
_VERSION = "The version of the policy language."
_WHO = "The authenticated id, such as spiffe://prod.example.com/ns/data-eng/sa/etl."

_SHELL = {
    "apiVersion": _VERSION,
    "kind": "What the document is.",
    "metadata": "Its name and its owner.",
}

DESCRIPTIONS: Mapping[str, Mapping[str, str]] = {
    "Policy": {
        **_SHELL,
        "match": "Whom and what the document speaks of: its grants, rules and exceptions alike. Left out: all.",
        "grants": "What is allowed at all. Grants add up, and one alone must cover a request.",
        "rules": "What must hold of every start that is spoken of. Rules of all policies that match must hold.",
        "mode": "How its rules are held, where they do not say it themselves.",
        "exceptions": "Rules that are as if absent for some callers, for a time.",
    },
    "PolicyTest": {
        **_SHELL,
        "cases": "Each is one request, who makes it, and what must come of it.",
    },
    "Metadata": {
        "name": _NAME,
        "owner": "Who answers for it.",
    },
    "Match": {
        "callers": f"Ids of callers. {_GLOBS}",
        "applications": f"Ids of applications. {_GLOBS}",
        "labels": f"Labels of callers: each must be one of its globs. {_GLOBS}",
    },
    "Grant": {
        "actions": "What may be done. Attempts and dashboard belong to get.",
        "applications": f'Where. ["**"] says everywhere. {_GLOBS}',
        "roles": f'With which execution roles a start may be made. ["**"] says all. {_GLOBS}',
        "runs": "Whose runs may be touched: own, all, or label:NAME, those whose owner has the caller's label.",
        "match": "Narrows the document's own match.",
    },
    "Rule": {
        "id": "Unique in its policy: small letters, digits and dashes.",
        "field": (
            "What it speaks of: a path of the request in snake_case (execution_timeout_minutes), tags.KEY, "
            "spark.conf[KEY], configurations[CLASSIFICATION][KEY], or what is derived from it (artifacts, "
            "destinations, kms_keys, roles, classifications, spark.max_vcpus, max_runtime_minutes, max_cost_usd, ...). "
            "Left out, its check speaks of the request as a whole."
        ),
        "set": "The field becomes this, whatever the caller said. ${caller.id} and ${caller.labels.X} stand in it.",
        "default": "The field becomes this where it is unset.",
        "fixed": "Unset, the field becomes this; another value is refused.",
        "required": "Unset or empty is refused.",
        "forbidden": "Set is refused, even if empty.",
        "allow": f"The value, or each item of a list, must match one. Unset passes. {_GLOBS}",
        "deny": f"The value, or any item of a list, must match none. {_GLOBS}",
        "pattern": "An RE2 pattern that the whole value, or each item, must match. Unset passes.",
        "min": "The least that the number may be; Spark sizes as 16g. Unset counts as the platform's default.",
        "max": "The most that the number may be; Spark sizes as 16g. Unset counts as the platform's default.",
        "otherwise": "What becomes of a number out of bounds: it is refused, or brought to the bound.",
        "mode": "enforce; warn: amends and refuses nothing, and tells the caller; audit: nor tells the caller.",
        "why": "What the caller is told besides: the reason, and what to do.",
        "match": "Narrows the document's own match.",
        "when": "CEL, of type BOOL: the rule is in force where it is true, or cannot be evaluated.",
        "check": "CEL, of type BOOL: where it is false, or cannot be evaluated, the request is refused.",
    },
    "Exemption": {
        "rules": "Ids of rules of this document.",
        "callers": f"For whom. {_GLOBS}",
        "until": "YYYY-MM-DD, the last day on which it holds, in UTC.",
        "reason": "Why, such as a ticket.",
        "approved_by": "Who answers for it.",
    },
    "Case": {
        "name": "What it shows.",
        "caller": "Who asks.",
        "action": "What is asked for; all but start ask the grants alone.",
        "request": "As for `job start -f`; for another action than start, its applicationId is enough.",
        "owner": "Whose run it is, of another action than start; nobody: no gateway's. Left out: the caller's own.",
        "now": "As of when exceptions hold: a date, or a time such as 2026-11-01T00:00:00Z. Left out: now.",
        "want": "What must come of it.",
    },
    "CaseCaller": {
        "id": _WHO,
        "labels": "What the gateway's table of callers says of it.",
    },
    "Want": {
        "verdict": "Whether the request goes through. A refused get, list, cancel or watch is NOT_FOUND to its caller.",
        "changed": "Some of the fields that policy changes, as rules name them, and what it makes of them.",
        "denied_by": "The full ids of the rules that refuse: exactly these.",
        "warned_by": "The full ids of the rules in warn mode that complain: exactly these.",
        "audited_by": "The full ids of the rules in audit mode that complain: exactly these.",
    },
}
