"""Django behind ASGI: middlewares and view of a request run in one thread, whatever the request is."""

import threading

import httpx
import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from merchant_portal.handler import OneThreadHandler

threads = []


def noted(request):
    """A view that says where it runs."""
    threads.append(threading.get_ident())
    return HttpResponse("here")


def flowing(request):
    """An answer in parts."""
    return StreamingHttpResponse(parts())


async def parts():
    for number in range(3):
        yield f"part {number}\n"


def broken(request):
    """A fault of ours."""
    raise ZeroDivisionError


class Noting:
    """A middleware that says where it runs, before and after the view."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        threads.append(threading.get_ident())
        response = self.get_response(request)
        threads.append(threading.get_ident())
        return response


urlpatterns = [path("noted/", noted), path("broken/", broken), path("flowing/", flowing)]


@pytest.fixture
def site(settings):
    """The handler with the product's middlewares around our own."""
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["portal"]
    settings.MIDDLEWARE = [f"{__name__}.Noting", *settings.MIDDLEWARE, f"{__name__}.Noting"]
    threads.clear()
    transport = httpx.ASGITransport(OneThreadHandler(), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://portal")


async def test_middlewares_and_view_share_one_thread_which_is_not_the_loops(site):
    response = await site.get("/noted/")

    assert (response.status_code, response.text) == (200, "here")
    assert len(threads) == 5
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_what_is_not_there_and_what_fails_is_answered(site):
    assert (await site.get("/nowhere/")).status_code == 404
    assert (await site.get("/broken/")).status_code == 500


async def test_an_answer_in_parts_arrives_whole(site):
    assert (await site.get("/flowing/")).text == "part 0\npart 1\npart 2\n"
