"""The virtual environment is made once, renewed when requirements change, rebuilt when it is broken."""

import shutil

import pytest

from merchant_portal.portal import venv


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose requirements are installed by noting that they were."""
    installed = []
    monkeypatch.setattr(venv, "MAKE", (*venv.MAKE, "--without-pip"))
    monkeypatch.setattr(
        venv, "_install", lambda folder, requirements: installed.append(requirements.read_text())
    )
    (tmp_path / "requirements.txt").write_text("one")
    return tmp_path, installed


def ensure(folder):
    venv.ensure(folder / ".venv", folder / "requirements.txt")


def test_what_is_installed_is_not_installed_again(project):
    folder, installed = project
    ensure(folder)
    ensure(folder)
    assert installed == ["one"]
    assert venv.works(folder / ".venv")


def test_changed_requirements_renew_it_with_one_line(project, capsys):
    folder, installed = project
    ensure(folder)
    (folder / "requirements.txt").write_text("two")
    ensure(folder)
    assert installed == ["one", "two"]
    assert capsys.readouterr().out == "requirements.txt changed: renewing .venv …\n"


def test_one_whose_interpreter_is_gone_is_built_anew(project, capsys):
    folder, installed = project
    ensure(folder)
    shutil.rmtree(folder / ".venv" / "bin")
    ensure(folder)
    assert installed == ["one", "one"]
    assert capsys.readouterr().out == ".venv does not work any more: building it anew …\n"


def test_a_failed_installation_is_tried_again_next_time(project, monkeypatch):
    folder, installed = project

    def fail(*_):
        raise venv.Broken("no network")

    with monkeypatch.context() as patch:
        patch.setattr(venv, "_install", fail)
        with pytest.raises(venv.Broken):
            ensure(folder)
    ensure(folder)
    assert installed == ["one"]


def test_an_old_python_is_refused(project, monkeypatch):
    monkeypatch.setattr(venv, "OLDEST", (99, 0))
    with pytest.raises(venv.Broken, match=r"Python 99.0 or newer is needed"):
        ensure(project[0])
