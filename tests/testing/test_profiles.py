"""The profiles: what the models differ in, and where it is known from."""

import inspect
import re
from dataclasses import fields, replace

import pytest

from reconnect.testing import PROFILES, LiveServer, Profile, _profiles

SOURCES = ("recorded", "documented", "observed", "assumed")
FIELDS = [field.name for field in fields(Profile)]


def test_every_value_has_a_source():
    """Each field of each profile says in a comment where its value is known from."""
    text = inspect.getsource(_profiles)
    profiles = re.findall(r"^_\w+ = Profile\(\n(.*?)^\)$", text, re.DOTALL | re.MULTILINE)
    assert len(profiles) == len(PROFILES)
    for profile in profiles:
        sourced = []
        comment = ""
        for line in profile.splitlines():
            before, _, after = line.partition("#")
            if not before.strip():
                comment = after
                continue
            sourced.append(before.partition("=")[0].strip())
            assert any(source in after + comment for source in SOURCES), line
            comment = ""
        assert sourced == FIELDS


def test_profiles_cannot_be_changed():
    """The profiles are everybody's."""
    with pytest.raises(TypeError):
        PROFILES["mine"] = PROFILES["3.8"]  # type: ignore[index]


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_are_had_by_their_name(name):
    """A profile is meant by its name or by itself."""
    profile = PROFILES[name]
    assert _profiles.as_profile(name) is profile
    assert _profiles.as_profile(profile) is profile
    assert name.endswith("vertex") is (profile.backend == "vertex")


def test_profiles_are_told_apart():
    """No two profiles are the same."""
    assert len(set(PROFILES.values())) == len(PROFILES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": "azure"}, r"backend must be one of \('gemini', 'vertex'\), not 'azure'"),
        ({"non_blocking": True}, "non_blocking must be one of .*, not True"),
        ({"turn_gap": -1.0}, "turn_gap must be a number of seconds, 0 or more, not -1.0"),
        ({"call_pause": float("nan")}, "call_pause must be .*, not nan"),
        ({"update_every": -1.0}, "update_every must be .*, not -1.0"),
        ({"updates": frozenset({"end", "noon"})}, r"updates must be among .*, not \['noon'\]"),
    ],
)
def test_profiles_of_ones_own_are_checked(changes, message):
    """A wrong value is named at once."""
    with pytest.raises(ValueError, match=message):
        replace(PROFILES["3.8"], **changes)


def test_names_that_no_profile_has_are_refused():
    """A name that no profile has is refused with those that there are."""
    with pytest.raises(ValueError, match=r"one of 2.0-vertex, 2.5, .*, not '3.9'"):
        LiveServer(profile="3.9")
