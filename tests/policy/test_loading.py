"""What a policy directory is read as: which files, which documents, and the digest of them."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emrgateway_server import engines
from emrgateway_server.caller import Caller
from emrgateway_server.policy import load_directory
from emrgateway_server.yamlfile import ConfigurationError

from .support import CALLER, GRANT_ALL, document, request

_GRANTING = json.dumps(document("p", grants=[GRANT_ALL]))
_HEAD = "apiVersion: emrgateway/v1\nkind: {}\nmetadata: {{name: {}}}\n"


def _allows(directory: Path) -> bool:
    return engines.load(directory).judge(Caller(CALLER), request(), {}).allowed


def test_an_empty_directory_grants_nothing(tmp_path: Path) -> None:
    """An empty directory is valid, and every start is refused for want of a grant."""
    decision = engines.load(tmp_path).judge(Caller(CALLER), request(), {})
    assert [outcome.rule_id for outcome in decision.outcomes] == ["grant/application"]
    assert decision.policy_digest.startswith("sha256:")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n---\n", "null\n"])
def test_an_empty_file_says_nothing(text: str, tmp_path: Path) -> None:
    """Files with no document in them are no mistake."""
    (tmp_path / "empty.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "policy.yaml").write_text(_GRANTING, encoding="utf-8")
    assert _allows(tmp_path)


@pytest.mark.parametrize(
    ("name", "is_read"),
    [
        ("a.yaml", True),
        ("a.yml", True),
        ("a.json", False),
        ("a.yaml.bak", False),
        ("yaml", False),
        (".a.yaml", False),
        ("sub/a.yaml", False),
        ("sub.yaml/a.yaml", False),
    ],
)
def test_which_files_are_read(name: str, tmp_path: Path, *, is_read: bool) -> None:
    """Every *.yaml and *.yml directly in the directory, and nothing else."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(_GRANTING, encoding="utf-8")
    assert _allows(tmp_path) is is_read


def test_several_documents_a_file(tmp_path: Path) -> None:
    """A file's documents are all read, and so are the other files'."""
    one, two, three = (document(name, rules=[{"id": "a", "field": "name", "required": True}]) for name in "abc")
    (tmp_path / "x.yaml").write_text(f"{json.dumps(one)}\n---\n{json.dumps(two)}\n", encoding="utf-8")
    (tmp_path / "y.yml").write_text(json.dumps(three), encoding="utf-8")
    outcomes = engines.load(tmp_path).judge(Caller(CALLER), request(), {}).outcomes
    assert [outcome.rule_id for outcome in outcomes] == ["grant/application", "a/a", "b/a", "c/a"]


def test_policy_tests_are_skipped(tmp_path: Path) -> None:
    """`kind: PolicyTest` is `policy test`'s to read: whatever is in it, the policies beside it load as they were."""
    (tmp_path / "policy.yaml").write_text(_GRANTING, encoding="utf-8")
    digest = load_directory(tmp_path).digest
    (tmp_path / "test.yaml").write_text(_HEAD.format("PolicyTest", "p") + "cases: [{name: x}]\n", encoding="utf-8")
    assert _allows(tmp_path)
    assert load_directory(tmp_path).digest == digest


def _swap_in(base: Path, version: str, text: str) -> None:
    """What the kubelet does: a new directory, and one rename of the link `..data` to it."""
    (base / version).mkdir()
    (base / version / "policy.yaml").write_text(text, encoding="utf-8")
    (base / "..data_tmp").symlink_to(version)
    (base / "..data_tmp").rename(base / "..data")


def test_a_config_map_is_read_under_one_resolved_link(tmp_path: Path) -> None:
    """The files of a ConfigMap are those that `..data` names, each once, under the name that the operator knows."""
    _swap_in(tmp_path, "..2026_11_01", _GRANTING)
    (tmp_path / "policy.yaml").symlink_to("..data/policy.yaml")
    assert _allows(tmp_path)
    _swap_in(tmp_path, "..2026_11_02", _HEAD.format("Policy", "p") + "colour: red\n")
    with pytest.raises(ConfigurationError) as raised:
        load_directory(tmp_path)
    (problem,) = raised.value.problems
    assert problem.file == os.fspath(tmp_path / "policy.yaml")


def test_a_config_map_ignores_what_is_not_of_its_version(tmp_path: Path) -> None:
    """A file that `..data` does not hold is not mixed in: it is of another version, or nobody's."""
    _swap_in(tmp_path, "..2026_11_01", json.dumps(document("p")))
    (tmp_path / "left-over.yaml").write_text(_GRANTING.replace('"p"', '"q"'), encoding="utf-8")
    assert not _allows(tmp_path)


def test_a_config_map_whose_link_dangles_is_an_error(tmp_path: Path) -> None:
    """A `..data` that leads nowhere is told, and no empty policy is made of it."""
    (tmp_path / "..data").symlink_to("..gone")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_directory(tmp_path)


