"""Two processes with threads make whole files in the right voice; the long run is `python -m tests.tts.soak`."""

from tests.tts.soak import soak


def test_no_file_is_empty_cut_short_or_in_another_voice(tmp_path):
    found = soak(tmp_path, 24)
    assert found["renders"] == 24
    assert [found[name] for name in ("failed", "empty", "truncated", "wrong_voice")] == [0, 0, 0, 0]
