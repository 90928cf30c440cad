"""`make screenshots`: pictures of the running product for the documentation and for judging a change.

Starts the portal with its demo brand on free ports and a folder of its own, waits for the wave, and
photographs every page. With `--all`, every page in every size, theme and language.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from merchant_portal.portal.ports import free_port
from tests.services import QUIET, find_chromium

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"tablet": (1280, 800), "phone": (390, 844), "wall": (1920, 1080)}
# Also where its card is below those that can be seen.
OPEN_HAND_OFF = """order => document.dispatchEvent(
  new CustomEvent("card-step", { detail: { id: order, step: "handoff" } }))"""
# An order of Ele.me that is not made yet, and that stands where one can see it.
IN_SIGHT = """() => {
  const waits = ({ channel, state }) => channel === "eleme" && ["accepted", "making"].includes(state);
  const seen = [...document.querySelectorAll("order-card")].find((e) => e.checkVisibility() && waits(e.card));
  return seen ? seen.card : null;
}"""
# Whose shift at a store is open, and their link: people get it as a code only.
RIDER_LINK = """
from django.utils import timezone
from couriers.models import Shift
from couriers.riders.links import token_of
now = timezone.now()
shift = Shift.objects.filter(ended_at=None, ends_at__gt=now, rider__store={store})[0]
print(shift.rider_id, f"/r/{{token_of(shift)}}/")
"""
WAVE_SECONDS = 75  # until the counters are busy at the chosen speed


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: which page, in which size, theme and language."""

    page: str
    size: str
    theme: str
    language: str

    @property
    def file(self) -> str:
        """E.g. board-tablet-dark-en.png"""
        return f"{self.page}-{self.size}-{self.theme}-{self.language}.png"


DOCUMENTED = [
    Shot("board", "tablet", "dark", "en"),
    Shot("board", "phone", "dark", "zh-hans"),
    Shot("board", "wall", "light", "de"),
    Shot("pause", "tablet", "dark", "en"),
    Shot("pause", "phone", "dark", "de"),
    Shot("handoff", "tablet", "dark", "zh-hans"),
    Shot("report", "tablet", "light", "en"),
    Shot("report", "phone", "dark", "zh-hans"),
    Shot("request", "wall", "dark", "en"),
    Shot("channels", "tablet", "light", "en"),
    Shot("carriers", "tablet", "light", "en"),
    Shot("couriers", "tablet", "light", "de"),
    Shot("riders", "tablet", "dark", "en"),
    Shot("rider", "phone", "light", "zh-hans"),
    Shot("card", "phone", "light", "en"),
    Shot("admin", "tablet", "light", "en"),
    Shot("login", "tablet", "light", "de"),
    Shot("home", "tablet", "light", "zh-hans"),
]
LANGUAGES = ("en", "zh-hans", "de")
LOCALES = {"zh-hans": "zh-CN"}  # the browser's name, by which a page without a cookie speaks
PAGES = (
    "board", "pause", "handoff", "request", "carriers", "riders", "rider", "card",
    "report", "channels", "couriers", "message", "admin", "login", "home",
)  # fmt: skip
MANAGERS = ("report", "channels", "carriers", "couriers", "home")
EVERY = [
    Shot(*facts) for facts in itertools.product(PAGES, SIZES, ("dark", "light"), ("en", "zh-hans", "de"))
]


