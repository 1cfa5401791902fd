"""Who is asked before anything is recorded: the file says it, the options say it, or a person is asked."""

import argparse
import datetime
import sys
from collections.abc import Callable
from pathlib import Path

from mvmono3d.deploy.recording.consent import Consent, check_consent, read_consent
from mvmono3d.errors import ConsentError

Ask = Callable[[str], str]


def add_consent(parser: argparse.ArgumentParser) -> None:
    """Declare the options that a consent is made of."""
    group = parser.add_argument_group(
        "consent", "nothing is written before somebody says who agreed to what; what is missing here is asked"
    )
    group.add_argument("--consent", type=Path, metavar="TOML", help="a file with a table [consent]")
    group.add_argument(
        "--subject", help="pseudonym or number of the signed form; 'nobody: why' without people"
    )
    group.add_argument("--purpose", help="what this recording is for (default: the site's)")
    group.add_argument(
        "--retain-days", type=int, metavar="N", help="days that it may exist (default: the site's)"
    )
    group.add_argument(
        "--agreed", action="store_true", help="confirm here that the subject agreed, without a question"
    )


def consent_of(
    chosen: argparse.Namespace,
    *,
    purpose: str | None,
    retain_days: int | None,
    today: datetime.date,
    ask: Ask | None,
) -> Consent:
    """Return the consent of these options; what they lack is asked, with the site's values as proposals.

    `ask` is None where nobody can answer. Raises `ConsentError` where no valid consent comes of it.
    """
    wanted = chosen.purpose or purpose
    if chosen.consent is not None:
        consent = read_consent(chosen.consent)
        return check_consent(consent, purpose=wanted or consent.purpose, today=today)
    subject = chosen.subject or _answer(ask, "Who is recorded (pseudonym, or 'nobody: why')", "--subject")
    wanted = wanted or _answer(ask, "What for", "--purpose")
    days = chosen.retain_days or retain_days or _days(_answer(ask, "For how many days", "--retain-days"))
    consent = Consent(
        subject=subject, given_on=today, purpose=wanted, retain_until=today + datetime.timedelta(days=days)
    )
    if not chosen.agreed:
        question = (
            f"Did {subject!r} agree to be recorded for {wanted!r}, kept until {consent.retain_until}? yes/no"
        )
        if _answer(ask, question, "--agreed").strip().lower() not in {"y", "yes"}:
            raise ConsentError(f"{subject!r} did not agree: nothing is recorded")
    return check_consent(consent, purpose=wanted, today=today)


def terminal() -> Ask | None:
    """Return a way to ask whoever sits before the terminal; None where nobody does."""
    return _ask if sys.stdin.isatty() else None


def _ask(question: str) -> str:
    sys.stderr.write(f"{question}: ")
    sys.stderr.flush()
    return sys.stdin.readline()


def _answer(ask: Ask | None, question: str, option: str) -> str:
    answer = "" if ask is None else ask(question).strip()
    if not answer:
        raise ConsentError(
            f"no consent: {option} is missing and nobody answers; say --subject, --purpose, --retain-days "
            "and --agreed, or --consent FILE (see docs/privacy.md)"
        )
    return answer


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ConsentError(f"kept for {text!r} days, expected a whole number of at least 1")
    return int(text)
