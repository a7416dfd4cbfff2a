"""What is deployed: image, compose files, manifests, dashboard and alert rules, held to schemas and to the code."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from compose_spec import PyCompose
from kubernetes_validate.utils import ValidationError, validate

from bot import __version__
from bot.cli.main import COMMANDS
from bot.llm.loading import load_settings
from bot.llm.providers import PROVIDERS
from bot.llm.providers.ollama import OllamaSettings
from bot.run.running import FLUSH_SECONDS
from bot.settings.documents import settings_table
from bot.settings.loading import FOREIGN_NAMES, check_for_worker
from tests.documents import kubernetes_rules

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OVERLAYS = ("address", "external-name", "gpu-node")
COMPOSE = {
    "one machine": ["compose.yaml"],
    "no card": ["compose.cpu.yaml"],
    "a card by AMD": ["compose.amd.yaml"],
    "ollama elsewhere": ["compose.remote-ollama.yaml"],
    "operations": ["compose.yaml", "compose.operations.yaml"],
}
KUBERNETES = "1.34"
OWN = "channel_memory_"
SHELL = shutil.which("sh") or "sh"


def loaded(path: Path) -> dict[str, Any]:
    """A YAML file of one document."""
    document = yaml.safe_load(path.read_text())
    assert isinstance(document, dict)
    return document


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool that is installed beside the tests."""
    binary = shutil.which(name, path=str(Path(sys.executable).parent))
    assert binary, f"{name} is not installed"
    return subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)  # noqa: S603


# --- systemd ---------------------------------------------------------------------------------------------------------

MOST_EXPOSED = 2.0
"""Of 10, as `systemd-analyze security` counts."""