@contextmanager
def running_portal() -> Iterator[dict[str, Any]]:
    """The portal with its demo; gives what `demo_credentials` prints."""
    with tempfile.TemporaryDirectory(prefix="portal-screenshots-") as folder:
        port = free_port()
        environment = {**os.environ, "PORTAL_VAR": folder, "PORTAL_DEMO": "1"}
        manage = [sys.executable, "manage.py"]
        command = [*manage, "portal", "--demo", "--port", str(port), "--speed", "120"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            for line in process.stdout or ():
                print(line, end="")
                if "is ready" in line:
                    break
            listing = [*manage, "demo_credentials"]
            found = subprocess.run(
                listing, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
            )
            yield json.loads(found.stdout) | {"environment": environment}
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


class Photographer:
    """Signs in as whoever may see a page, brings it into the wanted state, and takes the picture."""

    def __init__(self, browser: Browser, facts: dict[str, Any], folder: Path) -> None:
        self._browser = browser
        self._base = facts["base_url"]
        self._sandbox = facts["sandbox_url"]
        self._environment = facts["environment"]
        self._users = {user["role"]: user for user in reversed(facts["users"])}
        self._folder = folder
        self._signed_in: dict[str, Any] = {}

    def take(self, shot: Shot) -> None:
        """Write one picture."""
        width, height = SIZES[shot.size]
        context = self._browser.new_context(
            base_url=self._base,
            viewport={"width": width, "height": height},
            color_scheme=shot.theme,  # type: ignore[arg-type]
            locale=LOCALES.get(shot.language, shot.language),
            storage_state=self._session(shot),
        )
        context.add_cookies([{"name": "django_language", "value": shot.language, "url": self._base}])
        page = context.new_page()
        page.add_init_script(f"localStorage.setItem('portal.settings', '{{\"theme\": \"{shot.theme}\"}}')")
        getattr(self, f"_{shot.page}")(page)
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", shot.theme)
        page.wait_for_timeout(300)
        page.screenshot(path=self._folder / shot.file)
        print(shot.file)
        context.close()

    def _session(self, shot: Shot) -> Any:
        managers, admins = dict.fromkeys(MANAGERS, "manager"), ("admin", "message")
        roles = {**managers, **dict.fromkeys(admins, "admin"), **dict.fromkeys(("login", "rider", "card"))}
        role = roles.get(shot.page, "staff")
        if role is None:
            return None
        if role not in self._signed_in:
            self._signed_in[role] = self._sign_in(self._users[role])
        return self._signed_in[role]

    def _sign_in(self, user: dict[str, Any]) -> Any:
        context = self._browser.new_context(base_url=self._base)
        page = context.new_page()
        page.goto("/login/")
        page.fill("[name=username]", user["name"])
        page.fill("[name=password]", user["password"])
        page.click("main button[type=submit]")
        page.wait_for_url(lambda url: "/login/" not in url)
        state = context.storage_state()
        context.close()
        return state

    @property
    def _store(self) -> int:
        return int(self._users["staff"]["stores"][0]["id"])

    def _board(self, page: Page) -> None:
        page.goto(f"/stores/{self._store}/")
        page.wait_for_selector("article")
        page.wait_for_timeout(1500)

    def _pause(self, page: Page) -> None:
        page.goto("/")
        self._post(page, "/intake", {"level": "paused", "reason": "Bags cover the floor", "lasts": "20"})
        self._board(page)
        page.wait_for_timeout(3_000)  # until the platform was told and has confirmed

    def _handoff(self, page: Page) -> None:
        """An order nobody has handed off yet: brought to the shelf here, while the pretend staff rest."""
        page.request.post(f"{self._sandbox}/control/crew", data={"working": False})
        page.goto("/")
        order = self._begun(page)
        self._post(page, f"/orders/{order}/ready", {})
        self._board(page)
        page.evaluate(OPEN_HAND_OFF, order)
        page.wait_for_selector("dialog[open] .offer .tag-cheapest")  # the prices have come
        page.request.post(f"{self._sandbox}/control/crew", data={"working": True})

    def _begun(self, page: Page) -> int:
        """An order of the store's own delivery that is being made, just pushed."""
        store = self._users["staff"]["stores"][0]["code"]
        wish = {"store_code": store, "count": 1, "fulfilment": "store_courier"}
        page.request.post(f"{self._sandbox}/control/orders", data=wish)
        order = self._accepted(page)
        self._post(page, f"/orders/{order}/start", {})
        return order

    def _accepted(self, page: Page) -> int:
        """An order the store delivers and nobody has begun; one was just pushed."""
        for _ in range(100):
            feed = page.request.get(f"/api/v1/stores/{self._store}/feed").json()
            ours = [card for card in feed["cards"] if card["fulfilment"] == "store_courier"]
            if found := [card["id"] for card in ours if card["state"] == "accepted"]:
                return int(found[-1])
            page.wait_for_timeout(100)
        raise RuntimeError("the order did not come")

    def _report(self, page: Page) -> None:
        page.goto("/reports/")
        page.wait_for_timeout(800)

    def _request(self, page: Page) -> None:
        """A guest of Ele.me wants to cancel."""
        self._board(page)
        page.request.post(f"{self._sandbox}/control/crew", data={"working": False})
        card = page.wait_for_function(IN_SIGHT).json_value()
        wish = {"type": "order.cancel_requested", "order_id": card["external_id"], "account": card["account"]}
        wish |= {"store_code": self._users["staff"]["stores"][0]["code"], "reason": "等太久了"}
        page.request.post(f"{self._sandbox}/control/messages", data=wish)
        page.wait_for_selector(f"[data-card='{card['id']}'] .ask")
        page.request.post(f"{self._sandbox}/control/crew", data={"working": True})

    def _channels(self, page: Page) -> None:
        page.goto("/reports/channels/")

    def _carriers(self, page: Page) -> None:
        page.goto(f"/stores/{self._store}/carriers/")

    def _couriers(self, page: Page) -> None:
        page.goto("/reports/couriers/")
        page.wait_for_timeout(800)

    def _riders(self, page: Page) -> None:
        page.goto(f"/stores/{self._store}/riders/")

    def _rider(self, page: Page) -> None:
        """The phone of somebody who rides for the store: one order is on the road, two wait on the shelf."""
        code = RIDER_LINK.format(store=self._store)
        shell = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
        told = subprocess.run(
            shell, cwd=ROOT, env=self._environment, check=True, capture_output=True, text=True
        )
        rider, link = told.stdout.split()
        page.request.post(f"{self._sandbox}/control/crew", data={"working": False})
        with self._counter() as counter:
            counter.goto("/")
            orders = [self._given(counter, rider) for _ in range(3)]
            self._post(counter, f"/orders/{orders[0]}/handoff/picked-up", {})
        page.goto(link)
        page.locator(".rider-stops li").nth(2).wait_for()
        page.request.post(f"{self._sandbox}/control/crew", data={"working": True})

    def _given(self, counter: Page, rider: str) -> int:
        """An order on the shelf that the rider is to bring."""
        order = self._begun(counter)
        self._post(counter, f"/orders/{order}/handoff", {"rider": rider})
        self._post(counter, f"/orders/{order}/ready", {})
        return order

    @contextmanager
    def _counter(self) -> Iterator[Page]:
        """A page of somebody at the counter, beside the one that is photographed."""
        state = self._sign_in(self._users["staff"])
        context = self._browser.new_context(base_url=self._base, storage_state=state)
        yield context.new_page()
        context.close()

    def _card(self, page: Page) -> None:
        """The card at the door, as a rider of any courier sees it."""
        with self._counter() as counter:
            counter.goto(f"/stores/{self._store}/door/")
            address = counter.get_by_label("Open the rider card").first.get_attribute("href")
        page.goto(str(address))

    def _message(self, page: Page) -> None:
        page.goto("/admin/orders/incomingmessage/?kind=10")
        page.click("#result_list tbody a >> nth=0")
        page.wait_for_url(lambda url: "/change/" in url)

    def _admin(self, page: Page) -> None:
        page.goto("/admin/orders/order/")

    def _login(self, page: Page) -> None:
        page.goto("/login/")

    def _home(self, page: Page) -> None:
        page.goto("/")
        page.wait_for_timeout(800)

    def _post(self, page: Page, path: str, body: dict[str, str]) -> None:
        cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
        headers = {"X-CSRFToken": cookies["csrftoken"]}
        answer = page.request.post(f"/api/v1/stores/{self._store}{path}", data=body, headers=headers)
        if not answer.ok:
            raise RuntimeError(f"{path} answers {answer.status}: {answer.text()}")


def main() -> None:
    """Take the documented pictures, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every page, size, theme and language")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs/screenshots")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with running_portal() as facts, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(QUIET))
        time.sleep(WAVE_SECONDS)
        photographer = Photographer(browser, facts, options.folder)
        # What pauses the store comes last: the others show it open.
        for shot in sorted(EVERY if options.all else DOCUMENTED, key=lambda shot: shot.page == "pause"):
            photographer.take(shot)
        browser.close()


if __name__ == "__main__":
    main()
