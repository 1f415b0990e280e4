import unicodedata

import pytest
from tokenizers import Tokenizer

from models.bundled import locate_bundled_file, read_bundled_file
from models.tokenizer import SPECIAL_TOKENS, build_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return build_tokenizer(read_bundled_file(locate_bundled_file()).vocabulary)


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    return tokenizer.encode(text, add_special_tokens=False).tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wat een slechte service!", ["▁Wat", "▁een", "▁slecht", "e", "▁service", "!"]),
        ("  two\n\nlines\t ", ["▁two", "▁lines"]),
        ("ｆｕｌｌ", ["▁full"]),
        ("top 🙏", ["▁top", "▁", "🙏"]),
    ],
)
def test_pieces_of_the_original_vocabulary(tokenizer, text, expected):
    assert pieces(tokenizer, text) == expected


@pytest.mark.parametrize("text", ["één café", "garçon", "Ünterstützung", "naïef"])
def test_accents_written_as_their_own_characters_are_composed(tokenizer, text):
    decomposed = unicodedata.normalize("NFD", text)
    assert decomposed != text
    assert pieces(tokenizer, decomposed) == pieces(tokenizer, text)


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ("a\u200db", "a b"),  # zero-width joiner
        ("a\u200bb", "a b"),
        ("a\ufffdb", "a b"),
        ("a\u00a0b", "a b"),
        ("a\x07b", "ab"),
        ("ﬁets", "fiets"),
    ],
)
def test_odd_characters_read_as_plain_ones(tokenizer, odd, plain):
    assert pieces(tokenizer, odd) == pieces(tokenizer, plain)


def test_arabic_is_known(tokenizer):
    assert "<unk>" not in pieces(tokenizer, "مرحبا بالعالم")


def test_text_stands_between_the_end_marks(tokenizer):
    ids = tokenizer.encode("hallo").ids
    assert (ids[0], ids[-1]) == (0, 2)


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
def test_special_token_in_full_width_signs_stays_text(tokenizer, token):
    typed = token.replace("<", "＜").replace(">", "＞")
    assert not set(pieces(tokenizer, f"a {typed} b")) & set(SPECIAL_TOKENS)