def test_the_unit_is_valid_confined_and_has_a_place_for_all_that_is_written(tmp_path: Path) -> None:
    text = (ROOT / "deploy/channel-memory.service").read_text()
    settings = [line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#")]
    values = {name: value for name, _, value in settings}
    place = f"/var/lib/{values['StateDirectory']}"
    written = {"HOME": place, "DATA_DIR": place, "MPLCONFIGDIR": f"{place}/matplotlib"}
    assert dict(pair.split("=") for pair in values["Environment"].split()) == written
    for name, value in {
        "ProtectSystem": "strict",
        "PrivateTmp": "yes",
        "NoNewPrivileges": "yes",
        "UMask": "0077",
    }.items():
        assert values[name] == value
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        print("systemd is not installed: its own check of the unit is not run")
        return
    unit = tmp_path / "channel-memory.service"
    unit.write_text(text.replace("/opt/channel-memory/.venv/bin/python", os.path.realpath(sys.executable)))
    for check in (["verify", "--man=no"], ["security", "--offline=yes", f"--threshold={MOST_EXPOSED * 10:.0f}"]):
        told = subprocess.run([analyze, *check, str(unit)], capture_output=True, text=True, check=False)  # noqa: S603
        assert told.returncode == 0, told.stdout + told.stderr


# --- image -----------------------------------------------------------------------------------------------------------


def test_the_dockerfile_passes_its_linter() -> None:
    result = tool("hadolint", str(ROOT / "Dockerfile"))
    assert (result.returncode, result.stdout) == (0, "")


def test_the_image_is_confined_and_says_its_version() -> None:
    text = (ROOT / "Dockerfile").read_text()
    final = text[text.rindex("FROM ") :]
    assert f"ARG VERSION={__version__}\n" in final
    for line in (
        "USER 10001",
        "VOLUME /data",
        "STOPSIGNAL SIGTERM",
        "HEALTHCHECK",
        '["python", "-m", "bot.cli.healthcheck"]',
    ):
        assert line in final
    assert "pip install" not in final


def test_a_variant_of_the_image_embeds_by_itself() -> None:
    text = (ROOT / "Dockerfile").read_text()
    (install,) = re.findall(r"--constraint constraints.txt (\S+)", text)
    made = [
        subprocess.run([SHELL, "-c", f"echo {install}"], env={"EXTRAS": extras}, capture_output=True, check=True)  # noqa: S603
        for extras in ("", "fastembed")
    ]
    assert [each.stdout.decode().strip() for each in made] == [".", ".[fastembed]"]
    arguments = composed(COMPOSE["one machine"])["bot"]["build"]["args"]
    assert arguments.keys() == set(re.findall(r"^ARG (\w+)", text, re.MULTILINE))
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert "fastembed" in tomllib.load(file)["project"]["optional-dependencies"]


# --- compose ---------------------------------------------------------------------------------------------------------


def composed(files: list[str]) -> dict[str, dict[str, Any]]:
    """The services of compose files, with what they extend."""
    services: dict[str, dict[str, Any]] = {}
    for file in files:
        for name in loaded(DEPLOY / file)["services"]:
            services[name] = merged(services.get(name, {}), extended(file, name))
    return services


def extended(file: str, name: str) -> dict[str, Any]:
    """A service of a file, with what it extends there or in another one."""
    one: dict[str, Any] = dict(loaded(DEPLOY / file)["services"][name])
    base = one.pop("extends", None)
    return one if base is None else merged(extended(base.get("file", file), base["service"]), one)


def merged(base: Any, over: Any) -> Any:  # noqa: ANN401 - YAML
    """Mappings merged, everything else replaced, as compose and strategic merges do with what is used here."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return base | {key: merged(base.get(key), value) for key, value in over.items()}


def interpolated(text: str, **given: str) -> str:
    """Variables as they are given, or with their default, or with some value where one is demanded."""

    def value(found: re.Match[str]) -> str:
        name, demanded, default = found.groups()
        return given.get(name) or ("given" if demanded == "?" else default)

    return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", value, text)


@pytest.mark.parametrize("file", sorted(path.name for path in DEPLOY.glob("*.yaml")))
def test_compose_files_follow_the_specification(file: str) -> None:
    assert PyCompose.from_yaml(interpolated((DEPLOY / file).read_text())) is not None


def test_every_compose_file_is_looked_at() -> None:
    files = {file for files in COMPOSE.values() for file in files}
    assert {path.name for path in DEPLOY.glob("*.yaml")} == files | {"common.yaml"}


def test_the_specification_notices_a_fault() -> None:
    with pytest.raises(ValueError, match="restarts"):
        PyCompose.from_yaml(interpolated((DEPLOY / "common.yaml").read_text().replace("restart:", "restarts:")))


@pytest.mark.parametrize("files", COMPOSE.values(), ids=COMPOSE.keys())
@pytest.mark.matrix
def test_compose_files_have_no_serious_finding(files: list[str]) -> None:
    result = tool("compose-lint", *(str(DEPLOY / file) for file in files))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("files", COMPOSE.values(), ids=COMPOSE.keys())
@pytest.mark.matrix
def test_the_composed_bot_starts_after_what_it_needs_and_is_confined(files: list[str]) -> None:
    services = composed(files)
    bot = services["bot"]
    needed = {"qdrant": "service_healthy"}
    if "ollama" in services:
        needed |= {"ollama": "service_healthy", "ollama-pull": "service_completed_successfully"}
    if "postgres" in services:
        needed |= {"postgres": "service_healthy"}
        assert bot["depends_on"]["postgres"]["required"] is False, "its profile may be off"
    assert {name: on["condition"] for name, on in bot["depends_on"].items()} == needed
    for name, condition in bot["depends_on"].items():
        assert condition["condition"] != "service_healthy" or "healthcheck" in services[name], name
    assert bot["read_only"] is True
    assert (bot["user"], bot["cap_drop"], bot["volumes"]) == ("10001", ["ALL"], ["memory:/data"])
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("files", COMPOSE.values(), ids=COMPOSE.keys())
@pytest.mark.matrix
def test_the_composed_bot_has_settings_that_exist_and_are_valid(
    files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, elsewhere = composed(files)["bot"]["environment"], files == COMPOSE["ollama elsewhere"]
    given = {"OLLAMA_BASE_URL": "http://gpu:11434"} if elsewhere else {}
    for name, value in environment.items():
        monkeypatch.setenv(name, interpolated(value, **given))
    assert set(environment) <= {name.upper() for name in PROVIDERS.settings_type.model_fields}
    settings = load_settings(None)
    assert settings.mem0_qdrant_host == "qdrant"
    assert settings.metrics_port == 9464
    assert OllamaSettings.of(settings).ollama_base_url == ("http://gpu:11434" if elsewhere else "http://ollama:11434",)


@pytest.mark.parametrize("service", ["bot", "worker"])
def test_hosts_of_ollama_in_the_settings_file_are_used_beside_the_composed_one(service: str) -> None:
    hosts = "http://ollama:11434,http://192.168.1.51:11434"
    told = interpolated(
        composed(COMPOSE["one machine"])[service]["environment"]["OLLAMA_BASE_URL"], OLLAMA_BASE_URL=hosts
    )
    assert OllamaSettings.of(load_settings(None, ollama_base_url=told)).ollama_base_url == tuple(hosts.split(","))


@pytest.mark.parametrize("files", COMPOSE.values(), ids=COMPOSE.keys())
@pytest.mark.matrix
def test_composed_workers_are_confined_keep_nothing_and_have_no_token(files: list[str]) -> None:
    services = composed(files)
    bot, worker = services["bot"], services["worker"]
    assert (worker["command"], worker["profiles"]) == (["worker"], ["workers"])
    assert worker["environment"] == bot["environment"] | {"DISCORD_TOKEN": ""}, "blank, whatever env_file has"
    assert worker["depends_on"] == bot["depends_on"]
    assert "volumes" not in worker
    assert any(mount.startswith("/data:") and "uid=10001" in mount for mount in worker["tmpfs"])
    assert not {"container_name", "ports"} & worker.keys(), "or there could be one alone"
    same = ("image", "env_file", "read_only", "user", "cap_drop", "security_opt", "stop_grace_period", "restart")
    assert {name: worker[name] for name in same} == {name: bot[name] for name in same}


def test_what_compose_gives_a_worker_is_enough_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = composed(COMPOSE["one machine"])["worker"]["environment"]
    given = {"DATABASE_URL": "postgresql://channel_memory:x@postgres/channel_memory", "OPENAI_API_KEY": "sk-x"}
    for name, value in (environment | given).items():
        monkeypatch.setenv(name, interpolated(value))
    settings = load_settings(None)
    assert settings.discord_token is None
    check_for_worker(settings)


def test_each_way_to_run_ollama_has_its_card() -> None:
    ways = {name: composed(COMPOSE[name])["ollama"] for name in ("one machine", "no card", "a card by AMD")}
    (device,) = ways["one machine"].pop("deploy")["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    amd = ways["a card by AMD"]
    assert amd.pop("devices") == ["/dev/kfd:/dev/kfd", "/dev/dri:/dev/dri"]
    assert amd.pop("image") == f"{ways['no card']['image']}-rocm"
    del ways["one machine"]["image"], ways["no card"]["image"]
    assert ways["one machine"] == ways["no card"] == amd


@pytest.mark.parametrize("way", [way for way in COMPOSE if way != "ollama elsewhere"])
@pytest.mark.matrix
def test_the_models_of_the_settings_are_pulled_by_the_program_that_knows_them(way: str) -> None:
    services = composed(COMPOSE[way])
    pulling = services["ollama-pull"]
    assert pulling["command"] == ["pull"]
    assert pulling["command"][0] in COMMANDS
    same = ("image", "env_file", "read_only", "user", "cap_drop", "security_opt")
    assert {name: pulling[name] for name in same} == {name: services["bot"][name] for name in same}
    assert pulling["environment"]["OLLAMA_BASE_URL"] == services["bot"]["environment"]["OLLAMA_BASE_URL"]
    assert pulling["depends_on"] == {"ollama": {"condition": "service_healthy"}}
    assert (pulling["restart"], "volumes" in pulling) == ("no", False)


def test_compose_starts_every_way_from_the_root_without_naming_a_file() -> None:
    root = loaded(ROOT / "compose.yaml")
    assert set(root) == {"name", "include"}
    (included,) = root["include"]
    assert interpolated(included) == "deploy/compose.yaml"
    page = (ROOT / "docs/install.md").read_text()
    named = re.findall(r"CHANNEL_MEMORY_COMPOSE=([^\s`]+)", page)
    assert sorted(named) == ["deploy/compose.amd.yaml", "deploy/compose.cpu.yaml", "deploy/compose.remote-ollama.yaml"]
    assert loaded(DEPLOY / "compose.yaml")["name"] == root["name"]
    for file in named:
        assert interpolated(included, CHANNEL_MEMORY_COMPOSE=file) == file
        assert loaded(ROOT / file)["name"] == root["name"]


def test_every_variable_of_the_compose_files_may_stand_in_the_settings_file() -> None:
    texts = [path.read_text() for path in (ROOT / "compose.yaml", *DEPLOY.glob("*.yaml"))]
    names = {name for text in texts for name in re.findall(r"\$\{(\w+)", text)}
    known = {name.upper() for name in PROVIDERS.settings_type.model_fields} | FOREIGN_NAMES
    assert names
    assert names - known == set()


def test_named_volumes_and_mounted_files_are_there() -> None:
    for files in COMPOSE.values():
        declared = {name for file in files for name in loaded(DEPLOY / file).get("volumes", {})}
        for service in composed(files).values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                assert source in declared or (DEPLOY / source).exists(), volume


# --- Kubernetes ------------------------------------------------------------------------------------------------------


def rendered(folder: Path) -> list[dict[str, Any]]:
    """What `kubectl kustomize` makes of a folder, for the parts of Kustomize that are used here."""
    kustomization = loaded(folder / "kustomization.yaml")
    assert set(kustomization) <= {"apiVersion", "kind", "resources", "patches"}
    objects: list[dict[str, Any]] = []
    for resource in kustomization["resources"]:
        path = folder / resource
        objects += rendered(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    for patch in kustomization.get("patches", []):
        change = loaded(folder / patch["path"])
        (target,) = [number for number, one in enumerate(objects) if key_of(one) == key_of(change)]
        objects[target] = merged(objects[target], change)
    return objects


def key_of(one: dict[str, Any]) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in objects:
        if one["kind"] in {"Deployment", "StatefulSet"}:
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.matrix
def test_manifests_follow_the_schemas_of_kubernetes(overlay: str) -> None:
    objects = rendered(DEPLOY / "k8s/overlays" / overlay)
    for one in objects:
        validate(one, KUBERNETES, strict=True)
    keys = [key_of(one) for one in objects]
    assert len(keys) == len(set(keys))


def several() -> list[dict[str, Any]]:
    """What is applied on top of an overlay for several bots and workers."""
    return [one for folder in ("shards", "workers") for one in rendered(DEPLOY / "k8s" / folder)]


def test_manifests_for_several_processes_follow_the_schemas() -> None:
    for one in several():
        validate(one, KUBERNETES, strict=True)


def environment_of(workload: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a workload's container is given beside the ConfigMap, by name."""
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry for entry in container["env"]}


