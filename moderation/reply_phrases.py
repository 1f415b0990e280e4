"""What a reply says besides a solution: courtesies in Dutch, English, French and German, clause by clause.

A reply is cut into clauses and each clause is put into the first class whose pattern is found in it. What is left
over is content: somebody says something of their own. The four languages are tried together, because short replies
are often in another language than the one they are taken for.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

ClauseClass = Literal["contact", "apology", "service", "same_here", "thanks", "filler", "content"]


@dataclass(frozen=True)
class Clause:
    """A clause with its class, and the words that put it there (empty for content)."""

    text: str
    clause_class: ClauseClass
    matched: str


def _pattern(*alternatives: str) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(alternatives) + r")(?!\w)")


CONTACT = _pattern(
    # a private channel, in any language
    r"dm|dms|dm'?en|pm|pm'?en|pb|pb'?tje|mp|pn|inbox|via messenger|whatsapp(en)?|livechat",
    r"(direct|private|personal) (message|messages|chat)|privé ?bericht(je)?|prive ?bericht(je)?|priveberichtje",
    r"direct bericht|messages? privés?|en privé|privat ?nachricht|private nachricht|direktnachricht",
    r"persönliche nachricht",
    # write or call
    r"(neem|neemt|nemen|nam|opnemen|op te nemen|opgenomen) .{0,40}\bcontact",
    r"contact (op|opnemen|op te nemen|opgenomen)",
    r"contacteer\w*|gecontacteerd|contacteren|contacteert",
    r"(bel|belt|bellen|mail|mailt|mailen|stuur|stuurt|sturen|schrijf|vul) .{0,30}\b(ons|onze|me|mij|naar|"
    r"klantenservice|klantendienst|helpdesk|servicedesk|contactformulier)",
    r"(message|email|e-mail|call|phone|ring|text|tweet|write|contact|reach) (to )?(us|me|our|them|support|"
    r"customer)",
    r"(reach out|get in touch|speak|talk|chat|get back) (to|with) (us|our|me|a member|customer|support|the)",
    r"give (us|me|our \w+) a (call|ring|shout)|drop (us|me)|shoot (us|me)",
    r"send (us|me|over) (a|an|your) .{0,30}(message|mail|note|details|number|address)|connect with us",
    r"join us in|contact (form|number)|chat with",
    r"(contactez|contacter|appelez|appeler|écrivez|joignez|joindre|rappelez) .{0,30}\b(nous|notre|le|moi|"
    r"service)",
    r"(contactez|appelez|écrivez|joignez|rappelez)-(nous|moi)|prenez contact|prendre contact|nous contacter",
    r"(envoyez|envoyer|faites) .{0,30}\b(mail|e-mail|courriel|message|mp)",
    r"(kontaktier\w*|schreib\w*|ruf\w*|meld\w*|wend\w*|mail\w*) .{0,40}\b(uns|unser\w*|mich|kundenservice|"
    r"kundendienst|support|hotline)",
    r"in verbindung setzen|kontakt aufnehmen|nehmen sie kontakt",
    # somebody will, or did, get in touch out of sight
    r"(medewerker|collega|collega's|adviseur|team) .{0,40}\b(contact|belt|bellen|mailt|terugbellen|"
    r"gemaild|gebeld)",
    r"(colleagues?|agent|team|someone|i|we|we've|i've|we'll) .{0,30}\b(contacted|contact you|reach out|"
    r"call you|get in touch|been in touch|emailed you|reached out)",
    r"(collègues?|collaborat\w+|conseiller|équipe|nous|quelqu'un) .{0,30}\b(contacte|contactera|contacté|"
    r"rappelle|rappellera|appellera)",
    r"(kolleg\w+|mitarbeiter\w*|team|wir) .{0,40}\b(melden sich|meldet sich|kontaktiert|anrufen)",
    r"(gestuurd|gemaild|envoyé|sent|geschickt) .{0,60}\b(e-?mails?|mail|courriel)",
    r"e-?mails? (gestuurd|geschickt|sent)",
    # whose file is it
    r"(your|full|uw|je|jouw|votre|vos|ihre|deine) ?(full )?(name|naam|nom|details|gegevens|coordonnées|"
    r"kundennummer|kontaktdaten) .{0,40}(\?|and|en|et|und|so|zodat|afin|damit|in order)",
    r"(order|booking|account|customer|client|case|ticket|phone|telephone|contact|flight|"
    r"tracking) ?(number|reference|ref|#|nr|details)",
    r"e-?mail ?address",
    r"klantnummer|klantennummer|ordernummer|bestelnummer|telefoonnummer|e-?mailadres|geboortedatum",
    r"numéro de client|numéro de (commande|téléphone)|adresse e-?mail|kundennummer|bestellnummer|telefonnummer",
)
APOLOGY = _pattern(
    r"sorry(?! to say)|apologi[sz]e\w*|apologies|we regret|i regret|deeply regret|inconvenience|our bad|oh no",
    r"uh oh|ouch",
    r"(understand|know) (how|your|that this|that it|the) .{0,30}(frustrat\w*|disappoint\w*|annoy\w*|"
    r"upset\w*|concerns?)",
    r"not (what|the \w+) (we|you) (like|want|expect)\w*|concerning to us|frustrating",
    r"excuses|excuus|excuseren|verontschuldig\w*|spijt\w*|jammer|betreur\w*|ongemak|balen|vervelend",
    r"niet (fijn|leuk|prettig|tof|goed) (om )?(te|dat)|begrijp\w* (uw|je|jouw|dat|goed)|begrip voor",
    r"teleurgesteld",
    r"désolée?s?|regrett\w*|excus\w*|navrée?s?|déçue?s? (d|de|que)|pardon|dérangement|désagréments?",
    r"comprenons (votre|que|bien)|comprends (votre|que|bien)",
    r"entschuldig\w*|tut (uns|mir) .{0,10}leid|leid tun|bedauer\w*|verzeihung|unannehmlichkeit\w*|schade",
    r"verstehen? (ihren|deinen|dass|ihre|gut)",
)
SERVICE = _pattern(
    # valued, taken seriously, used to improve
    r"(appreciate|value|valuable|encourag\w*|take|taking|took|take this) .{0,30}(feedback|patience|"
    r"comments?|seriously|reaching out|understanding|suggestion)",
    r"feedback|satisfaction|committed to|strive|priority",
    r"improv\w* (our|the|ourselves|these|this)|enhance our|taking steps|take steps",
    r"working (hard|on it|on this|diligently)",
    r"waarder\w*|gewaardeerd|waardevol\w*|op prijs|ter harte|serieus|tevredenheid|essentieel",
    r"houden .{0,20}rekening",
    r"(verbeter\w*|verbetering) .{0,40}(diensten|dienstverlening|service|producten)",
    r"ons(zelf)? (te )?verbeter\w*",
    r"(diensten|dienstverlening|service) .{0,30}verbeter\w*|streven|werken (hard|continu|eraan|er aan)",
    r"stappen (om|te|onder)",
    r"apprécions|appréciée?s?|sérieux|satisfaction|priorité|nous (nous )?(engageons|efforçons)",
    r"prenons des mesures",
    r"(améliorer|amélioration|améliorations|travaillons|travaillerons) .{0,80}|inestimables?|précieux|prioriser",
    r"(vos|votre|vos) (commentaires?|feedbacks?|retours?|avis|remarques?|critique)|utiliserons",
    r"schätzen (ihr|dein|ihre|wir)|ernst|rückmeldung\w*|feedback|verbessern|arbeiten (hart|daran|an)",
    r"wichtig für uns",
    # passed on
    r"pass(ed|ing)? (this|it|that|your|these|them|along) ?.{0,30}(on|along|to|over|feedback)?",
    r"forward(ed|ing)? (this|it|your|to)",
    r"(let|tell|share|shared|raise|raised|escalate\w*|report\w*|flag\w*) .{0,30}(our|the) .{0,20}(know|"
    r"team|devs?|developers?|department|colleagues?|management)",
    r"(geven|geef|gaf|gegeven|nemen|neem|sturen|stuur|spelen|zetten|leggen) .{0,40}\b(door|mee|verder|voor)",
    r"doorgegeven|doorgestuurd|doorgezet|doorgeven|doorsturen|doorspelen|meegenomen|meenemen|gemeld bij",
    r"transmett\w*|transmis\w*|transmettrons|faire suivre|remontons|remonté|fait part",
    r"weitergeben|weitergegeben|weitergeleitet|weiterleiten|(geben|leiten|gebe|leite) .{0,40}\bweiter",
    # somebody will look
    r"as soon as (possible|we can)|asap|look(ing)? into (this|it|that|your)|take a (closer |quick )?look",
    r"look closer|keep you (posted|updated)|follow up|bear with us|investigat\w*|we hope",
    r"(happy|here|glad|delighted|love|like|want|able|work together|we can|i can|definitely|"
    r"certainly) (to |and )?(help|assist|check|look|hear more|know more|learn more|figure|work towards|work toward)",
    r"we('ll| will| can| could)? ?(help|assist|check (this|it|that|if|what|on)|sort|fix this|continue|"
    r"go from there|move forward)",
    r"zo (snel|spoedig|vlug) mogelijk|zoeken .{0,30}\b(uit)|kijken .{0,30}\b(er)?(naar|na)|ernaar (kijken|kijkt)",
    r"onderzoek\w*|bekijken .{0,20}|op de hoogte|komen .{0,30}\b(terug|op terug)|alles aan|oplossing kunnen",
    r"werken aan|aan het behandelen|in behandeling|hopelijk|we hopen|helpen (je|u|jou) graag",
    r"graag (verder|helpen)",
    r"le plus (rapidement|vite|tôt) possible|plus brefs délais|meilleurs délais|vérifi(ons|erons)",
    r"tenons au courant|revenons vers|reviendrons vers|soyez rassurée?|examin\w+ (votre|la|le)|résoudre ces",
    r"espérons|une résolution|à une solution",
    r"so (schnell|bald) wie möglich|schnellstmöglich|kümmern uns|schauen (uns|wir)|prüfen (das|dies|wir|es|den)",
    r"melden uns",
    # tell us more
    r"(send|provide|share|give|tell|know|need|want|like) .{0,20}(more|further|additional|some) (details?|"
    r"info|information|about)",
    r"know more|learn more about|(meer|extra) (in )?(details?|informatie|uitleg|info)|meer in detail|meer weten",
    r"en savoir plus|plus d'informations|plus de détails|nähere (informationen|angaben)",
    r"mehr (informationen|details)",
)
SAME_HERE = _pattern(
    r"same (here|issue|problem|thing|for me|boat|with me|experience)|me too|me neither|mine too|ditto|likewise",
    r"agreed?",
    r"i (agree|concur|second (this|that))|(have|having|got|see|seeing|had) (the|exactly the|this) same",
    r"happens to me( too)?",
    r"hetzelfde|het zelfde|zelfde (hier|probleem|ervaring|verhaal|issue)|ik ook( al)?|idem|hier ook|bij mij ook",
    r"bij ons ook",
    r"(mee|helemaal) eens|herkenbaar|sluit me aan|zelfde",
    r"pareil\w*|moi aussi|moi non plus|même (problème|chose|souci|constat|expérience)|je confirme|d'accord avec",
    r"ich auch|geht mir (genauso|auch|ebenso)|dito|bei mir (auch|genauso)|gleiche[sn]? (problem|erfahrung|hier)",
    r"stimme zu",
)
SAME_HERE_SIGNS = re.compile(
    r"(?<![\w+])\+ ?1(?![\w])|^\s*(this|dit|ceci|exactly|precies|exact|genau|klopt)\s*[.!^]*\s*$"
)
THANKS = _pattern(
    r"thanks|thank you|thank u|thx|thankyou|tnx|ty|tysm|cheers|much appreciated|appreciate (it|this|that)",
    r"many thanks",
    r"bedankt|dank|dankje|dankjewel|dankuwel|dank u|dank je|bedankje|top bedankt|thanx",
    r"merci|mercis|remerci\w*",
    r"danke|dankeschön|vielen dank|besten dank|herzlichen dank|bedank\w*",
    # glad to hear it, as staff answers praise
    r"(glad|happy|great|nice|good|lovely|delighted|pleased) to (hear|read|know|see)|means (a lot|the world)",
    r"you're welcome",
    r"you are welcome|more than welcome|no problem|my pleasure|anytime",
    r"(leuk|fijn|blij|prettig|mooi|goed) (om )?te (horen|lezen|vernemen)|doet .{0,20}(deugd|goed|plezier)",
    r"graag gedaan",
    r"(ravie?s?|heureux|heureuse|contente?s?) (de|d'|que)|de rien|avec plaisir|je vous en prie",
    r"(freut|freuen) (uns|mich)|gern geschehen|bitte sehr|gerne",
)
BEFOREHAND = _pattern(
    r"in advance|beforehand|bij voorbaat|alvast|d'avance|par avance|im voraus|vorab",
    r"thanks for (any|your) (help|reply)",
)
GREETING = _pattern(
    r"hi|hello|hey|hiya|dear|good (morning|afternoon|evening)|welcome|hi there",
    r"beste|hallo|hoi|dag|goedemorgen|goedemiddag|goedenavond|goeiedag|geachte|welkom|lieve",
    r"bonjour|bonsoir|salut|cher|chère|madame|monsieur|bienvenue",
    r"guten (tag|morgen|abend)|liebe|lieber|sehr geehrte\w*|moin|servus",
)
SIGN_OFF = re.compile(
    r"(?<!\w)(?:"
    r"(met )?(vriendelijke|hartelijke) groet\w*|groetjes|groeten|groet|mvg|hoogachtend|"
    r"(kind|best|warm|friendly) regards|regards|yours (sincerely|faithfully|truly)|sincerely|all the best|best wishes|"
    r"bien à vous|cordialement|salutations|bien cordialement|sincères salutations|à bientôt|bonne journée|"
    r"mit freundlichen grüßen|(freundliche|viele|beste|liebe) grüße|mfg|lg|vg|"
    r"(nog een )?(prettige|fijne) (dag|avond|weekend)|have a (great|nice|good) (day|one|weekend)"
    r")(?!\w).{0,90}$"
    r"|\n[^\n.!?]{0,60}(?<!\w)(team|équipe)(?!\w)[^\n.!?]{0,30}$",
    re.DOTALL,
)
INITIALS = re.compile(r"(?:^|\s)[\^*~/–-]\s?\w{1,14}\s*$|\s\d/\d\s*$")
MENTION = re.compile(r"(?<!\w)@\w+")
REACTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        lol haha hahaha hihi lmao rofl ok oke oké okay okee wow nice cool great super top mooi leuk
        ha ah oh oo hmm hm mmm ja nee yes no yep nope yeah jep oui non nein doch bump up volgen
        following subscribed interested sub wtf omg jeetje tja ach bah please pls alstublieft aub
        svp bitte true waar inderdaad indeed exact right correct awesome perfect prima goed fijn
        bravo respect jammer first eerste hear sure got it gotcha absolutely excellent yay congrats
        congratulations gefeliciteerd félicitations
        """,
    )
)

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|[\n;]+|\s[–—-]\s")
_TURN = re.compile(
    r",?\s*(?<!\w)(?:but|however|although|maar|echter|mais|cependant|toutefois|aber|jedoch|allerdings)(?!\w),?\s*"
    r"|,?\s+(?:and|en|et|und|or|of|ou|oder)\s+(?=(?:we|we'll|we've|i|i'll|you|please|there is|wij|ik|u|je|er is|"
    r"er zijn|dm|pm|nous|vous|il y a|wir|ich|sie|du|es gibt)(?!\w))"
    r"|,\s+(?!(?:dat|die|om|zodat|omdat|as|that|which|so|because|que|qui|afin|pour|car|de|dass|weil|damit|um|and|en|et|und|"
    r"or|of|ou|oder)(?!\w))"
)
# After such an opening the main clause decides, so the sentence is read whole.
_OPENING = re.compile(
    r"\s*(?:if|in case|regarding|concerning|based on|als|indien|mocht|wat betreft|inzake|op basis van|si|s'il|au cas|"
    r"concernant|quant à|wenn|falls|bezüglich)(?!\w)"
)
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|\d+(?:[.,:]\d+)*")

