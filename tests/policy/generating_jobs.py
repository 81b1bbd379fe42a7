"""Requests out of few words: drivers, parameters, configurations, logs, tags."""

from __future__ import annotations

from random import Random
from typing import Any

from .generating import WORDS, chance, some


def request(random: Random) -> dict[str, Any]:
    """A StartJobRun in AWS's form; the model need not like its values."""
    made: dict[str, Any] = {
        "applicationId": random.choice(WORDS["applications"]),
        "clientToken": "t",
        "executionRoleArn": random.choice(WORDS["roles"]),
        "jobDriver": _driver(random),
    }
    made |= {name: random.choice(values) for name, values in WORDS["members"].items() if chance(random, 0.4)}
    if chance(random, 0.2):
        made["executionIamPolicy"] = {"policyArns": some(random, WORDS["roles"])}
    if chance(random, 0.4):
        made["tags"] = _tags(random)
    if chance(random, 0.5):
        made["configurationOverrides"] = _overrides(random)
    return made


def _driver(random: Random) -> dict[str, Any]:
    if chance(random, 0.25):
        init = {"initQueryFile": random.choice(WORDS["urls"])} if chance(random, 0.4) else {}
        return {"hive": {"query": random.choice([*WORDS["texts"], *WORDS["urls"][:2]]), **init}}
    words = [random.choice(WORDS["options"]) for _ in range(random.choice([0, 1, 1, 2, 3, 4]))]
    words += [random.choice(WORDS["troubles"])] if chance(random, 0.08) else []
    text = random.choice(WORDS["blanks"]).join(words)
    submit = {"entryPoint": random.choice(WORDS["urls"])}
    return {"sparkSubmit": submit | ({"sparkSubmitParameters": text} if text else {})}


def _tags(random: Random) -> dict[str, str]:
    if chance(random, 0.1):
        return {f"t{number}": "x" for number in range(random.randint(46, 51))}
    return {
        random.choice(WORDS["tag_keys"]): random.choice(WORDS["tag_values"]) for _ in range(random.choice([1, 2, 2, 3]))
    }


def _overrides(random: Random) -> dict[str, Any]:
    blocks = _blocks(random, 2)
    monitoring = {
        "s3MonitoringConfiguration": _some_of(random, {"logUri": "urls", "encryptionKeyArn": "keys"}),
        "cloudWatchLoggingConfiguration": {
            "enabled": True,
            **_some_of(random, {"logGroupName": "log_groups", "encryptionKeyArn": "keys"}),
        },
    }
    logs = {name: part for name, part in monitoring.items() if chance(random, 0.3)}
    return {
        **({"applicationConfiguration": blocks} if blocks else {}),
        **({"monitoringConfiguration": logs} if logs or chance(random, 0.1) else {}),
    }


def _some_of(random: Random, members: dict[str, str]) -> dict[str, str]:
    return {name: random.choice(WORDS[words]) for name, words in members.items() if chance(random, 0.6)}


def _blocks(random: Random, depth: int) -> list[dict[str, Any]]:
    """Configurations, each classification once at a level."""
    blocks: list[dict[str, Any]] = []
    for name in some(random, list(WORDS["properties"])) if depth else []:
        words = WORDS["properties"][name]
        properties = {key: random.choice(values) for key, values in words.items() if chance(random, 0.5)}
        nested = _blocks(random, depth - 1) if chance(random, 0.25) else []
        blocks.append(
            {
                "classification": name,
                # Empty as the translation makes it: what the application has is to go.
                **({"properties": properties} if properties or not nested else {}),
                **({"configurations": nested} if nested else {}),
            }
        )
    return blocks
