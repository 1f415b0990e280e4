"""Words that never name a topic, and the words after which a thing is named.

A word that every topic uses alike weighs next to nothing in a name anyway; these are the ones that would still cling to
the edge of a phrase ("of the car"), or win in a small topic because a few busy writers have a habit: function words in
Dutch, its regional languages, English, German and French; verbs and adjectives that say nothing about the subject;
numbers; names of months and days. Words that also name a thing in one of these languages are left out on purpose
(Limburgish "mer" is French "sea", Twents "zee" is Dutch "sea").
"""

DUTCH = """
aan aangezien achter af al alle alleen allemaal alles als altijd andere anders ben bent bij bijna bijvoorbeeld binnen
bleef blijft daar daarom daarna dan dat de den deze die dit doe doen door dus echt echter een eens eerst elk elke en
enkel er erg even gaan gaat gedaan geen geweest ging goed graag gewoon haar had hadden hallo heb hebben hebt heeft
heel helaas hem het hier hij hoe hoewel hun iedereen iemand iets ik in inderdaad is ja je jij jou jouw jullie kan
komen komt krijg krijgen krijgt kunnen kunt laat laten maak maar maken me mee meer mensen met mij mijn minder
misschien moet moeten mogen na naar natuurlijk nee net niet niets niks nodig nog nogal nooit nou nu nul of om omdat
onder ons onze ook op over per soms sinds steeds te tegen terwijl toch toe toen tot tussen twee uit uw van vanaf
vandaag veel verder vind voor vooral waar waarom waren was wat we weer weet wel welke wie wij wil willen word worden
wordt zal ze zei zeer zeker zelf zich zie zien zij zijn zo zoals zonder zou zouden weten alvast mvg groet groeten
bedankt dank dag dagen week weken uur uren keer terug hoeveel drie vier
"""

ENGLISH = """
a able about above actually after again all almost already also although always am an and another any anybody anyone
anything are around as ask at away back be because been before being believe best better between both but by came can
cannot come could did do does doing done down during each either else enough etc even ever every everyone everything
fact far few find first for from get gets getting give given go goes going gone good got great had has have having he
hello help her here hers hi him his how however i if in instead into is it its itself just keep kind know last least
less let like likely little long look looking lot made make makes making many may maybe me might mine more most much
must my myself need needs never new next no nobody none nor not nothing now of off often ok okay on once one only onto
or other others our ours out over own part people perhaps please post problem put question quite rather re really
right said same say saying says see seem seems seen several shall she should since so some somebody someone something
sometimes somewhere still such sure take tell than thank thanks that the their theirs them themselves then there these
they thing things think this those though thought three through thus time to together told too took tried try trying
two under until up upon us use used using very via want wants was way we well went were what whatever when where
whether which while who whole whom whose why will with within without wonder would write writes wrote yeah yes yet you
your yours yourself don't doesn't didn't isn't aren't wasn't weren't won't can't couldn't wouldn't shouldn't haven't
hasn't hadn't i'm i've i'd i'll you're you've you'd you'll he's he'd she's it's it'd it'll we're we've we'd we'll
they're they've they'd they'll that's there's what's who's let's ain't dont doesnt didnt cant im ive
"""

GERMAN = """
aber alle allem allen alles als also am an andere anderen auch auf aus bei beim bereits bin bis bitte da damit danach
dann das dass dein dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch eben
ein eine einem einen einer eines einfach einmal er es etwa etwas euch euer für gab ganz geben gegen gehen geht genau
gerade gibt gut habe haben habt hallo hat hatte hatten hier hin ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer
in ins ist ja jede jedem jeden jeder jedes jetzt kann kannst kein keine keinem keinen keiner können könnte leider
machen macht mal man mehr mein meine meinem meinen meiner mich mir mit muss müssen nach natürlich nicht nichts noch
nun nur ob oder ohne schon sehr seid sein seine seinem seinen seiner seit selbst sich sie sind so solche sollte
sondern sonst trotzdem über um und uns unser unsere unter viel viele vielleicht vom von vor war waren warum was weil
weiter welche wenn wer werde werden wie wieder will wir wird wirklich wo wurde wurden würde zu zum zur zwar zwischen
danke
"""

