"""Every word in three languages: nothing untranslated, nothing bare in a template, and the pages show it."""

import json
import re
from html.parser import HTMLParser

import pytest
from babel.messages.pofile import read_po
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from reports.tests.rows import PASSWORD, make_store
from reports.tests.world import build
from scripts import words

CATALOGUES = [(language, domain) for language in words.LANGUAGES for domain in words.DOMAINS]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}")
SHOWN_ATTRIBUTES = {"alt", "aria-label", "placeholder", "title"}
NOT_WORDS = {"API", "OpenAPI"}  # names, the same in every language
TEMPLATES = sorted((words.ROOT / "templates").rglob("*.html"))
CLASSES = r"{%\s*block (?:theme|\w+_class)\s*%}.*?{%\s*endblock.*?%}"  # blocks inside a tag's attributes
MARKUP = re.compile(
    CLASSES + r"|{%\s*blocktranslate.*?endblocktranslate\s*%}|{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL
)


def kept(language, domain):
    return words.read(words.path_of(language, domain))


def messages(language, domain):
    return [message for message in kept(language, domain) if message.id]


def placeholders(text):
    return sorted(set(PLACEHOLDER.findall(text)))


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_every_word_of_the_sources_is_in_the_catalogue_and_no_other(language, domain):
    known = [words.forms(words.text_of(message)) for message in messages(language, domain)]

    assert known == [words.forms(text) for text in words.collect(domain)], "run `make words`"


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_every_word_is_translated_in_all_its_forms(language, domain):
    assert words.untranslated(kept(language, domain)) == []
    assert [message.id for message in messages(language, domain) if message.fuzzy] == []


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_translations_keep_the_placeholders(language, domain):
    wrong = [
        (message.id, string)
        for message in messages(language, domain)
        for string in words.forms(message.string)
        if placeholders(string) != placeholders(words.forms(message.id)[-1])
    ]

    assert wrong == []


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_the_compiled_catalogue_is_that_of_the_text(language, domain):
    path = words.path_of(language, domain)
    fresh = words.merge(kept(language, domain), words.collect(domain), language)

    assert path.read_bytes() == words.as_source(fresh), "run `make words`"
    assert path.with_suffix(".mo").read_bytes() == words.as_compiled(fresh), "run `make words`"


def test_collecting_keeps_what_is_translated_and_drops_what_is_gone():
    text = 'msgid "Ready"\nmsgstr "Bereit"\n\nmsgid "Gone"\nmsgstr "Weg"\n\nmsgid "cup"\nmsgstr "Becher"\n'

    merged = words.merge(read_po(text.splitlines()), ["New", "Ready", ("cup", "cups")], "de")

    assert [(message.id, message.string) for message in merged if message.id] == [
        ("New", ""),
        ("Ready", "Bereit"),
        (("cup", "cups"), ("", "")),
    ]


def test_one_word_with_two_meanings_is_told_apart_by_its_context():
    text = 'msgid "from"\nmsgstr "von"\n\nmsgctxt "range"\nmsgid "from"\nmsgstr "ab"\n'

    merged = words.merge(read_po(text.splitlines()), ["from", "range\x04from", "rule\x04When"], "de")

    assert [(message.context, message.id, message.string) for message in merged if message.id] == [
        (None, "from", "von"),
        ("range", "from", "ab"),
        ("rule", "When", ""),
    ]


def test_a_script_whose_words_cannot_be_collected_is_named(tmp_path):
    script = tmp_path / "board.js"
    script.write_text("gettext(`#${number} is ready`)")

    with pytest.raises(ValueError, match=r"board\.js: gettext takes one plain text"):
        list(words.texts(script))


