"""Take the README's screenshots of a running demo with a real browser.

    python -m docs.take_screenshots ADDRESS E-MAIL PASSWORD [FOLDER] [--phone] [--dark]

Needs Chromium and its driver on the machine (Debian: chromium, chromium-driver).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.browser import chromium

PAGES = {
    "overview": "",
    "log": "log/",
    "products": "products/",
    "mass-sync": "mass-sync/",
    "orders": "orders/",
    "store": "store/",
    "reverb": "reverb/",
    "settings": "settings/",
}


def take(driver: webdriver.Chrome, folder: Path, *, address: str, email: str, password: str) -> None:
    """Sign in and take a screenshot of each page of the first shop."""
    driver.get(f"{address}/accounts/login/")
    driver.save_screenshot(str(folder / "sign-in.png"))
    driver.find_element(By.NAME, "login").send_keys(email)
    driver.find_element(By.NAME, "password").send_keys(password)
    driver.find_element(By.CSS_SELECTOR, "main button[type=submit]").click()
    shop = driver.current_url.rstrip("/")
    for name, path in PAGES.items():
        driver.get(f"{shop}/{path}")
        time.sleep(1.5)  # the parts that load by themselves
        driver.save_screenshot(str(folder / f"{name}.png"))
    for words in chromium.complaints(driver):
        print(words)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("email")
    parser.add_argument("password")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "screenshots")
    parser.add_argument("--phone", action="store_true")
    parser.add_argument("--dark", action="store_true")
    words = parser.parse_args()
    words.folder.mkdir(parents=True, exist_ok=True)
    with chromium.running(phone=words.phone, dark=words.dark) as driver:
        take(driver, words.folder, address=words.address.rstrip("/"), email=words.email, password=words.password)


if __name__ == "__main__":
    main()
