"""Function words that never name a topic: Dutch, English, German, French.

Short on purpose. A word that every topic uses alike weighs next to nothing in a name anyway; these are the ones that
would still cling to the edge of a phrase ("of the car") or win in a very small topic.
"""

DUTCH = """
aan aangezien achter af al alle alleen allemaal alles als altijd andere anders ben bent bij bijna bijvoorbeeld binnen
bleef blijft daar daarom daarna dan dat de den deze die dit doe doen door dus echt echter een eens eerst elk elke en
enkel er erg even gaan gaat gedaan geen geweest ging goed graag gewoon haar had hadden hallo heb hebben hebt heeft
heel helaas hem het hier hij hoe hoewel hun iedereen iemand iets ik in inderdaad is ja je jij jou jouw jullie kan
komen komt krijg krijgen krijgt kunnen kunt laat laten maak maar maken me mee meer mensen met mij mijn minder
misschien moet moeten mogen na naar natuurlijk nee net niet niets niks nodig nog nogal nooit nou nu nul of om omdat
onder ons onze ook op over pas per soms sinds steeds te tegen terwijl toch toe toen tot tussen twee uit uw van vanaf
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

STOP_WORDS = frozenset(word for words in (DUTCH, ENGLISH, GERMAN, FRENCH) for word in words.split())