MAX_SAME_HERE_WORDS = 10
MAX_THANKS_WORDS = 18
MIN_CONTENT_WORDS = 2
MIN_CLAUSE_WORDS = 4


def read_clauses(text: str, *, by_staff: bool) -> Iterator[Clause]:
    """Cut a reply into clauses and class each, one at a time: the first clauses often settle what a reply is.

    Parameters
    ----------
    text : the words of the reply without quotes and links.
    by_staff : the language of customer service ("we are working hard on it") is a courtesy only from those who serve.
    """
    plain = SIGN_OFF.sub("", MENTION.sub(" ", text.lower().replace("’", "'").strip()))
    sentences = [INITIALS.sub("", sentence) for sentence in _SENTENCE_END.split(plain)]
    parts = [part for sentence in sentences for part in _parts(sentence)]
    before: Clause | None = None
    for part in parts:
        clause = _class_of(part.strip(), by_staff=by_staff)
        if not _only_lengthens(clause, before):
            yield clause
            before = clause


def gives_thanks(clauses: Iterable[Clause]) -> bool:
    """Whether somebody says thanks, and not only beforehand."""
    return any(clause.clause_class == "thanks" and not BEFOREHAND.search(clause.text) for clause in clauses)


def _parts(sentence: str) -> list[str]:
    return [sentence] if _OPENING.match(sentence) else _TURN.split(sentence)


