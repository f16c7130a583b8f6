"""Common passwords: what is guessed first is refused, and a sentence of one's own is not."""

from __future__ import annotations

import pytest

from alertd.common_password import too_common

NAMES = ("三条市", "Sanjo City", "さんじょうし", "高橋 健一")


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "P@ssw0rd2026!",
        "PASSWORDPASSWORD",
        "ｐａｓｓｗｏｒｄ１２３４",
        "123456789012",
        "qwertyuiop[]",
        "1qaz2wsx3edc",
        "zxcvbnmasdfghjkl",
        "aaaaaaaaaaaa",
        "abababababab",
        "000000000000",
        "admin-admin-2026",
        "Welcome2Sanjo!!",
        "sanjocity-bosai-119",
        "三条市防災管理者2026",
        "パスワードパスワード",
        "さんじょうしさんじょうし",
        "高橋健一高橋 健一119119",
        "changeme!changeme!",
        "090-1234-5678",
        "いろはにほへといろはにほへと",
    ],
)
def test_what_is_guessed_first_is_refused(password: str):
    assert too_common(password, NAMES)


@pytest.mark.parametrize(
    "password",
    [
        "五十嵐川の水位を毎日見る",
        "seven umbrellas by the gate",
        "correct horse battery staple",
        "a password is not a good joke",
        "kX9-vTq2-mWz7",
        "雪の日は長靴をはいて出る",
        "Tr0ub4dor and three",
    ],
)
def test_a_sentence_of_ones_own_is_not(password: str):
    assert not too_common(password, NAMES)