FRENCH = """
ai aie ainsi alors après as au aucun aucune aujourd'hui aussi autre autres aux avait avant avec avez avoir avons
beaucoup bien bon bonjour c'est ça car ce ceci cela celle celui ces cet cette ceux chaque chez comme comment contre
d'un d'une dans de déjà depuis des deux donc dont du elle elles en encore entre est et étaient était étant été être eu
eux fait faire faut fois font il ils j'ai jamais je jusqu'à l'on la là le les leur leurs lors lorsque lui ma mais me
même merci mes mieux moi moins mon n'est n'ai ne ni non nos notre nous on ont ou où oui par parce pas peu peut plus
plusieurs pour pourquoi pourtant près puis qu'il qu'elle qu'on quand que quel quelle quelque quelques qui quoi rien
s'il sa sans se sera ses si son sont sous sur ta tes toi ton toujours tous tout toute toutes très trop tu un une va
vers voici voilà vos votre vous vraiment y
"""

DUTCH_FILLERS = """
aangezien absoluut achteraf achteren allebei alsnog ander anderen anderhalf anderhalve apart avond avonds beetje begin
begint begon begonnen beide beiden beneden best bestaat beste beter bezig bleek bleven blij blijf blijkbaar blijken
blijkt blijven boven bovendien bracht breng brengen brengt buiten daaraan daarbij daardoor daarin daarmee daarna
daarnaast daarop daarover daaruit daarvan daarvoor dacht dame deden deed denk denken denkt desnoods destijds dhr
dichtbij dik ding dingen direct doet doorgaans dubbel duidelijk duren duurde duurt eentje eerder eerlijk eerste eet
eigen eigenlijk eindelijk elders elkaar enig enige enkele enorm enzo erbij erin ermee erna ernaar ernaast erop erover
eruit ervan ervoor eten extra fijn flink ga gaf gauw geachte gebeurd gebeuren gebeurt gebruik gebruiken gebruikt
gebruikte geef geeft gegaan gegeven gehad gehoord gekeken gekocht gekomen gekregen geleden gelijk gelukkig gemaakt
genoeg gesproken gestaan gestuurd geven gevonden gevraagd gezegd gezet gezien ging gingen gisteravond gisteren gr graden
groeten groot grote groter haal haalde haalt hai halen half hallo halve hang hangen hangt hartelijk heden hee heen heer
hele helemaal helft help helpen helpt hetzelfde hey hierbij hierin hiermee hiervan hiervoor hoeft hoeven hoi hoor hoorde
hoort hopelijk idee ideeën jaar jammer jaren jarenlang joh jouwe juist keek kennelijk keren keus kijk kijken kijkt klaar
klein kleine klonk klopt knap kocht kom kon konden koop koopt kopen kort korte kost kostte kreeg kregen kun kwam kwamen
laatst laatste lag lagen lang lange langer langs later leek lees leest leg leggen legt lekker leuk leuke lezen lg lief
liefst liet lieten lig liggen ligt lijken lijkt links loop loopt lopen los maakt maakte maakten maand maanden mag
makkelijk man manier meerdere meest meestal meeste meneer meteen mevr mevrouw middag middags midden mijne mijnen min
minst minste minuten minuut mocht mochten moest moesten mooi mooie morgen morgens naam naast nacht nachts nam
namelijk namen
nat neem neemt nemen net nieuw nieuwe nieuws noem noemen nogal nogmaals normaal nou ochtend ochtends oke oké omdat
omhoog omlaag ondanks ondertussen ongeveer onlangs ooit opeens opgegeven opnieuw oud oude overal overigens paar pak
pakken pakt plaats precies prima probeer probeerde probeert proberen raar recht rechte rechts redelijk reeds rond ruik
rustig samen schrijf schrijft schrijven slecht slechte snel sneller soort sorry sowieso sprak spreek spreken sta staan
staat steek stond stonden stop straks stuk stukje stukken sturen stuur stuurde stuurt succes te tegelijk telkens
tenminste terecht tijden tijdens tja toevallig tot uiteindelijk uiteraard uitstekend vaak vanaf vanavond vanmiddag
vanmorgen vannacht vanochtend vanwege vast verdomme verkeerd verschillende vertel vertellen vertelt vervelend vind
vinden vindt vol voldoende volgend volgende volgens volle vond vonden vooraf voorbij voordat voorheen vorig vorige vraag
vraagt vragen vroeg vroeger vrouw waaraan waarbij waardoor waarin waarmee waarop waarover waarschijnlijk waaruit waarvan
waarvoor wacht wachten wanneer weer weg weinig welk werd werden werk werken werkt werkte wijst wil wilde wilden wilt
wist wou zag zagen zat zaten zeg zeggen zegt zei zeiden zeker zelfde zelfs zet zette zetten ziet zin zit zitten zo'n
zocht zodat zodra zoek zoeken zoekt zogenaamd zojuist zomaar zonde zorg zorgen zorgt zou zoveel zowat zowel zulk zulke
zullen zult zwaar
"""
"""Inflected forms that fill a sentence without saying what it is about, and greetings."""

