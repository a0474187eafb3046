"""axe-core looks at every page and state in Chromium: light, dark, and on a phone."""

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from tests.processes.conftest import FLAGS, missing_static, serious
from tests.processes.states import PERMISSIONS, STATES, make_world
from tests.services import find_axe, find_chromium

pytestmark = pytest.mark.integration

SHOTS = os.environ.get("TEST_SHOTS")  # a folder for pictures of every state
SETTINGS = {"RUNNER": "local", "EMAIL_NOTIFICATIONS": True, "BASE_URL": "https://shop.example.com"}
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
LOOKS = {"light": ("light", DESK), "dark": ("dark", DESK), "phone": ("dark", PHONE)}
LOOK = """async () => {
  await Promise.all(document.getAnimations().map(animation => animation.finished));
  // Preloaded style sheets would be put into the page, which its policy forbids.
  const { violations } = await axe.run(document, { preload: false, resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node =>
    `${node.target.join(" ")} (${node.any.map(check => check.message).join(" ")})`).join("; ")}`);
}"""
ROOM = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def browser(monkeypatch):
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium: the browser is left out")
    if find_axe() is None:
        pytest.skip("no axe-core: it is left out")
    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in this thread
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


def enter(browser, base, user, errors):
    """A page of somebody who is logged in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    context = browser.new_context()
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": base}
    context.add_cookies([cookie])
    page = context.new_page()
    page.on("console", lambda message: errors.extend(serious(message)))
    page.on("response", lambda response: errors.extend(missing_static(response)))
    page.on("pageerror", lambda error: errors.append(str(error)))
    return page


def test_nothing_is_found_on_any_page(browser, make_person, processes, configure, folder):
    configure(**SETTINGS)
    person = make_person("mia", *PERMISSIONS, report="*", visibility="all")
    newcomer = make_person("nora")
    world = make_world(person)
    processes.changed |= SETTINGS
    processes.environment["TEST_FIRST_APPS"] = "django_reports"
    processes.environment["TEST_URLCONF"] = "tests.processes.wide"
    base = processes.server()
    axe = Path(find_axe()).read_text()
    found, errors = {}, []
    pages = {
        False: enter(browser, base, person, errors),
        True: enter(browser, base, newcomer, errors),
    }
    for state in STATES:
        page = pages[state.is_new_person]
        page.set_viewport_size(DESK)
        page.goto(base + state.address(world))
        state.steps(page)
        page.evaluate(axe)
        for look, (scheme, size) in LOOKS.items():
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size(size)
            if SHOTS:
                page.screenshot(path=Path(SHOTS) / f"{state.name}-{look}.png", full_page=True)
            violations = page.evaluate(LOOK)
            if size is PHONE and page.evaluate(ROOM) > 0:
                violations.append("it is wider than the phone")
            if violations:
                found[state.name, look] = violations
    assert errors == []
    told = [f"{name} ({look}): {one}" for (name, look), all in found.items() for one in all]
    assert not told, "\n".join(told)