def test_a_config_map_is_never_mixed(tmp_path: Path) -> None:
    """However often the ConfigMap is swapped while it is read, what is loaded is one version of it, whole."""
    digests: set[str] = set()
    for version in ("..one", "..two"):
        (tmp_path / version).mkdir()
        for name in "abcdefgh":
            said = document(name, metadata={"name": name, "owner": version})
            (tmp_path / version / f"{name}.yaml").write_text(json.dumps(said), encoding="utf-8")
        digests.add(load_directory(tmp_path / version).digest)
    is_done = Event()
    (tmp_path / "..data").symlink_to("..one")

    def _swap() -> None:
        for version in cycle(("..two", "..one")):
            if is_done.is_set():
                return
            (tmp_path / "..data_tmp").symlink_to(version)
            (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    with ThreadPoolExecutor(1) as pool:
        swapping = pool.submit(_swap)
        try:
            found = {load_directory(tmp_path).digest for _ in range(100)}
        finally:
            is_done.set()
        swapping.result()
    assert found <= digests


_RULES = [
    {"id": "a", "field": "name", "default": "x", "why": "so: it # is"},
    {"id": "b", "field": "execution_timeout_minutes", "max": 60, "otherwise": "clamp"},
]
_DOCUMENTS = [
    document("one", match={"callers": ["**"], "labels": {"x": ["a"], "y": ["b"]}}, rules=_RULES),
    document("two", grants=[GRANT_ALL]),
    document("three", mode="warn", rules=_RULES),
]


def _digest(directory: Path, files: dict[str, str]) -> str:
    for old in directory.iterdir():
        old.unlink()
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    return load_directory(directory).digest


def _shuffled(value: object, draw: st.DrawFn) -> object:
    """The same value, with every mapping's keys in another order."""
    if isinstance(value, dict):
        return {key: _shuffled(value[key], draw) for key in draw(st.permutations(list(value)))}
    return [_shuffled(item, draw) for item in value] if isinstance(value, list) else value


@st.composite
def _spelled(draw: st.DrawFn) -> dict[str, str]:
    """The documents above as files: any names, any order of keys and documents, any layout, comments anywhere."""
    files: dict[str, str] = {}
    for each in draw(st.permutations(_DOCUMENTS)):
        name = draw(st.sampled_from(["a.yaml", "b.yml", "z.yaml"]))
        text = json.dumps(_shuffled(each, draw), indent=draw(st.sampled_from([None, 1, 4])))
        comment = draw(st.sampled_from(["", "# a comment\n", "\n\n"]))
        files[name] = f"{files[name]}\n---\n{comment}{text}" if name in files else f"{comment}{text}"
    return files


@given(_spelled())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_digest_is_of_what_is_said(tmp_path_factory: pytest.TempPathFactory, files: dict[str, str]) -> None:
    """The digest depends on no file's name, layout, comments or order of keys, nor on the order of documents."""
    folder = tmp_path_factory.mktemp("digest")
    plain = _digest(folder, {"all.yaml": "\n---\n".join(map(json.dumps, _DOCUMENTS))})
    assert _digest(folder, files) == plain


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"max": 60', '"max": 61'),
        ('"default": "x"', '"default": "X"'),
        ('"mode": "warn"', '"mode": "audit"'),
        ('"callers": ["**"]', '"callers": ["*"]'),
        ('"name": "two"', '"name": "zwei"'),
        ('"so: it # is"', '"so: it is"'),
    ],
)
def test_digest_tells_policies_apart(before: str, after: str, tmp_path: Path) -> None:
    """A word of difference, and it is another policy."""
    text = "\n---\n".join(map(json.dumps, _DOCUMENTS))
    assert before in text
    assert _digest(tmp_path, {"a.yaml": text}) != _digest(tmp_path, {"a.yaml": text.replace(before, after)})


@pytest.mark.parametrize(("one", "other"), [("1.1", "1.10"), ("5", "+5"), ("5", "'5'")])
def test_digest_minds_how_a_number_is_written(one: str, other: str, tmp_path: Path) -> None:
    """Of a string, 1.10 is another value than 1.1: two policies that set them have two digests."""
    text = _HEAD.format("Policy", "p") + "rules: [{id: a, field: name, set: VALUE}]\n"
    digests = {_digest(tmp_path, {"a.yaml": text.replace("VALUE", value)}) for value in (one, other)}
    assert len(digests) == 2


def test_digest_minds_the_order_of_rules(tmp_path: Path) -> None:
    """Position decides which default wins: two orders are two policies."""
    rules = [{"id": "a", "field": "name", "default": "x"}, {"id": "b", "field": "name", "default": "z"}]
    one, other = (json.dumps(document("p", rules=order)) for order in (rules, rules[::-1]))
    assert _digest(tmp_path, {"a.yaml": one}) != _digest(tmp_path, {"a.yaml": other})