DUTCH_NUMBERS = """
acht achtste achttien allebei beiden cent centen derde dertien dertig drie driemaal drieën duizend duizenden een eenmaal
eerste elf euro euro's euros gram honderd honderden kilo kwart liter meter miljard miljoen negen negende negentien
negentig nul percent procent tachtig tien tiende twaalf twee tweede tweemaal tweeën twintig veertien veertig vier vierde
vijf vijfde vijftien vijftig zes zesde zestien zestig zeven zevende zeventien zeventig één
"""

REGIONAL = """
'k 'm 'ne 'nen aait aal aalt aaltied allee altied altijt amai auch awer bie biej binne bunt d'r da da's daags dao daor
dees deez dich diej dien dienen dij dijn dizze doar doch docht doon doun dr dy eefkes eem effe effekes effen efkes ein
eine eits ek ekik em enne ens eum fan foar gaank gans gao gaon ge geer gein gen get gien gij gijlie gijn ginne goa goan
goe goed' ha haar hab hadde hae hai haw heb hebbe hebbn hed hef hen heur hie hiej hiene hier hij hjir hoe hom hunnie
häör höb höbbe höbs ich ie iej iejluu ieluu ien ier iets ik is jao jim jo joa joe joen jullie kan kin kinne kinnen kint
krek kump kunde kwam kós könt leu lu luu m'n ma maor mar mich mie mien mien' mijnen mit moaken moar moat moatte mor mout
mouten myn mót mött nait nao naor neet nei nen nich nichs nie niet nijt nimmen nimmer nit noa noait noch noe noet nog
noows oan oans och oe oet ok ook oons oos op opnij ouch ouwe sebiet seg sij sil soe subiet sy syn tis toen trije twa uch
ulle ummer ut uwen van vanaof ver veul veur vur vuul wa waar wal wao waor was wazzen weer wel wer weurt wie wiej wiene
wir wol wos wurdt wy z'n zai zelluf zenne zie zien zien' zijnen zo'n zoe zol zollen zu zun zunt zéker zölle òk ón ós ús
út ûs
"""
"""Function words as they are written in Twents, Gronings, Limburgish, Frisian and Flemish."""

