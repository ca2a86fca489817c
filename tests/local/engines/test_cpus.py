"""The processors that engines use."""

import pytest

from azure_inference_local.engines.cpus import generation_threads


@pytest.mark.parametrize(("load", "threads"), [(0.1, 4), (3.0, 3)])
def test_a_busy_machine_keeps_a_processor(monkeypatch, load, threads):
    """Generation uses every processor of an idle machine and leaves one to the neighbours of a busy one."""
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("azure_inference_local.engines.cpus.usable_cpus", lambda: 4)
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    assert generation_threads() == threads
