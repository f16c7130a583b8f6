"""Lists from spreadsheets are read as they come; bad rows are named, never guessed."""

import pytest

from alertd import address
from alertd.errors import WrongRecipients
from alertd.recipient import Contact, Recipient, RecipientKind
from alertd.recipient_list import read, write

AREAS = {"RNN": "嵐南", "RHK": "嵐北"}
JAPANESE = "氏名,フリガナ,メール,電話番号,電話番号2,地区,言語,要支援者,区分\r\n"
ROW = "三条太郎,ｻﾝｼﾞｮｳ ﾀﾛｳ,taro@example.jp,0256-00-0001,,嵐南,日本語,0,自治会、消防団\r\n"


def rows(*lines: str, heading: str = "name,email,phone,area,language,support") -> bytes:
    return "\n".join([heading, *lines]).encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_any_usual_encoding_is_read(encoding: str) -> None:
    found = read((JAPANESE + ROW).encode(encoding), areas=AREAS)
    assert found.problems == ()
    assert found.recipients == (
        Recipient(
            name="三条太郎",
            kana="サンジョウ タロウ",
            area="RNN",
            groups=("自治会", "消防団"),
            contacts=(
                Contact(kind="email", address="taro@example.jp", preference=1),
                Contact(kind="voice", address="+81256000001", preference=2),
            ),
        ),
    )


def test_a_tab_separated_list_in_utf16_is_read() -> None:
    found = read((JAPANESE + ROW).replace(",", "\t").encode("utf-16"), areas=AREAS)
    assert found.recipients[0].name == "三条太郎" and found.problems == ()


def test_columns_may_stand_in_any_order_and_others_are_overlooked() -> None:
    text = rows("RHK,x,1,taro@example.jp,Taro", heading="area,remarks,support,email,name")
    [recipient] = read(text, areas=AREAS).recipients
    assert recipient.area == "RHK" and recipient.needs_support


def test_addresses_of_any_other_kind_of_channel_have_a_column_of_their_own() -> None:
    text = rows("消防団,嵐南,1001", heading="氏名,地区,contact:pager")
    [recipient] = read(text, areas=AREAS).recipients
    assert recipient.contacts == (Contact(kind="pager", address="1001", preference=1),)


def test_those_who_need_support_are_called_before_they_are_mailed() -> None:
    [recipient] = read(rows("Hana,h@example.jp,0256-00-0002,RNN,en,1"), areas=AREAS).recipients
    assert [contact.kind for contact in recipient.contacts] == ["voice", "email"]


@pytest.mark.parametrize(
    ("line", "column", "remedy"),
    [
        (",a@example.jp,,RNN,,", "name", "name"),
        ("A,,,RNN,,", "email", "address"),
        ("A,a@@example.jp,,RNN,,", "email", "taro@example.jp"),
        ("A,太郎@example.jp,,RNN,,", "email", "mail address"),
        ("A,a@example.jp=?x?=,,RNN,,", "email", "=?"),
        ("A\x07,a@example.jp,,RNN,,", "name", "control"),
        ("=?UTF-8?Q?A?=,a@example.jp,,RNN,,", "name", "=?"),
        ("A,,110,RNN,,", "phone", "emergency"),
        ("A,,119,RNN,,", "phone", "emergency"),
        ("A,,0990-00-0000,RNN,,", "phone", "paid"),
        ("A,,0120-000-000,RNN,,", "phone", "free-call"),
        ("A,,+12125550100,RNN,,", "phone", "outside Japan"),
        ("A,,0256-00-001,RNN,,", "phone", "digits"),
        ("A,,tel,RNN,,", "phone", "0256-00-0001"),
        ("A,a@example.jp,,XXX,,", "area", "嵐南"),
        ("A,a@example.jp,,RNN,Klingon,", "language", "日本語"),
        ("A,a@example.jp,,RNN,,maybe", "support", "1 or 0"),
    ],
)
def test_a_bad_row_is_named_with_line_column_and_remedy(line: str, column: str, remedy: str) -> None:
    found = read(rows("Good,good@example.jp,,RNN,,", line), areas=AREAS)
    assert [recipient.name for recipient in found.recipients] == ["Good"]
    [problem] = found.problems
    assert (problem.line, problem.column, problem.taken) == (3, column, False)
    assert remedy in problem.message_en and problem.message


def test_a_line_break_in_a_name_is_refused() -> None:
    found = read(rows('"A\r\nBcc: x@example.jp",a@example.jp,,RNN,,'), areas=AREAS)
    assert found.recipients == () and found.problems[0].column == "name"


def test_a_column_that_is_not_kept_is_named() -> None:
    found = read("氏名,電話番号,地区,FAX番号,備考\n三条太郎,0256-00-0001,嵐南,,\n".encode(), areas=AREAS)
    assert [recipient.name for recipient in found.recipients] == ["三条太郎"]
    assert [(one.line, one.column, one.taken) for one in found.problems] == [
        (1, "FAX番号", True),
        (1, "備考", True),
    ]


