"""Take the README's screenshots of a running demo with a real browser.

    python docs/take_screenshots.py ADDRESS E-MAIL PASSWORD [FOLDER] [--phone] [--dark]

Needs Chromium and its driver on the machine (Debian: chromium, chromium-driver).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

DRIVER = "/usr/bin/chromedriver"
WORDS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)
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


def browser(profile: str, *, phone: bool, dark: bool) -> webdriver.Chrome:
    """Return a browser without a window."""
    options = webdriver.ChromeOptions()
    for word in (*WORDS, f"--user-data-dir={profile}", f"--window-size={'500,900' if phone else '1280,900'}"):
        options.add_argument(word)
    if dark:
        options.add_argument("--force-dark-mode")
        options.add_argument("--blink-settings=preferredColorScheme=0")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    if phone:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 800, "deviceScaleFactor": 2, "mobile": True}
        )
    return driver


def take(driver: webdriver.Chrome, folder: Path, *, address: str, email: str, password: str) -> None:
    """Sign in and take a picture of each page of the first shop."""
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
    for entry in driver.get_log("browser"):
        print(entry["level"], entry["message"])


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
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile, phone=words.phone, dark=words.dark)
        try:
            take(driver, words.folder, address=words.address.rstrip("/"), email=words.email, password=words.password)
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
