"""What can be in the way of a start, each in one clear line; files under `var/`."""

import socket
import stat
from urllib.parse import urlsplit

import pytest

from merchant_portal.portal import ports, redis_server, var
from merchant_portal.portal.errors import CannotStart
from merchant_portal.portal.plan import Plan, environment, services
from merchant_portal.portal.ports import free_port, require_free
from merchant_portal.portal.run import Wishes, decide


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def plan(tmp_path):
    return Plan(
        base_dir=tmp_path,
        var_dir=tmp_path / "var",
        host="127.0.0.1",
        port=8000,
        sandbox_port=8001,
        redis_url="redis://127.0.0.1:1/0",
        public_url="http://127.0.0.1:8000",
        demo=True,
        traffic=True,
        crew=True,
        speed=60.0,
    )


def test_a_taken_port_is_one_line_that_says_what_to_do(taken):
    with pytest.raises(CannotStart) as problem:
        require_free("127.0.0.1", taken)
    assert str(problem.value) == (
        f"Port {taken} is taken by another program. Choose another, for example: make run PORT=8080"
    )


def test_a_port_that_is_none_is_refused():
    with pytest.raises(CannotStart, match="Port 70000 is not between 1 and 65535"):
        require_free("127.0.0.1", 70000)


def test_a_free_port_is_kept_and_a_taken_one_replaced(taken):
    port = free_port()
    require_free("127.0.0.1", port)
    assert free_port(prefer=port) == port
    assert free_port(prefer=taken) != taken


@pytest.mark.parametrize("wished", [True, False])
def test_no_port_is_meant_for_two(tmp_path, monkeypatch, wished):
    first = free_port()
    second = free_port(besides={first})
    third = free_port(besides={first, second})
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(ports, "CHOICE", [first, second, third])
    what = Wishes(
        base_dir=tmp_path,
        var_dir=tmp_path,
        host="127.0.0.1",
        port=first,
        sandbox_port=second if wished else 0,
        demo=True,
        traffic=False,
        crew=False,
        speed=1.0,
    )
    for _ in range(10):
        plan, private = decide(what)
        given = {plan.port, plan.sandbox_port, urlsplit(private.url).port}
        assert len(given) == 3
        assert given <= {first, first + 1, second, third}


def test_it_is_said_when_no_port_is_free(taken, monkeypatch):
    monkeypatch.setattr(ports, "CHOICE", [taken])
    with pytest.raises(CannotStart, match=f"No port from {taken} to {taken} can be used on 127.0.0.1"):
        free_port()


def test_a_folder_is_one_portals_own(tmp_path):
    with var.lock(tmp_path):
        var.write_state(tmp_path, {"url": "http://127.0.0.1:8000"})
        with pytest.raises(CannotStart) as problem:
            var.lock(tmp_path)
    assert str(problem.value) == f"A portal already runs on {tmp_path} at http://127.0.0.1:8000."
    var.lock(tmp_path).close()


def test_what_holds_secrets_is_for_this_user_only(tmp_path):
    redis_server.prepare(tmp_path)
    var.write_state(tmp_path, {})
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"redis.conf": 0o600, "portal.json": 0o600}


def test_a_long_log_is_put_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(var, "LOG_LIMIT", 3)
    (tmp_path / "log").mkdir()
    for words in ("first\n", "second\n"):
        with var.open_log(tmp_path, "site") as log:
            log.write(words)
    assert var.last_line(tmp_path, "site") == "second"
    assert (tmp_path / "log" / "site.1.log").read_text() == "first\n"


def test_redis_comes_from_the_path_else_from_the_wheel(tmp_path, monkeypatch):
    server = tmp_path / "redis-server"
    server.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server.find_binary() == str(server)
    server.unlink()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CannotStart, match="No Redis found"):
        redis_server.find_binary()


def test_the_environment_of_children_says_where_everything_is(plan):
    assert environment(plan, {"PATH": "/bin", "REDIS_URL": "old"}) == {
        "PATH": "/bin",
        "DJANGO_SETTINGS_MODULE": "merchant_portal.settings",
        "PORTAL_VAR": str(plan.var_dir),
        "PORTAL_PUBLIC_URL": "http://127.0.0.1:8000",
        "PORTAL_DEMO": "1",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PYTHONUNBUFFERED": "1",
    }


def test_without_traffic_nobody_works_and_nothing_is_sent(plan):
    quiet = Plan(**{name: getattr(plan, name) for name in plan.__slots__} | {"traffic": False})
    full, still = (next(s for s in services(p) if s.name == "sandbox").argv for p in (plan, quiet))
    assert list(full) == [*still, "--traffic", "--crew"]


def test_the_sandbox_belongs_to_the_demo(plan):
    bare = Plan(**{name: getattr(plan, name) for name in plan.__slots__} | {"demo": False})
    assert [service.name for service in services(plan)] == ["sandbox", "daphne", "worker", "beat"]
    assert [service.name for service in services(bare)] == ["daphne", "worker", "beat"]
