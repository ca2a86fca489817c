"""The command line."""

import signal
import subprocess
import sys

import httpx
import pytest

from azure_inference_local.cli import main, parser

QUERY = "?api-version=2024-05-01-preview"


def test_command_line():
    """`serve` prints URL, key and snippets, answers, logs a line a request, and stops in order on SIGTERM."""
    command = [sys.executable, "-m", "azure_inference_local", "serve", "--family", "jamba", "--key", "k"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[-1]
        info = httpx.get(f"{url}/jamba/info{QUERY}", headers={"api-key": "k"}, trust_env=False)
        process.send_signal(signal.SIGTERM)
        out, err = process.stdout.read(), process.stderr.read()
    assert info.json()["model_name"] == "AI21-Jamba-1.5-Large"
    assert process.returncode == 0
    assert "ChatAzureInference(" in out
    assert "AzureInference(" in out
    assert "GET /jamba/info 200" in err


def test_help(capsys):
    """`--help` shows examples and every family, and a wrong option is explained."""
    with pytest.raises(SystemExit):
        parser().parse_args(["serve", "--help"])
    text = capsys.readouterr().out
    assert "examples:" in text
    assert "cohere-embed-v3" in text
    assert main(["serve", "--host", "0.0.0.0"]) == 1
    assert "key of your own" in capsys.readouterr().err


def test_models_command(capsys):
    """`models` lists the catalogue, and an unknown name is refused with the names there are."""
    assert main(["models"]) == 0
    assert "smollm2-135m" in capsys.readouterr().out
    assert main(["models", "pull", "nobody"]) == 1
    assert "smollm2-135m" in capsys.readouterr().err
