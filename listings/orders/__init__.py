"""Orders on Reverb: read by poll or after a webhook, kept once each, and handed to the stock by a job."""

from __future__ import annotations