def test_each_pod_of_several_bots_has_a_shard_of_its_own() -> None:
    (bots,) = [one for one in several() if one["kind"] == "StatefulSet"]
    given = environment_of(bots)
    assert given.keys() <= {name.upper() for name in PROVIDERS.settings_type.model_fields}
    assert given["SHARD_COUNT"]["value"] == str(bots["spec"]["replicas"])
    assert "pod-index" in given["SHARD_IDS"]["valueFrom"]["fieldRef"]["fieldPath"]


def test_workers_have_what_they_need_and_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    (workers,) = [one for one in several() if one["kind"] == "Deployment"]
    given = environment_of(workers)
    assert given.keys() == {"DATABASE_URL", "OPENAI_API_KEY", "MEM0_QDRANT_API_KEY"}
    config = {key_of(one): one for one in rendered(DEPLOY / "k8s/base")}["ConfigMap", "channel-memory"]["data"]
    for name, value in config.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", "postgresql://bot:x@db/channel_memory")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    check_for_worker(load_settings(None))
    pod = workers["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["worker"]
    assert {"name": "data", "emptyDir": {"sizeLimit": "1Gi"}} in pod["volumes"]
    assert pod["terminationGracePeriodSeconds"] > 4 * FLUSH_SECONDS


def test_a_worker_is_no_pod_of_the_bots_and_may_go_where_they_may() -> None:
    objects = rendered(DEPLOY / "k8s/overlays/gpu-node") + several()
    selectors = [
        one["spec"]["selector"]["matchLabels"] for one in objects if one["kind"] in {"Deployment", "StatefulSet"}
    ]
    (workers,) = [one for one in several() if one["kind"] == "Deployment"]
    labels = workers["spec"]["template"]["metadata"]["labels"]
    assert [labels.items() >= selector.items() for selector in selectors].count(True) == 1
    policies = str([one["spec"] for one in objects if one["kind"] == "NetworkPolicy"])
    alone = "'matchLabels': {'app.kubernetes.io/name': 'channel-memory'}"
    assert alone not in policies, "a policy that knows of bots and not of workers"
    assert policies.count("channel-memory-worker") == 4, "their own, PostgreSQL's, Qdrant's and Ollama's"


def test_every_image_of_the_bots_and_workers_can_be_named_by_one_entry() -> None:
    images = {
        container["image"]
        for _, pod in pods(rendered(DEPLOY / "k8s/overlays/address") + several())
        for container in pod["containers"]
        if not container["image"].startswith("qdrant/")
    }
    assert images == {f"channel-memory:{__version__}"}
    assert f"`channel-memory:{__version__}`; a kustomization" in (ROOT / "docs/kubernetes.md").read_text()


def test_the_schemas_notice_a_fault() -> None:
    broken = rendered(DEPLOY / "k8s/base")
    (deployment,) = [one for one in broken if key_of(one) == ("Deployment", "channel-memory")]
    deployment["spec"]["template"]["spec"]["containers"][0]["readinessProbes"] = {}
    with pytest.raises(ValidationError):
        validate(deployment, KUBERNETES, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_confined_and_probed(overlay: str) -> None:
    for name, pod in pods(rendered(DEPLOY / "k8s/overlays" / overlay) + several()):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        for container in (*pod["containers"], *pod.get("initContainers", [])):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, name
            assert (context["allowPrivilegeEscalation"], context["capabilities"]) == (False, {"drop": ["ALL"]}), name
            assert {"requests", "limits"} == set(container["resources"]), name
        for container in pod["containers"]:
            assert {"livenessProbe", "readinessProbe", "startupProbe"} <= set(container), name


@pytest.mark.parametrize(
    ("overlay", "address"),
    [
        ("address", "http://192.168.1.50:11434"),
        ("external-name", "http://ollama:11434"),
        ("gpu-node", "http://ollama:11434"),
    ],
)
def test_each_overlay_leads_to_an_ollama(overlay: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = {key_of(one): one for one in rendered(DEPLOY / "k8s/overlays" / overlay)}
    data = objects["ConfigMap", "channel-memory"]["data"]
    assert set(data) <= {name.upper() for name in PROVIDERS.settings_type.model_fields}
    for name, value in data.items():
        monkeypatch.setenv(name, value)
    assert OllamaSettings.of(load_settings(None)).ollama_base_url == (address,)
    if overlay == "external-name":
        assert objects["Service", "ollama"]["spec"]["type"] == "ExternalName"
    if overlay == "gpu-node":
        pod = objects["Deployment", "ollama"]["spec"]["template"]["spec"]
        assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
        assert pod["nodeSelector"]


@pytest.mark.parametrize(
    ("config", "there", "pulled"),
    [
        ({}, "", ["llama3.1:8b"]),
        ({}, "llama3.1:8b", []),
        ({"CHECK_MODEL": "bespoke-minicheck", "EMBEDDING_MODEL": "text-embedding-3-small"}, "", None),
        ({"EMBEDDING_PROVIDER": "ollama", "EMBEDDING_MODEL": "nomic-embed-text"}, "", None),
    ],
)
def test_the_node_with_the_card_pulls_every_model_of_its_configuration(
    tmp_path: Path, config: dict[str, str], there: str, pulled: list[str] | None
) -> None:
    objects = {key_of(one): one for one in rendered(DEPLOY / "k8s/overlays/gpu-node")}
    (pull,) = objects["Deployment", "ollama"]["spec"]["template"]["spec"]["initContainers"]
    assert pull["envFrom"] == [{"configMapRef": {"name": "channel-memory"}}]
    calls = tmp_path / "calls"
    stand_in = f'#!/bin/sh\n[ "$1" = pull ] && echo "$2" >>{calls}\n[ "$1" != show ] || [ "$2" = "{there}" ]\n'
    (tmp_path / "ollama").write_text(stand_in)
    (tmp_path / "ollama").chmod(0o755)
    data = objects["ConfigMap", "channel-memory"]["data"] | config
    command = [SHELL, "-ec", *pull["args"]]
    subprocess.run(command, env=data | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True)  # noqa: S603
    expected = ["llama3.1:8b"] if pulled is None else pulled
    expected = expected + [name for name in config.values() if name in ("bespoke-minicheck", "nomic-embed-text")]
    assert (calls.read_text().split() if calls.exists() else []) == expected


def test_the_prometheus_operator_scrapes_under_the_jobs_that_the_rules_name() -> None:
    monitor, alerts = rendered(DEPLOY / "k8s/monitoring")
    assert (monitor["apiVersion"], monitor["kind"], alerts["kind"]) == (
        *("monitoring.coreos.com/v1", "PodMonitor"),
        "PrometheusRule",
    )
    label, selector = monitor["spec"]["jobLabel"], monitor["spec"]["selector"]["matchExpressions"][0]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert (selector["key"], selector["operator"]) == (label, "In")
    jobs = set()
    for one in rendered(DEPLOY / "k8s/overlays/address") + several():
        if (
            one["kind"] in {"Deployment", "StatefulSet"}
            and (labels := one["spec"]["template"]["metadata"]["labels"]).get(label) in selector["values"]
        ):
            (container,) = one["spec"]["template"]["spec"]["containers"]
            assert endpoint["port"] in [port["name"] for port in container["ports"]]
            jobs.add(labels[label])
    named = {job for rule in rules() for job in re.findall(r'job="([^"]+)"', rule["expr"])}
    assert jobs == set(selector["values"]) == named
    composed_jobs = {job["job_name"] for job in loaded(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]}
    assert composed_jobs == named


def test_the_rules_for_kubernetes_are_those_of_compose() -> None:
    assert (DEPLOY / "k8s/monitoring/rules.yaml").read_text() == kubernetes_rules()
    rule = loaded(DEPLOY / "k8s/monitoring/rules.yaml")
    assert rule["spec"] == loaded(DEPLOY / "prometheus/alerts.yml")


@pytest.mark.parametrize("folder", [*(f"overlays/{name}" for name in OVERLAYS), "shards", "workers", "monitoring"])
@pytest.mark.matrix
def test_kustomize_makes_of_each_folder_what_these_tests_look_at(folder: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        print("kubectl is not installed: what it makes of the folder is not compared")
        return
    command = [kubectl, "kustomize", str(DEPLOY / "k8s" / folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603

    def by_key(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
        return {key_of(one): one for one in objects}

    assert by_key(list(yaml.safe_load_all(made))) == by_key(rendered(DEPLOY / "k8s" / folder))


def test_secrets_are_referred_to_and_never_written_down() -> None:
    assert not [one for one in rendered(DEPLOY / "k8s/overlays/gpu-node") if one["kind"] == "Secret"]
    ((_, pod),) = [found for found in pods(rendered(DEPLOY / "k8s/base")) if found[0] == "channel-memory"]
    referred = {entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in pod["containers"][0]["env"]}
    assert referred["DISCORD_TOKEN"] == {"name": "channel-memory", "key": "DISCORD_TOKEN"}


# --- dashboard and alert rules ---------------------------------------------------------------------------------------


def dashboard_queries() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana/dashboards/channel-memory.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def rules() -> list[dict[str, Any]]:
    return [rule for group in loaded(DEPLOY / "prometheus/alerts.yml")["groups"] for rule in group["rules"]]


def selected(query: str) -> set[str]:
    """The metrics that a query reads; fails where it is not PromQL."""
    names: set[str] = set()

    def visit(node: object) -> None:
        selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
        if isinstance(selector, promql_parser.VectorSelector):
            names.add(str(selector.name))

    promql_parser.walk(promql_parser.parse(query), visit)
    return names


@pytest.mark.parametrize("query", [*dashboard_queries(), *(rule["expr"] for rule in rules())])
def test_every_query_reads_metrics_that_exist(query: str, metric_names: set[str]) -> None:
    outside = {"up", "ALERTS"}
    assert selected(query) - outside <= metric_names


def test_what_operators_must_be_told_has_a_rule_and_a_remedy() -> None:
    names = {rule["alert"] for rule in rules()}
    assert {"QueueOld", "BreakerOpen", "ModelSlow", "VramHigh", "DeadLettersRising"} <= names
    remedies = (ROOT / "docs/troubleshooting.md").read_text()
    assert [name for name in sorted(names) if f"`{name}`" not in remedies] == []


@pytest.mark.slow
def test_every_line_that_the_pages_quote_is_one_that_the_program_writes() -> None:
    texts = [
        node.value
        for folder in ("bot", "cogs")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    quoted = re.findall(r'"([^"\n]*)"', (ROOT / "docs/troubleshooting.md").read_text())
    assert len(quoted) > 3
    pieces = [piece.strip(" .,:()") for quote in quoted for piece in quote.split("…")]
    assert [piece for piece in pieces if piece and not any(piece in text for text in texts)] == []


# --- documents -------------------------------------------------------------------------------------------------------


def test_the_settings_page_is_what_the_code_says() -> None:
    assert settings_table(PROVIDERS.settings_type) in (ROOT / "docs/settings.md").read_text()


def test_what_the_pages_apply_is_a_kustomization_over_which_an_image_can_be_named() -> None:
    told = [
        found
        for page in (ROOT / "docs").rglob("*.md")
        for found in re.findall(r"apply (-\w) (deploy/\S+)", page.read_text())
    ]
    assert len(told) == 4
    for way, folder in told:
        assert way == "-k", folder
        assert (ROOT / folder / "kustomization.yaml").exists()


@pytest.mark.parametrize("file", sorted(path.name for path in DEPLOY.glob("compose*.yaml")))
def test_the_pages_that_call_a_compose_file_name_what_it_demands(file: str) -> None:
    demanded = re.findall(r"\$\{(\w+):\?", (DEPLOY / file).read_text())
    called = re.compile(rf"(-f |CHANNEL_MEMORY_COMPOSE=)deploy/{re.escape(file)}")
    pages = [page for page in (ROOT / "docs").rglob("*.md") if called.search(page.read_text())]
    assert pages
    for page in pages:
        assert [name for name in demanded if name not in page.read_text()] == [], page.name


def test_links_between_documents_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    links = [(page, to) for page in pages for to in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())]
    assert links
    assert [(page.name, to) for page, to in links if "://" not in to and not (page.parent / to).exists()] == []