def _only_lengthens(clause: Clause, before: Clause | None) -> bool:
    """A few words of content right after a courtesy belong to it: "we handle your letters, in Dutch"."""
    is_short = len(_WORD.findall(clause.text)) < MIN_CLAUSE_WORDS
    return clause.clause_class == "content" and is_short and before is not None and before.clause_class == "service"


def _class_of(text: str, *, by_staff: bool) -> Clause:
    words = _WORD.findall(text)
    for clause_class, pattern, max_words in _CLASSES:
        if clause_class == "service" and not by_staff:
            continue
        found = pattern.search(text)
        if found and len(words) <= max_words:
            return Clause(text, clause_class, found.group(0).strip())
    own_words = [word for word in words if word not in REACTION_WORDS and not GREETING.fullmatch(word)]
    if len(own_words) < MIN_CONTENT_WORDS or (GREETING.match(text) and len(own_words) <= MIN_CONTENT_WORDS):
        return Clause(text, "filler", text)
    return Clause(text, "content", "")


_NO_LIMIT = 10_000
_CLASSES: tuple[tuple[ClauseClass, re.Pattern[str], int], ...] = (
    ("contact", CONTACT, _NO_LIMIT),
    ("apology", APOLOGY, _NO_LIMIT),
    ("service", SERVICE, _NO_LIMIT),
    ("same_here", SAME_HERE, MAX_SAME_HERE_WORDS),
    ("same_here", SAME_HERE_SIGNS, MAX_SAME_HERE_WORDS),
    ("thanks", THANKS, MAX_THANKS_WORDS),
)
