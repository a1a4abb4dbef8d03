"""`wslab probe` prints a verdict, as words or as one JSON document of the published schema."""

from __future__ import annotations

import json
from subprocess import CompletedProcess

import pytest
from commandline import wslab_command

from wslab.core.knobs import Knobs
from wslab.net.server.lab_server import LabServer

PROMISED = {
    "max_single_frame_bytes",
    "smallest_refused_bytes",
    "max_fragmented_bytes",
    "counts",
    "inclusive",
    "text_unit",
    "compression_counts",
    "over_limit",
    "close_code",
    "close_reason",
    "after_refusal",
    "connections",
    "probe_wire_bytes",
    "elapsed_s",
    "explanation",
}


def probe(*arguments: str) -> CompletedProcess[str]:
    return wslab_command("probe", *arguments)


def test_probe_as_json_names_the_limit() -> None:
    with LabServer(max_message_bytes=54_321) as server:
        done = probe(server.url, "--json", "--configured", "54321")
    document = json.loads(done.stdout)
    assert set(document) >= PROMISED
    assert (document["max_single_frame_bytes"], document["smallest_refused_bytes"]) == (54_321, 54_322)
    assert (document["counts"], document["inclusive"], document["close_code"]) == ("message", True, 1009)


def test_probe_in_words_names_the_limit() -> None:
    with LabServer(max_message_bytes=54_321) as server:
        done = probe(server.url)
    assert "54,321 bytes pass" in " ".join(done.stdout.split())


def test_probe_prints_the_schema_of_its_document() -> None:
    schema = json.loads(probe("--schema").stdout)
    (definition,) = [value for name, value in schema["$defs"].items() if name == "Verdict"]
    assert set(definition["properties"]) >= PROMISED


def test_server_that_is_not_there_is_a_verdict() -> None:
    done = probe("ws://127.0.0.1:9/", "--json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (3, "unreachable")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ws://example.org/"], "--i-may-probe example.org"),
        (["http://127.0.0.1/"], "write ws://"),
        (["ws://127.0.0.1:9/", "--cap", "1"], "cap_bytes is 1"),
        ([], "no server given"),
    ],
)
def test_wrong_argument_is_said_and_nothing_is_sent(arguments: list[str], words: str) -> None:
    done = probe(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_probe_with_clock_adds_idle_timeout_and_maximum_age_to_its_document() -> None:
    with LabServer(Knobs(max_message_bytes=1000, idle_timeout_s=0.7, ping_interval_s=None)) as server:
        printed = json.loads(probe(server.url, "--json", "--cap", "4096", "--clock", "--up-to", "1.5").stdout)
    idle, age = printed["clocks"]
    assert (idle["question"], idle["status"]) == ("idle_timeout", "found")
    assert (age["question"], age["low_s"]) == ("max_age", None)
    assert printed["max_single_frame_bytes"] == 1000
