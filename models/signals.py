"""The eight signals that every post is scored on, in the order of every signal array's columns."""

SIGNALS = ("negative", "negative_wom", "complaint", "question", "idea", "praise", "toxic", "spam")
UNKNOWN_LANGUAGE = "unknown"
