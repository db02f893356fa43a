"""What an installed package holds."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_package_takes_every_data_file_along() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    home = ROOT / "assistant"
    taken = {path for pattern in settings["package-data"]["assistant"] for path in home.glob(pattern) if path.is_file()}
    assert {path for path in (home / "data").rglob("*") if path.is_file()} <= taken
    assert home / "data" / "checker" / "checker.onnx" in taken
