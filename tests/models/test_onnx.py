import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.encoder import Encoder
from models.onnx import MAX_TOKENS_PER_RUN, group_by_length
from models.registry import load_encoder

TEXTS = [
    "Mijn punten zijn verdwenen en niemand antwoordt.",
    "Thanks, that solved it!",
    "How do I merge two accounts?",
    "Wann kommt meine Bestellung endlich an?",
    "ok",
    "Het zou mooi zijn als je punten kon delen met je gezin, zoals vroeger bij de oude spaarkaart ook kon. " * 6,
    "Bonjour, je n'arrive plus à me connecter depuis hier soir.",
    "مرحبا، أين طلبي؟",
    "🙏🙏 top service 🙏",
    "De app crasht steeds.",
    "Delen we dit idee?",
    "De app werkt weer.",
]


def vectors(encoder: Encoder, texts: list[str], batch_size: int = 256) -> np.ndarray:
    return np.concatenate([encoding.vectors for encoding in encoder.encode(texts, batch_size=batch_size)])


@pytest.fixture(scope="module")
def one_by_one(encoder) -> np.ndarray:
    return vectors(encoder, TEXTS, batch_size=1)


def test_encoding_holds_unit_vectors_and_pooled_layers(encoder):
    (encoding,) = encoder.encode(TEXTS)
    assert encoding.vectors.shape == (len(TEXTS), encoder.dim)
    assert encoding.hidden.shape == (len(TEXTS), len(encoder.hidden_layers), 384)
    assert encoding.vectors.dtype == encoding.hidden.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(encoding.vectors, axis=1), 1, atol=1e-6)
    last = encoding.hidden[:, -1] / np.linalg.norm(encoding.hidden[:, -1], axis=1, keepdims=True)
    np.testing.assert_allclose(encoding.vectors, last, atol=1e-6)


@pytest.mark.parametrize("batch_size", [2, 7, 32, 256])
def test_batch_size_changes_no_bit(encoder, one_by_one, batch_size):
    np.testing.assert_array_equal(vectors(encoder, TEXTS, batch_size), one_by_one)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=40), st.integers(1, 50))
def test_batch_mates_and_order_change_no_bit(encoder, one_by_one, rows, batch_size):
    np.testing.assert_array_equal(vectors(encoder, [TEXTS[row] for row in rows], batch_size), one_by_one[rows])


@pytest.mark.parametrize("n_threads", [1, 3])
def test_threads_change_no_bit(model_cache, one_by_one, n_threads):
    encoder = load_encoder(cache_dir=model_cache, n_threads=n_threads)
    np.testing.assert_array_equal(vectors(encoder, TEXTS), one_by_one)


@pytest.mark.parametrize("n_words", [1, 3, 9, 20, 33, 62, 130, 250])
def test_every_length_is_the_same_alone_and_among_equals(encoder, n_words):
    texts = [f"{name} " + "ja " * n_words for name in ("Anna", "Piet", "Sofie", "Omar", "Marie")]
    alone = np.concatenate([vectors(encoder, [text]) for text in texts])
    np.testing.assert_array_equal(vectors(encoder, texts), alone)


def test_encodings_come_in_batches_in_order(encoder, one_by_one):
    sizes = [len(encoding.vectors) for encoding in encoder.encode(TEXTS, batch_size=5)]
    assert sizes == [5, 5, 2]


def test_meaning_crosses_languages(encoder):
    dutch, english, other = vectors(
        encoder, ["Ik kan niet inloggen op mijn account.", "I cannot log in to my account.", "Lekker recept voor soep."]
    )
    assert dutch @ english > dutch @ other + 0.05


def test_empty_text_is_refused(encoder):
    with pytest.raises(ValueError, match="leave it out"):
        list(encoder.encode(["goed", " "]))


def test_no_texts_give_no_encodings(encoder):
    assert list(encoder.encode([])) == []


def test_words_beyond_the_cut_are_not_read(model_cache):
    encoder = load_encoder(cache_dir=model_cache, max_tokens=16)
    start = "een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien"
    np.testing.assert_array_equal(vectors(encoder, [start + " slecht"]), vectors(encoder, [start + " goed " * 99]))


def test_ten_megabytes_are_encoded_like_their_first_page(encoder):
    page = "De klantenservice reageert niet. " * 200
    np.testing.assert_array_equal(vectors(encoder, [page * 1600]), vectors(encoder, [page]))


@given(st.lists(st.integers(4, 512), max_size=200))
def test_groups_hold_every_row_once_and_one_length_each(n_tokens):
    groups = group_by_length(n_tokens)
    assert sorted(row for group in groups for row in group) == list(range(len(n_tokens)))
    for group in groups:
        assert len({n_tokens[row] for row in group}) == 1
        assert len(group) == 1 or len(group) * n_tokens[group[0]] <= MAX_TOKENS_PER_RUN
