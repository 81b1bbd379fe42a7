"""Results of test cases as JUnit XML, which every CI system reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from emrgateway_server.policytool.terminal import printable
from emrgateway_server.policytool.trying import Result


def write(file: str, results: Sequence[Result], told: Sequence[str]) -> None:
    """Write a suite a document; `told` says of each result what failed in it. OSError where it cannot be written."""
    root = ET.Element("testsuites", _counts(results), name="emr-gateway policy test")
    suites: dict[str, list[int]] = {}
    for index, result in enumerate(results):
        suites.setdefault(result.case.suite, []).append(index)
    for suite, members in suites.items():
        group = [results[index] for index in members]
        parent = ET.SubElement(root, "testsuite", _counts(group), name=suite, file=group[0].case.document.file)
        for index in members:
            _add(parent, results[index], told[index])
    ET.indent(root)
    with Path(file).open("wb") as stream:
        ET.ElementTree(root).write(stream, encoding="utf-8", xml_declaration=True)


def _add(parent: ET.Element, result: Result, told: str) -> None:
    case = result.case
    file, line = case.place
    element = ET.SubElement(
        parent,
        "testcase",
        name=printable(case.name),
        classname=case.suite,
        file=file,
        line=str(line),
        time=f"{result.seconds:.6f}",
    )
    if not result.passed:
        what = ", ".join(mismatch.what for mismatch in result.mismatches)
        failure = ET.SubElement(element, "failure", type="mismatch", message=printable(f"not as wanted: {what}"))
        failure.text = told


def _counts(results: Sequence[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(not result.passed for result in results)),
        "errors": "0",
        "time": f"{sum(result.seconds for result in results):.6f}",
    }
