"""A seller in front of a browser: finds things by what is written on them, and clicks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from shops.models import Person
from tests.browser import chromium

PATIENCE_S = 30
#: What happens while a page gives way to the next one.
TRANSIENT = (NoSuchElementException, StaleElementReferenceException)


class Seller:
    """One window of a browser, and what a person does in it."""

    def __init__(self, driver: webdriver.Chrome, home: str) -> None:
        self.driver, self.home = driver, home

    def sign_in(self, person: Person) -> None:
        """Be signed in."""
        client = Client()
        client.force_login(person)
        self.driver.get(f"{self.home}/accounts/login/")
        self.driver.add_cookie({"name": "sessionid", "value": client.cookies["sessionid"].value, "httpOnly": True})

    def open(self, path: str) -> None:
        """Type an address of ours, or a whole one."""
        self.driver.get(path if "//" in path else self.home + path)

    def open_tab(self, address: str) -> None:
        """Open an address in a new tab, and look at that."""
        self.driver.switch_to.new_window("tab")
        self.driver.get(address)

    def to_tab(self, number: int) -> None:
        """Look at another tab, as soon as it is there."""
        self._wait(lambda: len(self.driver.window_handles) > number, f"tab {number}")
        self.driver.switch_to.window(self.driver.window_handles[number])

    def enter(self, label: str, value: str) -> None:
        """Type into the field with this label."""
        field = self.find(f"//input[@id=//label[normalize-space()={label!r}]/@for]")
        field.clear()
        field.send_keys(value)

    def fill(self, form: str, *values: str) -> None:
        """Type into the fields of a form, an XPath, in their order."""
        self.find(form)
        fields = self.driver.find_elements(By.XPATH, f"{form}//input[not(@type='hidden')]")
        for field, value in zip(fields, values, strict=True):
            field.clear()
            field.send_keys(value)

    def press(self, words: str) -> None:
        """Click the button, the link or the folded heading with these words."""
        path = f"//*[self::button or self::a or self::summary][normalize-space()={words!r}]"

        def clicked() -> bool:
            self.driver.find_element(By.XPATH, path).click()
            return True

        self._wait(clicked, words)

    def find(self, path: str) -> WebElement:
        """Wait for the one thing that is there by this XPath."""
        found: WebElement = self._wait(lambda: self.driver.find_element(By.XPATH, path), path)
        return found

    def sees(self, words: str) -> bool:
        """Wait until the page says these words; the page is shown where it never does."""
        return bool(self._wait(lambda: words in self.text, words))

    def _wait(self, happened: Callable[[], Any], what: str) -> Any:
        try:
            return WebDriverWait(self.driver, PATIENCE_S, ignored_exceptions=TRANSIENT).until(lambda _: happened())
        except TimeoutException:
            pass
        raise AssertionError(f"no {what!r} at {self.driver.current_url}, which says {self.text!r}")

    def wait_for_parts(self) -> None:
        """Wait until no part of the page that loads by itself is on its way."""
        self._wait(lambda: not self.driver.find_elements(By.CSS_SELECTOR, ".htmx-request"), "a page at rest")

    @property
    def text(self) -> str:
        """What is written on the page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    @property
    def path(self) -> str:
        """Where the browser is, on whichever site."""
        return urlsplit(self.driver.current_url).path

    @property
    def complaints(self) -> list[str]:
        """What the browser's console complained of since it was looked at last."""
        return chromium.complaints(self.driver)