ENGLISH_FILLERS = """
absolutely actually added adding afternoon ago agree alone along alright among annoying anyway apart apparently appears
asked asking asks away awful bad based basically became become bit bought bring brings brought buy buying bye called
calling case certain check checked checking cheers clear clearly close come comes coming completely correct couple
currently day days dear definitely different difficult directly doing earlier early easily easy end ended entire
especially evening everybody everywhere exactly except expect extra fair fairly fine forward found frankly free front
full fully funny glad gladly guess guys half happen happened happening happens happy hardly hear heard helped helping
helps hence hey hi hold hope hopefully hour hours huge idea immediately indeed instead keep keeps kept kinda knew knows
large late later leave left lets live lived loads lol longer lots love loved lovely main manage managed matter mean
means meant mention mentioned minute minutes moment month months morning move moved nearly neither nice nicely
night nope normal normally noted obviously odd old opposite ordinary past pick picked pretty previous probably proper
properly quick quickly read reading real reason receive received recent recently regards reply sad second seconds send
sending sends sent seriously set several short showed shows sick silly simple simply single small somehow soon sorry
sort sorts started starting stay stays stick stood stop stopped straight stuff stupid suddenly suppose supposed surely
taken takes taking talk telling tells terrible thanked thinking thus today tomorrow tonight total totally towards true
turn turned turns twice understand unfortunately unless useful usual usually various wait waited waiting wanted wanting
ways week weeks weird wish wonderful word words worked working works worse worst worth wow wrong year years yep
yesterday
"""
"""Forms that fill a sentence without saying what it is about, and greetings."""

ENGLISH_NUMBERS = """
cents dollar dollars dozen eight eighteen eighth eighty eleven fifteen fifth fifty five forty four fourteen fourth gram
grams hundred hundreds kilo million nine nineteen ninety ninth one pence percent pounds quarter seven seventeen seventh
seventy six sixteen sixth sixty ten tenth third thirteen thirty thousand thousands three twelve twenty two zero
"""

GERMAN_FILLERS = """
ab abend bekomme bekommen bekommt besser beste besten bleiben bleibt brauche braucht bringen dabei dafür dagegen daher
dahin damals danke daran darauf darf darüber davon dazu denke denken dieselbe direkt drei dritte eigene eigenen
eigentlich eins endlich erst erste ersten fast finde finden findet frage fragen früher fünf ganze ganzen gar geben
gegangen gehabt gekauft gekommen gemacht genug gesagt gestern gewesen geworden gleich gleiche groß große grüße halbe
hallo heute hundert hätte hätten immerhin irgendwie jahr jahre jemand kaufen kaum kleine komme kommen kommt konnte
konnten kurz lange lassen letzte letzten liebe lieber liegt länger mache macht manchmal meist meisten minuten moin monat
monate morgen muss musste möchte möchten nachdem nehme nehmen neu neue neuen neun nie niemand nimmt oft paar richtig
sagen sagt schlecht schnell schreiben sechs sehe sehen sieben sieht sogar soll sollen sollten später stehen steht stunde
stunden stück tag tage tausend tun tut ungefähr unten viele vier voll vorher warten wegen wenig weniger wenigstens
wissen woche wochen wohl wollen wollte wollten während wäre zehn zeit zuerst zuletzt zurück zwanzig zwei zweite
überhaupt
"""

FRENCH_FILLERS = """
actuellement ainsi année années ans appelé apprécions arrive assez attend attendre aucun auprès auquel avaient avais
avoir bah belle besoin bonne bonnes bref car cause cela celles certain certains chose choses cinq combien complètement
concernant cordialement coup cours côté d'abord d'ailleurs debut demandé dernier derniers dernière dernières deux dire
dit dites dix dois doit doivent donne donner donné durant dès désolé désolés déçu eh enfin ensuite envers envoyé essayer
excellent excellente essayé eté eût facile facilement faites fallait façon fin finalement fonctionne font fut genre
gens grand grande grandes
grands gros grâce général heure heures hier huit ici impossible jour jours juste l'ai l'est laisse laisser lequel lire
long longtemps longue lorsqu'on là-bas maintenant mal malgré malheureusement manière mauvais mauvaise mauvaises met
mettent mettre milieu mille min minute minutes mois moment moyen n'a n'avez n'ont n'y neuf nombreux nouveau nouveaux
nouvelle nouvelles nul nulle obligé obtenir opéré parfait parfaitement parfois parle parler partie passe passer passé
petit petite petites petits peu peux pire plupart plutôt possible pourrait pouvez pouvoir premier première prendre
presque pris puisque qu'elles qu'ils quatre quoique rapidement recevoir rendre reste rester reçu répond répondre sais
sait savoir semaine semaines semble sept serait seul seule seulement simple simplement six soir soit sommes sous-entendu
souvent suis suite super surtout tant tard tel telle tellement temps tenir trois trouve trouver un une unique utiliser
vais vas veulent veut veux vient vingt vite voir voit voulez voulu vraiment vu étais
"""