def test_an_address_in_two_rows_is_reported_and_used_once() -> None:
    found = read(
        rows("A,a@example.jp,0256-00-0001,RNN,,", "B,b@example.jp,0256000001,RNN,,", "C,A@example.jp,,RNN,,"),
        areas=AREAS,
    )
    assert [len(recipient.contacts) for recipient in found.recipients] == [2, 1]
    assert [(problem.line, problem.column, problem.taken) for problem in found.problems] == [
        (3, "phone", True),
        (4, "email", False),
    ]


@pytest.mark.parametrize(
    ("document", "word"),
    [
        (b"", "column"),
        (b"a,b,c\n1,2,3\n", "column"),
        (b"name,area\nA,RNN\n", "addresses"),
        (b"name,area,email,mail\n", "two columns"),
        (b"\x81\x20\xe5", "UTF-8"),
        (b'name,area,email\n"A,RNN,a@example.jp\n', "quotation mark"),
    ],
)
def test_a_file_that_is_no_list_is_refused_as_a_whole(document: bytes, word: str) -> None:
    with pytest.raises(WrongRecipients, match=word) as caught:
        read(document, areas=AREAS)
    assert caught.value.problems[0].message_ja


def test_stopped_and_empty_rows_are_passed_over() -> None:
    text = rows("A,a@example.jp,RNN,停止", ",,,", "B,b@example.jp,RNN,有効", heading="氏名,メール,地区,状態")
    assert [recipient.name for recipient in read(text, areas=AREAS).recipients] == ["B"]


def test_a_list_survives_being_written() -> None:
    recipients = (
        Recipient(
            name="𠮷田商店",
            kana="ヨシダショウテン",
            kind=RecipientKind.ORGANISATION,
            area="RNN",
            language="ja-easy",
            needs_support=True,
            groups=("自治会",),
            association="本町一丁目自治会",
            street="本町1-1",
            external_id="7",
            contacts=(
                Contact(kind="voice", address="+81256000001", preference=1),
                Contact(kind="voice", address="+819000000001", preference=2),
                Contact(kind="voice", address="+819000000002", preference=3, holder="𠮷田花子（長女）"),
                Contact(kind="email", address="a..b.@docomo.ne.jp", preference=4),
            ),
        ),
        Recipient(
            name="放送局",
            kind=RecipientKind.STATION,
            area="RHK",
            association="",
            street="",
            contacts=(Contact(kind="fm", address="emergency"),),
        ),
    )
    document = write(recipients)
    assert document.startswith(b"\xef\xbb\xbf") and document.count(b"\r\n") == 3
    assert read(document, areas=AREAS) == type(read(document, areas=AREAS))(recipients, ())


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "'quoted"])
def test_a_spreadsheet_computes_nothing(name: str) -> None:
    contacts = (Contact(kind="email", address="a@example.jp"),)
    recipient = Recipient(name=name, area="RNN", association="", street="", contacts=contacts)
    document = write([recipient])
    assert f",'{name}," in document.decode("utf-8-sig")
    assert read(document, areas=AREAS).recipients == (recipient,)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0256-00-0001", "+81256000001"),
        ("０２５６（００）０００１", "+81256000001"),
        ("0256ー00ー0001", "+81256000001"),
        ("+81 256 00 0001", "+81256000001"),
        ("090-0000-0001", "+819000000001"),
        ("050-0000-0001", "+815000000001"),
    ],
)
def test_a_number_is_understood_as_people_write_it(written: str, number: str) -> None:
    assert address.phone(written) == number
    assert address.phone(address.phone_in_japan(number)) == number


def test_an_old_mobile_address_is_kept() -> None:
    assert address.email("a..b.@DOCOMO.ne.jp") == "a..b.@docomo.ne.jp"


def test_a_full_width_address_is_made_plain() -> None:
    assert address.email("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ") == "taro@example.jp"


#: the columns of the paper form as offices type it
FORM = (
    "受付番号,氏名,フリガナ,電話番号,FAX番号,種別(電話/FAX/両方),郵便番号,住所,地区,自治会,生年月日,区分,要支援者,"
    "代理人氏名,代理人電話,続柄,同意日,受付窓口,備考,状態\r\n"
    "12,三条ハナ,サンジョウ ハナ,0256-00-0001,,電話,955-0071,本町1-2-3,嵐南,本町一丁目自治会,1940-01-02,高齢,1,"
    "三条花子,090-0000-0001,長女,2026-10-01,本庁,,有効\r\n"
)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_the_paper_form_is_read_with_door_and_relative(encoding: str) -> None:
    found = read(FORM.encode(encoding), areas=AREAS)
    assert all(one.line == 1 and one.taken for one in found.problems)  # columns that are not kept
    [hana] = found.recipients
    assert (hana.association, hana.street, hana.needs_support) == ("本町一丁目自治会", "本町1-2-3", True)
    assert [(one.address, one.holder) for one in hana.contacts] == [
        ("+81256000001", None),
        ("+819000000001", "三条花子（長女）"),
    ]
