"""A seller in front of a browser: finds things by what is written on them, and clicks."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.test import Client
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from shops.models import Person
from tests.browser import chromium

PATIENCE_S = 15


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

    def enter(self, label: str, value: str) -> None:
        """Type into the field with this label."""
        field = self.find(f"//input[@id=//label[normalize-space()={label!r}]/@for]")
        field.clear()
        field.send_keys(value)

    def press(self, words: str) -> None:
        """Click the button or link with these words."""
        self.find(f"//*[self::button or self::a][normalize-space()={words!r}]").click()

    def find(self, path: str) -> WebElement:
        """Wait for the one thing that is there by this XPath."""
        found: WebElement = WebDriverWait(self.driver, PATIENCE_S).until(
            lambda driver: driver.find_element(By.XPATH, path), f"nothing at {path}; the page says {self.text!r}"
        )
        return found

    def sees(self, words: str) -> bool:
        """Wait until the page says these words; the page is shown where it never does."""
        WebDriverWait(self.driver, PATIENCE_S).until(lambda _: words in self.text, f"not {words!r}: {self.text!r}")
        return True

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
