"""The tokenizer of the bundled model, rebuilt from its vocabulary and character map."""

import unicodedata

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers import models as tokenizer_models

from models.bundled import Vocabulary

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
"""The tokens that stand for no text, by id."""


def build_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """Build a Unigram tokenizer that gives the token ids of the model it was trained with.

    The file's map of single characters is NFKC but for the characters that it deletes or turns into a space, so NFKC
    does the rest; unlike that map it also composes accents that come as characters of their own.
    """
    pieces = list(zip(vocabulary.pieces, vocabulary.log_probabilities, strict=True))
    tokenizer = Tokenizer(tokenizer_models.Unigram(pieces, unk_id=vocabulary.unk_id, byte_fallback=False))
    tokenizer.normalizer = _normalizer(vocabulary)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    bos, eos = vocabulary.pieces[vocabulary.bos_id], vocabulary.pieces[vocabulary.eos_id]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, vocabulary.bos_id), (eos, vocabulary.eos_id)],
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def _normalizer(vocabulary: Vocabulary) -> normalizers.Normalizer:
    unlike_nfkc = {
        character: replacement
        for character, replacement in vocabulary.character_map.items()
        if unicodedata.normalize("NFKC", character) != replacement
    }
    deleted = [character for character, replacement in unlike_nfkc.items() if not replacement]
    spaces = [character for character, replacement in unlike_nfkc.items() if replacement == " "]
    return normalizers.Sequence(
        [
            normalizers.Replace(Regex(_any_of(deleted)), ""),
            normalizers.Replace(Regex(_any_of(spaces)), " "),
            normalizers.NFKC(),
            # Full-width signs have become plain ones by now: a special token that somebody typed stays text.
            normalizers.Replace(Regex("<(?=(?:/?s|pad|unk|mask)>)"), "< "),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )


def _any_of(characters: list[str]) -> str:
    return "[" + "".join(f"\\x{{{ord(character):X}}}" for character in sorted(characters)) + "]"
