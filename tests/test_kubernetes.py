"""The Kubernetes manifests: commands and settings that exist, few rights, probes, budgets, and a scale by age."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.metrics import QueueCollector
from mailtalk.settings.load import PREFIX, SECRETS, Settings

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy/kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS = [each for name in KUSTOMIZATION["resources"] for each in yaml.safe_load_all((FOLDER / name).read_text())]
VERSIONS = {
    "Namespace": "v1",
    "Service": "v1",
    "Job": "batch/v1",
    "Deployment": "apps/v1",
    "PodDisruptionBudget": "policy/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
}
SETTINGS = dict(line.split("=", 1) for line in (FOLDER / "settings.env").read_text().split())


def of_kind(kind: str) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")
PODS = {name: each["spec"]["template"] for name, each in (DEPLOYMENTS | of_kind("Job")).items()}
each_pod = pytest.mark.parametrize("name", PODS)
each_deployment = pytest.mark.parametrize("name", DEPLOYMENTS)


def container(name: str) -> dict[str, Any]:
    (found,) = PODS[name]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_every_file_is_listed_and_every_kind_has_its_version() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])
    assert {each["kind"]: each["apiVersion"] for each in OBJECTS} == VERSIONS
    assert [each["metadata"].get("namespace") for each in OBJECTS] == [None] * len(OBJECTS)  # the kustomization's


def test_there_is_one_deployment_for_each_process_and_the_tables_are_upgraded_by_a_job() -> None:
    assert set(DEPLOYMENTS) == {"api", "bridge", "worker"}
    assert PODS.keys() - DEPLOYMENTS.keys() == {"migrate"}
    assert of_kind("Job")["migrate"]["spec"]["ttlSecondsAfterFinished"] > 0


@each_pod
def test_a_pod_starts_a_command_that_exists(name: str) -> None:
    mailtalk = Path(sys.executable).with_name("mailtalk")
    commands = [container(name)["args"]]
    commands += [probe["exec"]["command"][1:] for probe in probes(name).values() if "exec" in probe]
    for command in commands:
        done = subprocess.run([mailtalk, *command, "--help"], capture_output=True, check=False)
        assert done.returncode == 0, command


@each_pod
def test_a_pod_has_no_more_rights_than_it_needs(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert f"USER {spec['securityContext']['runAsUser']}:" in (ROOT / "Dockerfile").read_text()
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec)
    assert set(container(name)["resources"]["requests"]) == {"cpu", "memory"}


@each_pod
def test_secrets_are_files_and_settings_exist(name: str) -> None:
    environment = {each["name"]: each["value"] for each in container(name)["env"]}
    assert set(environment) <= {f"{PREFIX}{secret.upper()}_FILE" for secret in SECRETS}
    (mount,) = [each for each in container(name)["volumeMounts"] if each["name"] == "secrets"]
    for variable, path in environment.items():
        key = variable.removeprefix(PREFIX).removesuffix("_FILE").lower()
        assert path == f"{mount['mountPath']}/{key}"
        assert f"--from-literal={key}=" in (FOLDER / "kustomization.yaml").read_text()
    assert {each["name"] for each in container(name)["volumeMounts"]} == {
        each["name"] for each in PODS[name]["spec"]["volumes"]
    }
    assert container(name)["envFrom"] == [{"configMapRef": {"name": KUSTOMIZATION["configMapGenerator"][0]["name"]}}]


def test_the_settings_are_valid_and_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SETTINGS.items():
        monkeypatch.setenv(variable, value)
    assert {name.removeprefix(PREFIX).lower() for name in SETTINGS} <= set(Settings.model_fields) - set(SECRETS)
    assert Settings().reply_domain == SETTINGS["MAILTALK_REPLY_DOMAIN"]


def probes(name: str) -> dict[str, Any]:
    return {key: value for key, value in container(name).items() if key.endswith("Probe")}


@each_deployment
def test_a_process_is_probed_on_a_port_it_has(name: str) -> None:
    wanted = {"startupProbe", "livenessProbe"} | ({"readinessProbe"} if name != "worker" else set())
    assert set(probes(name)) == wanted
    ports = {port["name"]: port["containerPort"] for port in container(name)["ports"]}
    for probe in probes(name).values():
        where = probe.get("httpGet") or probe.get("tcpSocket")
        assert where is None or where["port"] in ports
    own = {"api": {"http": Settings().api_port}, "bridge": {"smtp": Settings().smtp_port}, "worker": {}}[name]
    assert ports == own | {"metrics": int(SETTINGS["MAILTALK_METRICS_PORT"])}
    assert PODS[name]["metadata"]["annotations"]["prometheus.io/port"] == SETTINGS["MAILTALK_METRICS_PORT"]


@each_deployment
def test_one_of_each_process_always_runs(name: str) -> None:
    selector = DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= PODS[name]["metadata"]["labels"].items()
    assert of_kind("PodDisruptionBudget")[name]["spec"] == {"minAvailable": 1, "selector": {"matchLabels": selector}}
    assert DEPLOYMENTS[name]["spec"]["replicas"] >= 2
    assert DEPLOYMENTS[name]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_services_lead_to_pods() -> None:
    for name, service in of_kind("Service").items():
        assert service["spec"]["selector"].items() <= PODS[name]["metadata"]["labels"].items()
        names = {port["name"] for port in container(name)["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    assert of_kind("Service")["bridge"]["spec"]["externalTrafficPolicy"] == "Local"


def test_workers_are_scaled_by_the_age_of_the_queues() -> None:
    spec = of_kind("HorizontalPodAutoscaler")["worker"]["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}
    (metric,) = spec["metrics"]
    served = {family.name for family in QueueCollector.describe(QueueCollector.__new__(QueueCollector))}
    assert metric["external"]["metric"]["name"] in served
    assert spec["minReplicas"] >= DEPLOYMENTS["worker"]["spec"]["replicas"]


VALIDATE = shutil.which("kubernetes-validate")


@pytest.mark.skipif(not VALIDATE, reason="kubernetes-validate is not installed: pip install kubernetes-validate")
@pytest.mark.parametrize("version", ["1.30", "1.34"])
def test_the_manifests_are_valid_by_the_schemas_of_the_api(version: str) -> None:
    files = [FOLDER / name for name in KUSTOMIZATION["resources"]]
    checked = subprocess.run(
        [str(VALIDATE), "-k", version, "--strict", *files], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_the_kustomization_is_built() -> None:
    built = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    objects = list(yaml.safe_load_all(built.stdout))
    assert len(objects) == len(OBJECTS) + 1  # and the settings' ConfigMap
    assert {each["metadata"].get("namespace", "mailtalk") for each in objects} == {"mailtalk"}