class Bare(HTMLParser):
    """What a person reads of a page's markup."""

    def __init__(self):
        super().__init__()
        self.read = []

    def handle_starttag(self, tag, attrs):
        self.read += [value for name, value in attrs if value and name in SHOWN_ATTRIBUTES]

    def handle_data(self, data):
        self.read.append(data)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_words_outside_translation_tags(template):
    page = Bare()
    page.feed(MARKUP.sub("", template.read_text()))

    bare = set(re.findall(r"[^\W\d_]{2,}", " ".join(page.read)))

    assert bare - NOT_WORDS == set()


TITLES = {
    "zh-hans": {
        "login": "登录 · Merchant Portal",
        "home": "门店 · Merchant Portal",
        "board": "云茶 人民广场店 · Merchant Portal",
        "reports": "报表 · Merchant Portal",
        "admin:index": "站点管理 · Merchant Portal",
    },
    "de": {
        "login": "Anmelden · Merchant Portal",
        "home": "Filialen · Merchant Portal",
        "board": "云茶 人民广场店 · Merchant Portal",
        "reports": "Bericht · Merchant Portal",
        "admin:index": "Website-Verwaltung · Merchant Portal",
    },
}


def title(page):
    return " ".join(re.search(r"<title>(.*?)</title>", page, re.DOTALL)[1].split())


@pytest.fixture
def rows(db):
    made = build(timezone.now())
    make_store("SH-02")  # with one store, home is its board
    return made


def sign_in(client):
    return client.post(reverse("login"), {"username": "admin", "password": PASSWORD, "next": "/"})


@pytest.mark.parametrize("language", TITLES)
def test_every_page_speaks_the_browsers_language(rows, language):
    client = Client(headers={"accept-language": language})
    addresses = {name: reverse(name) for name in ("home", "reports", "admin:index")}
    addresses["board"] = reverse("board", args=[rows["stores.store"]])

    pages = {"login": client.get(reverse("login")).content.decode()}
    sign_in(client)
    pages |= {name: client.get(address).content.decode() for name, address in addresses.items()}

    assert {name: title(page) for name, page in pages.items()} == TITLES[language]
    assert [name for name, page in pages.items() if f'lang="{language}"' not in page] == []


@pytest.mark.parametrize(("language", "folder"), [("zh-hans", "zh_Hans"), ("de", "de")])
def test_the_boards_scripts_get_every_word(client, language, folder):
    served = client.get(reverse("javascript-catalog"), headers={"accept-language": language}).content.decode()
    catalogue = json.loads(re.search(r"newcatalog = ({.*?\n  });", served, re.DOTALL)[1])

    expected = {}
    for message in messages(folder, "djangojs"):
        known = words.forms(message.string)
        expected[words.forms(message.id)[0]] = list(known) if message.pluralizable else known[0]
    assert {text: catalogue.get(text) for text in expected} == expected


def choose(client, language):
    page = client.get(reverse("login")).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    form = {"language": language, "next": reverse("login"), "csrfmiddlewaretoken": token}
    return client.post(reverse("set_language"), form)


def test_the_language_can_be_chosen_before_signing_in_and_stays(rows):
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})

    answer = choose(client, "de")
    before = client.get(reverse("login")).content.decode()
    client.handler.enforce_csrf_checks = False
    sign_in(client)
    after = client.get(reverse("home")).content.decode()

    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("login"))
    assert answer.cookies["django_language"]["max-age"] == 365 * 24 * 3600  # outlives the browser's session
    assert (title(before), title(after)) == (TITLES["de"]["login"], TITLES["de"]["home"])


def test_a_refusal_of_the_api_is_in_the_persons_language(client):
    answer = client.get("/api/v1/stores/", headers={"accept-language": "zh-hans"})

    assert (answer.status_code, answer.json()) == (401, {"code": "not_signed_in", "detail": "请先登录。"})


def test_what_the_worker_stored_in_english_is_in_the_boards_words():
    stored = {text for path in words.sources("django") if path.suffix == ".py" for text in words.stored(path)}

    assert "The courier cannot be reached." in stored
    assert stored - {words.forms(text)[0] for text in words.collect("djangojs")} == set()
