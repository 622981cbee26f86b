"""Start headless Chromium and its driver, for tests and for the README's screenshots.

Both must be on the machine (Debian: chromium, chromium-driver); nothing is downloaded.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from sandbox.stack.parent import dying_with_us

NAMES = ("chromium", "chromium-browser", "google-chrome")
WORDS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def missing() -> str:
    """Return a sentence that names what this machine lacks, "" when nothing."""
    lacks = [name for name, there in (("chromium", _browser()), ("chromedriver", _driver())) if not there]
    words = "Browser tests need Chromium and its driver (Debian: chromium, chromium-driver)"
    return f"{words}; not found: {', '.join(lacks)}." if lacks else ""


class _Service(Service):
    """Chromium's driver, which ends with this process."""

    def command_line_args(self) -> list[str]:
        """Return what follows the name of the program that Selenium starts."""
        return [*dying_with_us([_driver()])[1:], *super().command_line_args()]


@contextmanager
def running(*, phone: bool = False, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """Yield a browser with a new profile and no window. It ends with the block, or with this process."""
    with tempfile.TemporaryDirectory(prefix="reverbsync-chromium-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = _browser()
        size = "500,900" if phone else "1280,900"
        for word in (*WORDS, f"--user-data-dir={profile}", f"--window-size={size}"):
            options.add_argument(word)
        if dark:
            options.add_argument("--force-dark-mode")
            options.add_argument("--blink-settings=preferredColorScheme=0")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options, _Service(sys.executable))
        try:
            if phone:
                screen = {"width": 360, "height": 800, "deviceScaleFactor": 2, "mobile": True}
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
            yield driver
        finally:
            driver.quit()


def complaints(driver: webdriver.Chrome) -> list[str]:
    """Return the errors and warnings of the browser's console since the last call, violations of a policy included."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def _browser() -> str:
    return next((found for name in NAMES if (found := shutil.which(name))), "")


def _driver() -> str:
    return shutil.which("chromedriver") or ""