CALENDAR = """
januari februari maart april mei juni juli augustus september oktober november december
maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
maandags dinsdags woensdags donderdags vrijdags zaterdags zondags
maandagen dinsdagen woensdagen donderdagen vrijdagen zaterdagen zondagen
january february march april may june july august september october november december
monday tuesday wednesday thursday friday saturday sunday
mondays tuesdays wednesdays thursdays fridays saturdays sundays
januar jänner februar märz april mai juni juli august september oktober november dezember
montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag
montags dienstags mittwochs donnerstags freitags samstags sonnabends sonntags
janvier février fevrier mars avril mai juin juillet août aout septembre octobre novembre décembre decembre
lundi mardi mercredi jeudi vendredi samedi dimanche
enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre
lunes martes miércoles miercoles jueves viernes sábado sabado domingo sábados sabados domingos
"""
"""When something was written or happens, in five languages: a topic that was busy in August is not about August."""


def _casefolded(*lists: str) -> frozenset[str]:
    return frozenset(word.casefold() for words in lists for word in words.split())


STOP_WORDS_OF = {
    "nl": _casefolded(DUTCH, DUTCH_FILLERS, DUTCH_NUMBERS, REGIONAL, CALENDAR),
    "en": _casefolded(ENGLISH, ENGLISH_FILLERS, ENGLISH_NUMBERS, CALENDAR),
    "de": _casefolded(GERMAN, GERMAN_FILLERS, CALENDAR),
    "fr": _casefolded(FRENCH, FRENCH_FILLERS, CALENDAR),
}
"""By language: a function word of one is a thing in another, as French "pas" is a Dutch loyalty card."""

STOP_WORDS = frozenset().union(*STOP_WORDS_OF.values())
"""Those of every language, for text whose language is not known."""


def stop_words_in(language: str | None) -> frozenset[str]:
    """The words that name nothing in a language; those of all languages where there is no list of its own.

    Parameters
    ----------
    language : ISO 639-1 code, "unknown", or None.
    """
    return STOP_WORDS if language is None else STOP_WORDS_OF.get(language, STOP_WORDS)


DUTCH_MARKERS = """
de het een 't 'n mijn m'n jouw uw zijn z'n haar hun ons onze deze dit geen elk elke ieder iedere welk welke veel weinig
meer minder met zonder van voor in op bij uit over naar door tegen onder per via alle beide enkele paar twee drie vier
vijf zes zeven acht negen tien
"""
ENGLISH_MARKERS = """
the a an my your his her its our their this these those no any some each every which many more with without of for in on
at from about per by all both two three four five six seven eight nine ten
"""
GERMAN_MARKERS = """
der die das den dem des ein eine einen einem einer eines mein meine meinen meinem meiner dein deine sein seine ihr ihre
ihren unser unsere unseren dieser diese dieses diesen diesem kein keine keinen jeder jede jedes welche viele mehr mit
ohne von für in im am beim zum zur aus bei auf über durch gegen pro alle beide zwei drei vier fünf
"""
FRENCH_MARKERS = """
le la les un une des du au aux mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces de d l
en avec sans par pour chaque quelques plusieurs deux trois quatre cinq
"""

NOUN_MARKERS = {
    "nl": frozenset(DUTCH_MARKERS.split()),
    "en": frozenset(ENGLISH_MARKERS.split()),
    "de": frozenset(GERMAN_MARKERS.split()),
    "fr": frozenset(FRENCH_MARKERS.split()),
}
"""By language: articles, possessives, prepositions and numbers. What follows them is a thing, or is said of one."""

ADJECTIVES_FOLLOW = frozenset({"fr"})
"""Languages in which most adjectives come after the noun, so that the word after an article is the noun itself."""
