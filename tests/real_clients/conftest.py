"""What these tests have in common with the journeys and the browser's tests."""

from __future__ import annotations

from tests.browser.conftest import new_browser
from tests.journeys.conftest import names_below_localhost_are_loopback

__all__ = ["names_below_localhost_are_loopback", "new_browser"]
