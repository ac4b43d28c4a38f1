"""The deployment files are what they claim to be, and ask for what the server has."""

import configparser
import shlex
from pathlib import Path

import pytest
import yaml
from dockerfile_parse import DockerfileParser
from fake_gateway import Gateway

from rlad.config import RunConfig, save_config
from rlad.generation.vllm.setup import WANTED
from rlad.serving.__main__ import read_arguments

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
INSTRUCTIONS = {
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN"),
    *("SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}


@pytest.fixture
def run(tmp_path):
    save_config(RunConfig(), tmp_path / "config.yaml")
    return tmp_path


def accepted(words, run):
    """What the serve command makes of these arguments, whose first is the run."""
    return read_arguments([str(run), *words[1:]])[0].serving


def test_dockerfile(run):
    with (DEPLOY / "Dockerfile").open("rb") as file:
        steps = [step for step in DockerfileParser(fileobj=file).structure if step["instruction"] != "COMMENT"]
    assert {step["instruction"] for step in steps} <= INSTRUCTIONS
    assert steps[0]["instruction"] == "FROM"
    for step in steps:
        if step["instruction"] == "COPY":
            *sources, _ = step["value"].split()
            assert all((ROOT / source).exists() for source in sources), step["content"]
    text = " ".join(step["value"] for step in steps if step["instruction"] == "RUN")
    assert f"vllm=={WANTED}" in text
    by_name = {step["instruction"]: step["value"] for step in steps}
    assert yaml.safe_load(by_name["ENTRYPOINT"])[-2:] == ["-m", "rlad.serving"]
    assert accepted(yaml.safe_load(by_name["CMD"]), run).host == "0.0.0.0"
    assert by_name["USER"] != "root" and by_name["EXPOSE"] == str(RunConfig().serving.port)


def test_kubernetes_manifest(run):
    deployment, service = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    pod = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    serving = accepted(container["args"], run)
    assert serving.open_probes and container["ports"][0]["containerPort"] == serving.port
    assert pod["spec"]["terminationGracePeriodSeconds"] > serving.drain_timeout
    routes = {route.path for route in Gateway().app.routes}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in routes
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["spec"]["volumes"]
    }


def test_systemd_unit(run):
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read(DEPLOY / "rlad.service")
    assert {"Unit", "Service", "Install"} == set(unit.sections())
    door, verb, *words = shlex.split(unit["Service"]["ExecStart"])
    assert door.endswith("/launch.sh") and verb == "serve"
    serving = accepted(words, run)
    assert serving.api_keys_file == "/etc/rlad/keys" and serving.host == "0.0.0.0"
    assert int(unit["Service"]["TimeoutStopSec"]) > serving.drain_timeout and unit["Service"]["KillMode"] == "mixed"
