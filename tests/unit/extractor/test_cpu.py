from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imagesearch_extractor.cpu import computes_in_bfloat16, prepare_process, usable_cpus

CORES = len(os.sched_getaffinity(0))


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_a_cgroup_the_affinity_mask_counts(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path) == CORES


def test_a_quota_of_cgroup_2_binds(tmp_path: Path) -> None:
    root = machine(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"})
    assert usable_cpus(root) == 1


def test_a_quota_above_the_own_group_binds_too(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/kubepods/pod1/worker\n",
            "sys/fs/cgroup/kubepods/pod1/worker/cpu.max": "max 100000\n",
            "sys/fs/cgroup/kubepods/pod1/cpu.max": "100000 100000\n",
        },
    )
    assert usable_cpus(root) == 1


def test_a_quota_of_cgroup_1_binds_under_the_hosts_path(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/0123\n1:name=systemd:/\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "30000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    )
    assert usable_cpus(root) == 1


@pytest.mark.parametrize("quota", ["max 100000", "900000000 100000", "", "0 0"])
def test_no_quota_a_large_one_and_a_broken_one_leave_the_affinity_mask(tmp_path: Path, quota: str) -> None:
    root = machine(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": quota})
    assert usable_cpus(root) == CORES


def test_a_cgroup_1_without_a_quota_leaves_the_affinity_mask(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "1:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert usable_cpus(root) == CORES


def test_thread_counts_are_set_and_what_was_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    environ = {"OMP_NUM_THREADS": "9", "KERAS_BACKEND": "jax"}
    assert prepare_process(environ, cpus=3) == 3
    assert environ["OMP_NUM_THREADS"] == "9"
    assert environ["TF_NUM_INTRAOP_THREADS"] == "3"
    assert environ["KERAS_BACKEND"] == "tensorflow"


def test_preparing_after_tensorflow_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    with pytest.raises(RuntimeError, match="before TensorFlow"):
        prepare_process({}, cpus=1)


@pytest.mark.parametrize(("flags", "native"), [("fpu avx512_bf16", True), ("amx_bf16", True), ("avx512f", False)])
def test_native_bfloat16_is_read_from_the_cpu_flags(tmp_path: Path, flags: str, native: bool) -> None:
    root = machine(tmp_path, {"proc/cpuinfo": f"processor\t: 0\nflags\t\t: {flags}\n"})
    assert computes_in_bfloat16(root) is native
    assert computes_in_bfloat16(tmp_path / "elsewhere") is False


QUIET = """
import os, sys
from imagesearch_extractor.cpu import quiet_import
try:
    with quiet_import():
        os.write(2, b"chatter\\n")
        if sys.argv[1] == "fail":
            raise ImportError("broken")
except ImportError:
    pass
os.write(2, b"after\\n")
"""


@pytest.mark.parametrize(("ending", "shown"), [("work", "after\n"), ("fail", "chatter\nafter\n")])
def test_import_chatter_is_shown_only_when_the_import_fails(ending: str, shown: str) -> None:
    ran = subprocess.run([sys.executable, "-c", QUIET, ending], capture_output=True, text=True, check=True)
    assert ran.stderr == shown
