"""The folder of real and hostile mails beside the checkout."""

from pathlib import Path

SHARED_MAILS = Path(__file__).resolve().parents[3] / "shared/mails"
