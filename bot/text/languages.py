"""Function words of the languages in Latin script that are told apart, by the names of their Snowball stemmers.

They serve two ends: a text is taken to be in the language whose function words it has most of, and function words are
not searched for. The lists are short on purpose: the most frequent words that carry no meaning of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_LISTS = {
    "english": """
        a about above after again all also am an and any are as at be because been before being below between
        both but by can could did do does doing down during each few for from further get gets
        getting got had has have having he ca her here hers herself him himself his how i if in into is
        it its itself just let like me more most my myself no nor not now of off on once only or other our ours
        ourselves out over own please same shall she should so some such than that the their theirs them
        themselves then there these they this those through to too under until up us very was we were
        what when where which while who whom whose why will with wo would you your yours yourself yourselves""",
    "german": """
        aber alle als am an auch auf aus bei bin bis bist da damit dann das dass dein dem den der des die dies diese
        dieser dir doch du durch ein eine einem einen einer es euch für gibt habe haben hast hat hatte ich ihm ihn
        ihr ihre im in ist ja jetzt kann kein keine mein mich mir mit nach nicht noch nur ob oder schon sein seine
        sich sie sind so um und uns unser unter vom von vor wann war waren warum was weil welche welcher welches wem
        wen wenn wer werden wie wieder will wir wird wo wurde zu zum zur über""",
    "french": """
        ai as au aux avec avez avons ce ces cet cette comme d dans de des du elle elles en es est et eu il ils j je
        l la le les leur leurs lui ma mais me mes moi mon n ne nos notre nous on ont ou où par pas plus pour
        pourquoi qu quand que quel quelle quelles quels qui quoi s sa sans se ses son sont sur ta te tes toi ton tu
        un une va vos votre vous y à ça été être""",
    "spanish": """
        a al algo como con cual cuando cuál cuándo cómo de del desde donde dónde el ella ellos en entre era eran es
        esa ese eso esta este esto está están fue ha han hasta hay la las le les lo los me mi mis muy más ni no nos
        nosotros o para pero por porque que quien quién qué se ser si sin sobre son su sus sí también te tiene tu
        tus un una uno unos y ya yo él""",
    "portuguese": """
        a ao aos as até com como da das de dela dele do dos e ela elas ele eles em entre era essa esse esta este
        está eu foi foram há isso isto já lhe mais mas me mesmo meu minha muito na nas nem no nos nossa nosso não o
        onde os ou para pela pelo por porque quais qual quando que quem se sem ser seu sua são também te tem tu um
        uma você vocês é""",
    "italian": """
        a ad ai al alla alle anche che chi ci come con cosa da dal dalla dei del della delle di dove e ed era gli ha
        hai hanno ho i il in io la le lei lo loro lui ma mi mia mio ne nei nel nella noi non o per perché più quale
        quali quando quanto quella quello questa questo se sei si sia sono sta su sua suo ti tra tu un una uno vi
        voi è""",
    "dutch": """
        aan al alles als ben bij dan dat de deze die dit doen door dus een en er ge geen had heb hebben heeft het
        hier hij hoe hun ik in is ja je kan komt maar me meer men met mij mijn moet na naar niet niets nog nu of om
        omdat ons onze ook op over te tegen toch toen tot u uit van veel voor waar waarom wanneer want waren was wat
        we wel welke werd wie wij wil worden wordt zal ze zich zij zijn zo zonder zou""",
    "swedish": """
        alla allt att av blev bli blir de dem den denna deras dess det detta dig din du där då efter ej eller en er
        ett från för ha hade han hans har hennes hon honom hur här i icke inte ja jag kan kunde man med mellan men
        mig min mot mycket ni nu när någon något och om oss på samma sedan sig sin ska skulle som så till um upp ut
        vad var varför vem vi vid vilka vilken är över""",
    "norwegian": """
        alle at av bare ble bli blir da de deg dem den denne der dere det dette din du eller en er et etter for
        fordi fra før ha hadde han hans har hun hva hvem hvilken hvis hvor hvordan hvorfor i ikke inn jeg kan kom
        kunne man med meg mellom men min mot mye nå når og også om opp oss over på seg selv sin skal skulle som så
        til ut var ved vi vil vår være""",
    "danish": """
        af alle at blev blive da de dem den denne der deres det dette dig din du efter eller en end er et for fordi
        fra ham han hans har havde have hende her hun hvad hvem hvilken hvis hvor hvordan hvorfor hvornår i ikke ind
        jeg kan kunne man med meget men mig min mod ned nogen nogle nu når og også om op os over på selv sig sin
        skal skulle som sådan til ud var ved vi vil vores være""",
    "finnish": """
        ei eivät en et että he hän häntä ja jo joka jos jotka kanssa koska koskaan kuin kuka kun me miksi mikä
        milloin minun minä missä mitä mutta myös ne nyt ole olen oli olla ollut on onko ovat se sen siellä siinä
        sinä sitä tai te tämä tässä tätä vai vain voi""",
    "polish": """
        a aby ale bez bo by być był była było były ci co czy dla dlaczego do go i ich ile im ja jak jaka jaki jakie
        jako je jego jej jest jeszcze już kiedy kto która które który ma mi mnie może my na nad nam nas nie nim niż
        o od on ona oni po pod przed przez przy się skąd są ta tak tam te tego tej ten to tu ty tylko tym u w we wy
        z za ze że""",
    "turkish": """
        ama ancak bana ben beni benim bir biz bu bunu da daha de değil diye en gibi hangi hem hep ile ise için kadar
        ki kim mi mu mü mı nasıl ne neden nerede niye o olan olarak oldu on onlar onu onun sen siz sonra ta var ve
        veya ya yok çok şu""",
    "romanian": """
        ai al ale am ar are asta au avea care ce cel cine cu cum când că da dar de decât deja din după e ea ei el
        este eu fi fost iar la le lor lui mai mi mă ne nici noi nu o pe pentru prin sau sunt să te tu un una unde
        unei unui va vor vă îi îl îmi în între își și""",
    "hungarian": """
        a az azt csak de e egy el ez ezt fel ha hogy hogyan hol igen is itt kell ki kit le lesz ma meg melyik mert
        mi mikor mint mit miért most már még nagyon nekem nem ott pedig sem szerint te ti vagy van vannak volt én és
        ő ők""",
    "czech": """
        a ale ani až bude by byl byla bylo být co do ho i jak jako je jeho jejich její jen jestli ještě již jsem jsi
        jsme jsou já k kde kdo kdy která které který ma mi mne mu my mít na nad ne nebo není nám o od on ona oni po
        pod podle pokud pro proto proč při s se si tak také ten tento to tu ty u už v ve vy však z za ze či že""",
    "indonesian": """
        ada adalah akan aku apa atau bagaimana bahwa bisa dalam dan dari dengan di dia hanya harus ini itu jadi jika
        juga kami kamu kapan karena ke kenapa kita lagi mana mereka nya oleh pada saat sampai saya sebagai sudah
        tidak untuk yang""",
}

STOP_WORDS: Mapping[str, frozenset[str]] = MappingProxyType({name: frozenset(w.split()) for name, w in _LISTS.items()})
"""Language to its function words, folded."""

_IRREGULAR = """
    bad: worse worst; become: became; begin: began begun; bend: bent; bind: bound; bite: bit bitten; blow: blew
    blown; break: broke broken; bring: brought; build: built; burn: burnt; buy: bought; catch: caught; child:
    children; choose: chose chosen; cling: clung; come: came; deal: dealt; dig: dug; do: does did done; draw: drew
    drawn; dream: dreamt; drink: drank drunk; drive: drove driven; eat: ate eaten; fall: fell fallen; feed: fed;
    feel: felt; fight: fought; find: found; fly: flew flown; foot: feet; forget: forgot forgotten; forgive: forgave
    forgiven; freeze: froze frozen; get: got gotten; give: gave given; go: goes went gone; good: better best; goose:
    geese; grow: grew grown; half: halves; hang: hung; hear: heard; hide: hid hidden; hold: held; keep: kept; knife:
    knives; know: knew known; lay: laid; lead: led; learn: learnt; leave: left; lend: lent; lose: lost;
    make: made; man: men; mean: meant; meet: met; mistake: mistook mistaken; mouse: mice; overcome: overcame; pay:
    paid; person: people; rebuild: rebuilt; ride: rode ridden; ring: rang rung; run: ran; say: said; see: saw seen;
    seek: sought; sell: sold; send: sent; shake: shook shaken; shelf: shelves; shine: shone; shoot: shot; shrink:
    shrank; sing: sang sung; sink: sank sunk; sit: sat; sleep: slept; slide: slid; speak: spoke spoken; spend:
    spent; spin: spun; stand: stood; steal: stole stolen; stick: stuck; strike: struck; swear: swore sworn; sweep:
    swept; swim: swam swum; take: took taken; teach: taught; tear: tore torn; tell: told; thief: thieves; think:
    thought; throw: threw thrown; tooth: teeth; undergo: underwent undergone; understand: understood; wake: woke
    woken; wear: wore worn; weave: wove woven; weep: wept; wife: wives; win: won; withdraw: withdrew withdrawn;
    woman: women; write: wrote written"""

IRREGULAR: Mapping[str, str] = MappingProxyType(
    {
        form: base
        for base, _, forms in (entry.strip().partition(":") for entry in _IRREGULAR.split(";"))
        for form in forms.split()
    }
)
"""Forms of English words that no suffix rule leads to their base, with it."""
