"""Word lists of the gate: what marks a question, an order, a joke, a person's private matters, and the like."""

from __future__ import annotations

import re

from bot.remember.sensitive import any_of as any_of

AS_SUBJECT = re.compile(
    r"(?<![\w/.-])(?:I(?:['’](?:m|ll|ve|d))?(?![\w/.])|(?i:im(?!\s+(?:\w+e[nm]\s+)?(?-i:[A-ZÄÖÜ]))|ive|ich|je|moi|yo"
    r"|ik|jag|я)(?![\w/-]))|(?i:(?:^|[,.;:]\s)ill\s(?!\w+\s(?:is|are|was|were)\b))|(?i:\bj['’](?=\w))|[私僕俺我]|저는|나는"
)
"""The speaker of a text as who does it, in the languages met most often."""

FIRST_PERSON = re.compile(
    AS_SUBJECT.pattern + r"|(?<![\w/.-])(?i:my|me|(?<!^)mine|myself|mein\w{0,2}|mir|mich|meu|minha|mijn|mig"
    r"|мне|мой|моя|меня)(?![\w/-])"
)
"""The speaker of a text."""

I_UNSAID = (
    "vivo|prefiero|toco|odio|colecciono|juego|hablo|nací|trabajo|soy|estudio|moro|trabalho|sou|abito|lavoro|mieszkam"
    "|pracuję|jestem|живу|работаю|учусь"
)
"""Verbs that have "I" in them, and stand for a whole life rather than for the moment."""

FIRST_PERSON_ELSEWHERE = any_of(
    r"(?<![\w/.-])(?:mon|ma|mes|mi|mis|eu|io|mio|(?-i:mia))(?![\w/-])",
    rf"(?:^|[,.;:]\s|\b[yei]\s)(?:{I_UNSAID}|estoy|tengo|estou|tenho|sono)\b",
)
"""Words that are the speaker only where a text is not English."""

NEGATION = any_of(
    r"\b(?:not|no|never|none|cannot|without|nor|neither|nobody|nothing|nowhere|noone|hardly|barely|scarcely|seldom"
    r"|rarely|nicht|kein\w{0,2}|nie|niemals|niemand\w{0,2}|nichts|nirgends|keinesfalls|keineswegs|ohne|pas|jamais|sans"
    r"|aucune?|rien|nunca|jamás|sin|nadie|nada|ning[uú]n\w?|tampoco|não|ninguém|nenhuma?|sem|non|nessun\w?|niente"
    r"|senza|niet|niets|geen|nooit|inte|ingen|aldrig|не|нет|никогда|никто|ничего|без)\b",
    r"n['’]t\b",
    r"\b(?:dont|doesnt|didnt|cant|wont|isnt|arent|wasnt|shouldnt|couldnt)\b",
    r"\bstop(?:s|ped|ping)? \w+ing\b|\bavoid(?:s|ed|ing)?\b",
    r"\b(?:I|we|you|they|he|she|it|that|there) used to\b|\bused to be\b",
    r"ない|ません|不|没",
)
"""What turns a statement round."""

QUESTION = any_of(
    r"[?？؟](?:\W*|\s*[:;=8][-']?\w)$",
    r"^(?:[^\s:,]{1,32}[:,]\s+)?(?:(?:hey|hi|yo|so|and|but|ok|well|err?|um|guys|all|question|any ?one|anybody"
    r"|someone)\b[,: ]*)*(?:who|what|where|when|why|how|which|does any|do any|is there|should (?:we|i)|shall we"
    r"|are there|has any|can (?:any|some|you|i)|could (?:you|some|any)|anyone (?:know|have|got|else)|any (?:idea|one"
    r"|body)|any1)\b(?:[^.!]|[.!](?=\w))*$",
)
"""A sentence that asks."""

ABOUT_ASKING = any_of(
    r"^(?:<@\d+>|someone|somebody|a user|the user|they|he|she)\s+(?:is |was |are |were |has been |just )?(?:ask\w*"
    r"|wonder\w*|want\w* to know|wants? help|looking for|look\w* for|seek\w*|need\w* (?:help|to know)|thank\w*"
    r"|greet\w*|agree\w*|jok\w+|laugh\w*|confus\w+|curious|unsure|not sure|say(?:s|ing)? (?:hi|hello|thanks?|goodbye)"
    r"|happy|glad|sorry|frustrat\w+|unable|trying|tries|having (?:trouble|problems?|issues?)|has (?:a |an "
    r"|some )?(?:problems?|trouble|issues?|questions?)|mention\w*$|congratulat\w*|respond\w*|repl(?:y|ies|ied)\b)",
)
"""A memory that reports that somebody spoke instead of what they said."""

UNSURE = any_of(
    r"\b(?:no idea|not sure|dunno|don['’]?t know|do not know|no clue|never tried|haven['’]t tried|i guess"
    r"|just guessing|might be wrong|keine ahnung|weiß nicht|aucune idée|ni idea)\b",
)
"""A speaker who does not know."""

JOKE = any_of(
    r"\b(?:lol|lmao|rofl|lmfao|j/?k|just kidding|kidding|haha\w*|hehe\w*|hihi|xd+|joking|(?:ja){3,}\w*|mdr|ptdr|k{3,}"
    r"|(?:rs){2,}|(?:ха|ах){2,}\w*)(?!\w)",
    r"(?:^|\s)/s(?!\S)",
    r"(?<!\w)[:;=8]-?[)pPD](?!\w)",
    "[\U0001f600-\U0001f606\U0001f609\U0001f61b-\U0001f61d\U0001f642\U0001f643\U0001f92a\U0001f923]",
)
"""A speaker who says that they are joking, or laughs."""

ORDER = any_of(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,30}\b(?:instruction|prompt|rule|previous|above|system"
    r"|guideline)",
    r"\b(?:system|developer) (?:prompt|message|instruction)",
    r"^\W*(?:system|assistant|user|developer|human|ai)\s*[:›>|]",
    r"(?:^|[\s‹<|\[(/])(?:im_start|im_end|eot_id|start_header_id|begin_of_text|endoftext|start_of_turn|end_of_turn"
    r"|/?INST|SYS)[|\])›>]",
    r"\b(?:save|store|add|write|put|commit|record|keep)\b.{0,40}\b(?:to|in|into|as)\b (?:your |the "
    r"|long[- ]term )*memor(?:y|ies)\b",
    r"\byou (?:must|should|have to|need to|will)(?: now| always)? (?:remember|memori[sz]e|store|output|answer|respond"
    r"|reply|act|pretend|record)\b",
    r"\b(?:as|you are) an? (?:ai|language model|assistant|llm)\b",
    r"\bremember (?:that|this|forever|always)\b.{0,80}\b(?:instruction|everyone|everybody|fact|true|important)\b",
    r"[\"']?(?:memories|lines|kind)[\"']?\s*:\s*[\[\"{]",
    r"(?:^|\s)\d{1,3} @?[A-Z]{1,2}(?: to @?[A-Z]{1,2})?:\s",
    r"(?<![^\W_])(?:[a-z][ *._|-]{1,2}){5,}[a-z](?![^\W_])",
    r"\b(?:ignorier\w*|vergiss)\b.{0,30}\b(?:anweisung|regel)|\b(?:ignore[zr]?|oublie[zr]?)\b.{0,30}\b(?:consigne"
    r"|instruction)|\bignora\b.{0,30}\binstruc",
)
"""Text that speaks to a model instead of to people, or imitates what a model is shown."""

VAGUE = any_of(
    r"^(?:<@\d+>:? )?(?:it|that|these|they|he|she|here|something|someone|somebody|this(?! (?:week|month|year|spring"
    r"|summer|autumn|winter|weekend|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b)|those(?! who\b)|one(?! of\b)"
    r"|there(?! (?:is|are|will be)\b))(?:['’]s|['’]re|['’]ll)?\b(?! (?:is|are|was) (?:an?|no|the) \w+ \w+ \w+)",
    r"\b(?:the (?:issue|problem|question|topic|thing|matter|conversation|discussion|chat|line|message)s?) (?:is|was|of"
    r"|discussed|mentioned)?\W*$",
)
"""A statement whose matter is only known to who was there."""

SETTLED = any_of(
    r"\b(?:decid\w+|decision|agreed?|settled|approv\w+|confirm\w+|final(?:i[sz]ed?|ly)?|go(?:ing)? with|went with"
    r"|chos\w+|pick(?:ed)?|will|from now on|no longer|instead of|rather than|mov(?:e|es|ed|ing) (?:to|from|up|back)"
    r"|moves|postpon\w+|cancel\w*|resched\w+|chang\w+|switch\w*|replac\w+|supersed\w+|updat\w+|revis\w+|stays?"
    r"|remains?|current(?:ly)?|official\w*|target|deadline|budget|cap|scope|limit(?:ed)?|rule|policy|opens?|closes?"
    r"|costs?|must|only|never|always|not allowed|forbidden|required|voted|dropp\w+|adopt\w*|let['’]?s|we(?:['’]re"
    r"| are))\b",
)
"""Words of something settled or changed."""

TURNING_POINT = any_of(
    r"\b(?:cancel\w*|clos(?:es?|ed|ing)|open(?:s|ed|ing)?|postpon\w+|approv\w+|reject\w+|forbid\w*|forbidden|allow(?:s"
    r"|ed)?|ban(?:s|ned)?|steal\w*|stole|abgesagt|verboten|annul\w*|cancelad\w*|prohibid\w*|interdit\w*)\b",
)
"""A word that turns the matter round, however much else was said."""

NO_NEWS = any_of(
    r"\b(?:no|none|nothing|not|without)\b.{0,50}\b(?:news|updates?|chang\w+|affect\w*|supersed\w+|replac\w+|mistaken"
    r"|authoritative)\b",
)
"""Somebody says that all stays as it was."""

AHEAD = any_of(
    r"\b(?:will|shall|gonna|going to|plan\w*|schedul\w+|tonight|tomorrow|next|deadline|due|by (?:the |end|mon|tue|wed"
    r"|thu|fri|sat|sun|\d)|until|before|meet\w*|event|release\w*|launch\w*|starts?|begins?|ends?|todo|to-do|need(?:s"
    r"|ed)? to|have to|has to|assigned?|takes? over|owns?|responsible|prepar\w+|bring\w*|organi[sz]\w+|book(?:ed|s)?"
    r"|on (?:mon|tues|wednes|thurs|fri|satur|sun)day|pending|remaining|milestone|january|february|march|april"
    r"|\d{1,2}(?:st|nd|rd|th)? may|may \d|june|july|august|september|october|november|december)\b",
    r"['’]ll\b|\d{1,2}(?::\d\d)? ?(?:am|pm|h|uhr|utc)\b|(?<![\d:.])\d{1,2}:\d\d\b(?![:.]\d)",
)
"""Words of something to come."""

HELPFUL = any_of(
    r"\b(?:use|uses|using|run|runs|try|install\w*|remov\w+|mov(?:e|ing)|turn|plug|unplug|connect|hold|set(?:s|ting"
    r"|tings)?|click|open|type|enter|press|go to|edit|add|download|enabl\w+|disabl\w+|configur\w+|restart\w*|reboot\w*"
    r"|mount\w*|copy|create|make sure|need(?:s|ed)? to|have to|has to|should|must|can(?:not|['’]t)?|could|requires?"
    r"|you (?:also |only |just )?need|works? (?:with|on|for|if|by|in|fine|like)|support\w*|provides?|contains?"
    r"|includes?|comes? with|means?|because|caus\w+|due to|stands for|called|depends?|by default|default|instead"
    r"|fix(?:es|ed)?|solv\w+|solution|work-?around|command|option|version|package|file|folder|directory|menu|located"
    r"|found (?:in|at|under)|available|stored|covers?|conflicts?|incompatib\w+|deprecat\w+|to \w+,? )\b",
    r"(?<!\w)(?:/[\w.-]+){2,}|\b[\w-]+\.(?:conf|cfg|sh|py|deb|rpm|txt|json|ya?ml|exe|zip|gz|list)\b"
    r"|(?<!\w)--?[a-z][\w-]+|`[^`]+`|\bsudo\b|=(?! ?\d+\.\d)",
)
"""Words of somebody who explains or instructs."""

OPINION = any_of(
    r"\b(?:best|great|awesome|amazing|cool|nice|fun|funny|sucks?|crap\w*|ugly|lame|boring|beautiful|rocks|lucky|sweet"
    r"|terrible|horrible|stupid|weird|worse|worst|hate|love|cute|pretty good|very good|so good|overrated|geil|toll"
    r"|super|génial|nul|jealous)\b",
    r"\b(?:is|are|was|were) the \w+est\b",
)
"""Praise and blame."""

CHEER = any_of(
    r"^(?:<@\d+>:? ?)?(?:nice one|oof|a+w+|congrat\w*|well done|way to go|good (?:for you|luck)|(?:so "
    r"|very )?sorry to hear|great job|hang in there|love how you|keep it up|cheers)\b",
    r"\b(?:(?:been|is|was) (?:so |really |very )?(?:hard|tough|rough) (?:for|on) (?:me|you|us)|has been (?:hard|tough"
    r"|rough)|stay(?:ing)? (?:positive|strong))\b",
)
"""Comfort and cheers."""

MOOD = any_of(
    r"\b(?:feel(?:s|ing)?|felt|excited|happy|sad|tired|bored|glad|sorry|can['’]?t wait|hop(?:e|es|ing)|guess|wonder"
    r"|wish(?:es)?|lol|haha)\b",
)
"""How somebody feels just now."""

FEELING = any_of(
    MOOD.pattern,
    r"\bI['’]?d (?:love|like|be)\b|\b(?:love|like|enjoy)d? (?:the (?!\w+ of\b)|that|this|these|how)\b|\b(?:since"
    r"|until) (?:we|our) last\b|\bwe (?:last )?(?:talked|spoke|chatted)\b",
    r"\b(?:emotion|motivat|inspir|passion|fulfil|stress|worr(?:y|ie)|joy|proud|grateful|thankful|adventure|journey"
    r"|obstacle|hurdle|challeng|balance|courag|grit\b|strength|energ|moments?\b|memories|appreciat|meaningful|growth"
    r"|confiden|relax|treasur|peace|happiness|amaz|incredib|awesome|rewarding|struggl|positiv|blast\b|tough|thrill"
    r"|therap|vibes?\b)\w*",
)
"""How somebody feels, and what they make of it."""

LASTING = any_of(
    r"\b(?:recently|lately|these days|usually|often|always|never|every|since|for years|used to|once|started|joined)\b",
    r"\bI (?:\w+ly |also |don['’]t )?(?:play|work|live|speak|study|teach|learn|collect|own|run|train|drive|ride|cook"
    r"|bake|paint|draw|write|sing|volunteer|coach|brew|code|build|grow|keep|raise|host|eat|drink|avoid|prefer"
    r"|can speak)\b",
    r"\bI (?:have|['’]ve got) (?:an?|two|three|four|five|\d+) (?!\w* ?(?:idea|question|problem|issue|hard|bad|good"
    r"|great|lot|bit|few|hunch|point|look|chance|meeting|go\b))|\bI['’]d rather\b|\bI(?:['’]m| am) (?:learning|from"
    r"|in UTC)\b",
)
"""Something of a life and not of the moment."""

DID_BY = any_of(
    r"\b(?:fix(?:ed|es)|solv(?:ed|es)|got \w+ (?:working|to work)|works? (?:now|again)|made \w+ work)\b.{0,60}\b(?:by"
    r"|with|after|using|when)\b",
)
"""Somebody tells what helped."""

DECIDED = any_of(
    r"\b(?:decid(?:ed|es)|decision|agreed|settled|approved|confirmed|finali[sz]ed|(?<!:)(?:go|going|went) with"
    r"|chos(?:e|en)|picked|selected|voted|from now on|no longer|resched\w+|postponed|cancel(?:l?ed|s)|supersed\w+"
    r"|replaced (?:by|with)|mov(?:es?|ed|ing) (?:\w+ )?(?:to|from|back)|switch(?:es|ed)? to|house rule|rule:|policy"
    r"|not allowed|forbidden|deprecated|retired|blockers?|adopted)\b",
    r"\b(?:is|are|was|were) (?:now |back )?(?:complete|completed|closed|resolved|merged|released|deployed|shipped"
    r"|fixed|repaired|out of order|sold out|offline|online)\b",
    r"\bwill (?:not )?be (?:\w+(?:ed|wn|en|lt|ld|nt|ght)|split|put|set|cut|held|paid|made|done)\b|^(?:the|our|all"
    r"|every\w*) (?:[\w-]+ ){1,5}(?:will|shall) \w+",
    r"^we (?:drop|keep|use|take|switch|go|play|start|stop|ban|allow|ship|cut|merge|set|raise|lower|add|remove|pick"
    r"|choose|vote|pay|meet|skip|cancel|move|stay|stick|will|won['’]t|don['’]t|no longer|only|always)\b",
    r"^let['’]?s (?:go with|use|meet|switch to|keep|move|stick (?:to|with))\b|^no [\w-]+ (?:at|in|on|during|after"
    r"|before|for)\b|^(?:the|our|this) (?:[\w-]+ ){1,3}uses? \w+",
)
"""Something was settled, whatever else is said."""

DUTY = any_of(
    r"^<@\d+> (?:will|['’]ll|takes?(?: over)?|brings?|writes?|owns?|is (?:responsible|in charge)|organi[sz]es?"
    r"|prepares?|handles?|leads?|hosts?|pays?|orders?|prints?|drives?|(?:has|keeps|is|runs|maintains|wrote) (?:the"
    r"|our)) (?!be there|let |always|never)",
    r"^I(?:['’]ll| will) (?:take|bring|write|own|organi[sz]e|prepare|lead|host|order|print|drive|pay|handle|review"
    r"|deploy|book) (?!care\b|it\b|that\b|a look|you\b|my\b)",
)
"""Somebody takes a task."""

PAST = any_of(
    r"\b(?:was|were|had|did|went|came|got|took|saw|met|started|finished|organi[sz]ed|visited|used to|yesterday"
    r"|last (?:night|week|month|year|weekend|\w+day)|ago|(?:ha(?:ve|s)|['’]ve) \w+ed)\b",
)
"""Something that was."""

SURELY_AHEAD = any_of(
    r"\b(?:will|shall|going to|gonna|scheduled|booked|reserved|planned|due|moved to|until|resched\w+|postponed"
    r"|set (?:to|for)|ordered for|tomorrow|tonight|next|must)\b|['’]ll\b",
)
"""Something to come, whatever led to it."""

WHEN = any_of(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:mon|tue|wed|thu|fri|sat|sun)\b(?=[ ,.]|$)",
    r"\b(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi"
    r"|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo|segunda|terça|quarta|quinta|sexta|lunedì|martedì"
    r"|mercoledì|giovedì|venerdì|sabato|domenica|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag"
    r"|понедельник|вторник|сред[уы]|четверг|пятниц[уы]|суббот[уы]|воскресенье)\b|[月火水木金土日]曜|(?:星期|周)[一二三四五六日天]",
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december)\b|\bmay \d|\d(?:st|nd|rd"
    r"|th)? (?:of )?may\b|\bin may\b",
    r"\b\d{1,2}(?::\d\d)? ?(?:am|pm|uhr|utc|h)\b|(?<![\d:.])\d{1,2}:\d\d\b(?![:.]\d)|\b\d{4}-\d\d-\d\d\b"
    r"|\b\d{1,2}[./]\d{1,2}\.?(?:\d{2,4})?(?!\d)",
    r"\b(?:tonight|tomorrow|noon|midnight|weekend|this (?:week|month|evening|afternoon|morning|year)|next (?:week"
    r"|month|year|season|sprint|term|semester|session|round)|every (?:day|night|week|month|evening|morning|other)"
    r"|(?:in|within|for) (?:\d+|an?|two|three|four|five|six|ten) (?:minute|hour|day|week|month|year)s?|(?:by|at"
    r"|until) the end|end of (?:the )?(?:week|month|year|day))\b",
)
"""A time that somebody can go by."""

FIGURE = any_of(
    r"(?<![\w:;=])\d",
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty)[- ](?:minute|hour|day|night|week|month"
    r"|year|person|people|player|euro|dollar|percent)s?\b",
)
"""A number that is no part of a name or a face."""

ANCHOR = any_of(
    r"(?<!\w)(?:[~.]{0,2}/[\w.-]++){1,}/?|\b[\w-]+\.(?:conf|cfg|ini|sh|py|js|deb|rpm|txt|json|ya?ml|toml|exe|zip|gz"
    r"|list|lst|log|md|php|html)\b|(?<!\w)--?[a-z][\w-]+|`[^`]+`|\b\w+_\w+\b|\b[a-z]+\d+[\w.]*\b|\b\w+::?\w+\(",
    r"\b(?:sudo|apt(?:-get|-cache)?|dpkg|yum|dnf|pacman|pip|npm|git|docker|systemctl|chmod|grep|modprobe) [\w-]+"
    r"|\bmake (?:install|clean)\b",
    r"(?<!\w)[\"“‘'][^\"”’']{3,40}[\"”’'](?!\w)",
)
"""A file, a command, a setting, a quoted name: what somebody can type or look for."""

PURPOSE = any_of(
    r"\b(?:to|for|if|when|whenever|unless|because|instead|so that|means|stands for|default|called|needs?|requires?"
    r"|supports?|works? (?:with|on|in)|runs? on|(?:is|are) (?:at|in|on|under)|sits on|contains?|provides?|includes?"
    r"|from|via|using|with)\b",
)
"""What something is for, or when it holds."""

HOW = any_of(
    r"^to [a-z]+ .{3,80}[ ,](?:hold|press|use|run|open|set|click|turn|type|enter|go to|edit|add|remove|restart|reboot"
    r"|install|enable|disable|plug|unplug|pull|push|copy|delete|mount)\b"
)
"""What to do, to what end."""

HERE = any_of(r"^(?:the|our) (?:[\w-]+ ){1,5}(?:is|are) (?:on|in|at|under|behind|beside|next to) (?:the|our) \w+")
"""Where a thing that everybody knows of is."""

HEDGE = any_of(
    r"\b(?:maybe|perhaps|probably|possibly|i (?:think|guess|believe|suppose|figure|wonder|bet)|im?ho|afaik|iirc|might"
    r"|kinda|sort of|sounds? like|looks? like|seems?|apparently|supposedly|off ?hand|not sure|would be nice|could be"
    r"|should be able|most likely|i(?:['’]d| will| would) say|suggest\w*|propos(?:e|es|ed|ing|er?|ons|o|amos)"
    r"|vielleicht|vermutlich|angeblich|wahrscheinlich|eventuell|peut-être|quizás?|tal vez|talvez|forse|misschien|może"
    r"|kanske)\b",
    r"\b(?:возможно|наверное|может быть|предлагаю)\b|たぶん|かもしれ|也许|可能|아마",
)
"""A speaker who supposes or proposes."""

_THINGS = r"(?:docs?|documentation|manual|readme|wiki|page|site|log|error|notes|rules|guide|faq|launcher|plan|doku)\b"
_REPORTER = (
    r"(?:<@\d+>|(?<![\w'’])(?!(?:I|we|you|that|which|it|all|both|and|or|but|be|been|is|are|was|were|being|to|as|never"
    r"|still"
    r"|ich|wir|man|es)\b|" + _THINGS + r")[^\W\d_][\w'’-]{0,40})"
)

REPORTED = any_of(
    _REPORTER
    + r"(?: just| also| has| have| had)? (?:said|says|(?:is|was) saying|(?:told|tells|texted) \w+|let \w+ know"
    r"|mention(?:s|ed)|claim(?:s|ed)|thinks|believes|reckons|assume[sd]|guess(?:es|ed)|insist(?:s|ed)|hear[sd] that"
    r"|wrote (?:that|me|us)|meinte?|sagte?|behauptet|glaubt|denkt|schreibt(?=,)|erzählte?|ha(?:t"
    r"|ben) (?:\w+ )?(?:gesagt|erzählt|gemeint))\b(?! (?:yes|no|hi|hello|otherwise)\b|.*\bbescheid\b)",
    _REPORTER + r" (?:dice|dijo|ha dicho|dit|a dit|disse|diz|ha detto|zegt|zei),? (?:que|qu['’]|che|dat)",
    r"\b(?:according to|per(?= <@| (?-i:[A-Z]))|laut(?= <@| (?-i:[A-ZÄÖÜ])| de[mr]\b)|según|selon|d['’]après)"
    r" (?!(?:\w+ )?" + _THINGS + ")",
    r"\b(?:I|we) (?:heard|(?:was|were|got) told)\b|\b(?:they|people|some) (?:say|think|believe)\b|\bis said\b"
    r"|\brumou?r|^word is\b|[,(] ?(?:said|says|so|sagte?|meinte?|hat) (?:<@\d+>|(?-i:[A-Z])\w+)(?: gesagt"
    r"| gemeint)?\W*$",
)
"""Somebody else said or thinks so."""

CONDITION = any_of(r"\b(?:if|unless|provided|wenn|falls|sofern|si|если)\b|もし|如果")
"""What a decision or plan hangs on."""

POINTER = any_of(
    r"^its\b|(?<!\bfixed )(?<!\bsolved )(?<!\bgot )\b(?:it|they|them|he|him|she)\b",
    r"\b(?:that|this|these|those)(?:['’]s\b|(?=\s+(?:is|was|are|will|would|works?|helps?|means|one|ones|way|stuff"
    r"|thing)\b|[.,;!?]|$))",
)
"""A word that stands for something named elsewhere."""

POINTED = re.compile(
    r"(?<!\bso )\b(?:on|in|at|of|to|from|with|for|by|into|under|over|about|use|run|try|install|get|after"
    r"|before) (?:that|these|those) (?!way|time|point|week|month|year|quarter|spring|summer|autumn|winter|morning"
    r"|afternoon|evening|weekend|server|channel|the\b|an?\b|we\b|it\b|there\b)([a-z]+)(?!:)\b",
    re.IGNORECASE,
)
"""A thing that is pointed at; its name is the group."""

CONSOLE = any_of(
    r"^(?:[WEIN]: |\w+@[\w-]+[:~]|\w*error\b: |warning: |[$#] |>>> |traceback)",
    r"\bno such file or directory\b|\bfatal\b.{0,20}\berror\b|^package \S+ is not available|</?\w+>.*</\w+>",
    r"\b(?:says?|said|gives?|gave|prints?|printed|shows?|complain\w*|returns?)(?: \w+){0,3}:? [\"“‘'][^\"”]{3,}\W*$",
    r": (?:command not found|no such file|permission denied)|\(stdin\)|no installation candidate|\bfailed: \w+$",
)
"""What a program printed."""

TURN = any_of(
    r"^(?:\W*+[\w'’]++\W++){0,2}?(?:excited|glad|proud|thankful|grateful|happy|thanks|thank you|congrat\w*"
    r"|can['’]?t wait|hope|love (?:that|how|it|your)|appreciate|agreed?(?=[!,.]|$)|you got this"
    r"|keep (?:it|going|up|pushing)|take care|talk (?:to you )?(?:soon|later)|see (?:you|ya)|good luck|best of luck"
    r"|(?<!\bI )have (?:fun|a)"
    r"|sounds \w+|what an?\b|way to\b|must (?:have|['’]ve) been|that must|so (?:cool|nice|great|sweet|awesome|proud"
    r"|happy))\b",
    r"\b(?:you got this|can['’]?t wait (?:to|for)|means a lot|never give up|believe in (?:you|yourself|myself)"
    r"|make a (?:real |big )?difference|keep up the|rooting for|there for you|each other)\b",
    r"^(?:was|were|been|had|did(?:n['’]t)?|got|tried|trying|thinking|wondering|looking|stuff|thing|totally"
    r"|absolutely)\b|^(?:unless|because|although|though|since|which|than|or|nor)\b[^,]*$|^(?:hi |hey "
    r"|hello )?[A-Z]\w+! |^no, not |\bfor example\b.{0,5}$|:$|^see (?:ya|you)\b|^then again\b|\bhave faith\b",
)
"""A turn of small talk, whatever else it tells."""

TALK = re.compile(
    r"(?i:\b(?:you|your|ur|u|yourself|yours)\b)|(?i:^let['’]?s\b(?! (?:go with|use|meet|switch to|keep|move"
    r"|stick (?:to|with))\b))|(?<![\w/.-])(?i:i|i['’](?:m|ve|ll|d)|im|ive|my|me|myself)(?![\w/.-])"
)
"""Two people speak to each other about themselves."""

MYSELF = re.compile(r"(?<![\w/.-])(?:i|i['’](?:m|ve|ll|d)|im|ive|my|me|mine|myself)(?![\w/.-])", re.IGNORECASE)
"""An English speaker of themselves, also in small letters."""

ABOUT_RECORDS = any_of(
    r"^\W*(?:\w+[ -]){0,2}(?:noise|chatter|housekeeping|hygiene)\b",
    r"\b(?:future|later|active|broad|any|clean) (?:\w+ )?(?:answers?|summar(?:y|ies)|recaps?|repl(?:y|ies)"
    r"|responses?)\b|\bretriev\w+",
    r"\b(?:do not|don['’]t|never|should(?: not| never|n['’]t)|must not) (?:be )?(?:\w+ )?(?:recirculat\w+|quot(?:e|ed)"
    r"|reviv\w+|cited?|re-?post\w*|resurfac\w+|cross-wir\w*)\b|\b(?:avoid|without) \w+ing\b.*\b(?:answers?|summar(?:y"
    r"|ies)|recaps?)\b",
    r"\btreat\w* (?:\w+ ){0,4}as (?:background|noise|stale|provisional|authoritative|retired|deleted)\b",
    r"\b(?:delet|eras|purg|scrub|forg[eo]t)\w* (?:\S+ ){0,8}(?:memor(?:y|ies)|records?|notes?|history|summar(?:y"
    r"|ies))\b",
    r"\bnon-?authoritative\b|\b(?:not|never) override\b",
    r"\b(?:label\w*|keep\w*|mark\w*) (?:\S+ ){0,5}(?:stale|outdated|historical)\b",
)
"""What should be repeated, answered or deleted, instead of a matter itself."""

SELF_LIKING = any_of(
    r"^(?:<@\d+>:?|I)\W+(?:\w+ ){0,3}?(?:like|love|hate|prefer|enjoy|adore|dislike|can['’]t stand|am into|is into"
    r"|is a fan|am a fan)s?\b",
    r"\b(?:my|his|her|their|<@\d+>['’]s) fav(?:ou?rite)?\b|\bfavou?rite\b.{0,40}\bof <@\d+>",
    r"^(?:<@\d+>:?\W+)?ich\b.{0,40}\b(?:mag|liebe|hasse|bevorzuge|lieber)\b|\b(?:me gusta|me encanta|prefiero"
    r"|j['’]aime|je préfère|je déteste)\b",
)
"""What somebody likes."""

SELF_BEING = any_of(
    r"^(?:<@\d+>:?|I)\W+(?:\w+ ){0,2}?(?:(?:am|m|is|was|are) (?:an? |the |from |born|married|single|allergic|vegan"
    r"|vegetarian|\d+ years)|lives? in|works? (?:as|at|for)|stud(?:y|ies) |grew up|born|has? (?:a |an |two |three "
    r"|\d )?(?:\w+ )?(?:kids?|children|sons?|daughters?|brothers?|sisters?|dogs?|cats?|pets?|wife|husband|girlfriend"
    r"|boyfriend))\b",
    r"\b(?:wife|husband|girlfriend|boyfriend|partner|mother|father|mom|mum|dad|sister|brother|son|daughter"
    r"|kids?) of <@\d+>",
    r"\b(?:my|<@\d+>['’]s) (?:\w+ )?(?:wife|husband|girlfriend|boyfriend|partner|mother|father|mom|mum|dad|sister"
    r"|brother|son|daughter|kids?|birthday|name|age|job|hobby|hobbies|dog|cat|home ?town|family|parents|childhood"
    r"|wedding|divorce|life|dreams?)\b",
    r"\bI(?:['’]m| am|['’]ve been| was) (?:\w+ )?(?:living|moving (?:in|out|to|back)|dating|unemployed|lonely"
    r"|retir(?:ed|ing)|getting (?:married|divorced))\b|\bI (?:\w+ )?dream(?:ed|t)? of\b|\bsecond nature to me\b"
    r"|\bmy own (?:shop|store|studio|business|company|flat|house|place)\b",
    r"^(?:<@\d+>:?\W+)?ich (?:bin|wohne|arbeite|habe (?:einen?|zwei) (?:sohn|tochter|kind\w*|hund|katze))\b",
)
"""What somebody is or has."""

KIN_ELSEWHERE = any_of(
    r"\bmeine? (?:frau|mann|freundin|mutter|vater|sohn|tochter|bruder|schwester|kind\w*|eltern)\b",
    r"\b(?:mon|ma|mes) (?:femme|mari|fils|filles?|frères?|s(?:œ|oe)urs?|mère|père|enfants?|copine?)\b",
    r"\bmis? (?:mujer|esposa|marido|hij[oa]s?|herman[oa]s?|madre|padre|novi[oa])\b",
    r"\b(?:meus?|minhas?) (?:mulher|marido|filh[oa]s?|irmãos?|irmãs?|mãe|pai|namorad[oa])\b",
    r"\b(?:mi[oa]|miei) (?:moglie|marito|figli[oa]?|sorella|fratello|madre|padre)\b",
    r"\bmijn (?:vrouw|man|zoon|dochter|broer|zus|kinderen)\b|\bmo(?:ja|je|i) (?:żona|mąż|syn|córka|dzieci)\b",
    r"\b(?:моя|мой|мои) (?:жена|муж|сын|дочь|брат|сестра|мама|папа|дети)\b",
)
"""The family of a speaker, beside English."""

LIFE = any_of(
    r"\b(?:lives? (?:in|with|near|alone)|grew up|(?:is|was) born|(?:was|were|got|been) (?:fired|laid off|sacked"
    r"|married)|broke up|dates|cheat(?:s|ed)|stole|steals|(?:makes?|earns?|made|earned) [$€£]?\d+ ?k?\b(?! \w+s\b)"
    r"|works? as an? [\w-]+(?:er|or|ist|ian|ant|smith|man|nurse|medic)\b(?! (?:for|that|which|between)))\b",
    r"\b(?:wohnt|arbeitet (?:bei|als)|habite|travaille (?:chez|comme)|vive (?:en|con)|trabaja (?:en|como)|mora em"
    r"|trabalha|abita|lavora (?:come|per)|woont|werkt (?:bij|als)|mieszka|pracuje|живёт|живет)\b|に住んで|勤めて",
)
"""The life of the person who is the subject."""

MOVES = any_of(
    r"\bmov(?:e|es|ed|ing) (?:back )?(?:from|to) (?!the |our |this |that |group |team |channel |rack )|\bmov(?:e|es"
    r"|ed) (?:in|out)\b",
    r"\b(?:kids?|wife|husband|girlfriend|boyfriend|children)\b",
)
"""The life of a person, where the subject is one for sure."""

OF_PERSON = any_of(
    r"(?:speaks|spricht|habla|parle|fala|spreekt) (?:\w+ )?(?:\w+(?:ish|ese|ian|isch|tsch|ais|és|ol|mand|mán)|dutch"
    r"|german|french|greek)\b|h(?:as|at) (?:eine?n?|an?|two|zwei|three|drei|\d) (?:\w+ )?(?:kid|child|son|daughter"
    r"|brother|sister|dog|cat|pet|hund|katze|kind|sohn|tochter|bruder|schwester)",
    r"(?:is|was|ist) (?:\w+ ){0,6}?(?:allerg\w+|veg(?:an|etarian)|married|single|verheiratet|left-handed|afraid|scared"
    r"|(?:good|bad) at|from (?-i:[A-Z])|\d+ (?:years old|jahre)|an? (?:\w+ )?(?:nurse|teacher|doctor|lawyer|student"
    r"|baker|plumber|electrician|farmer|fan)\b)|(?:and|und) \w+ (?:are|sind) (?:\w+ )?(?:couple|married|verheiratet)",
    r"(?:owns|drives) an? |works at (?-i:[A-Z])|works for (?-i:[A-Z])\w+ (?:in|as|since) |can['’]t stand |stud(?:ies"
    r"|ied|iert) (?:\w+ ){1,2}(?:in|at|an) |(?:smokes|drinks|eats|raucht|trinkt|isst) (?:\w+ )?(?:alcohol|beer|wine"
    r"|coffee|meat|alkohol|fleisch)\b|does(?: not|n['’]t) (?:eat|drink|smoke)|plays (?:the )?(?:guitar|piano|violin"
    r"|drums|trombone|trumpet|flute|cello|chess|tennis)\b",
    r"(?:(?:hates|loves|likes|prefers|enjoys|adores|does(?: not|n['’]t) like) (?!are|from|count|and)|hasst|liebt"
    r"|mag (?!sein)|odia|adora|prefiere|déteste|adore|préfère|aime l\w*)\b(?!.*(?:[/_`\d]|\w\.\w))",
    r"(?:birthday|(?:wife|husband|girlfriend|boyfriend)(?: \w+)?) (?:is|was|has|runs|owns|works)\b",
)
"""What is so of a person who is named right before."""

FAVOURITE = any_of(
    r"(?-i:\b[A-Z])\w+['’]s favou?rite\b|\bfavou?rite \w+ of (?-i:[A-Z])|^(?!unser|mein|die )\w+ Lieblings"
    r"|\bLieblings\w+ von\b|^a (?-i:[A-Z])\w+ les? (?:gusta|encanta)"
)
"""What a person likes who need not be the subject."""

TASK_ELSEWHERE = any_of(
    r"\b(?:übern[ai]mm\w*|bring(?:e|t|en)|organisier\w*|kümmer\w*|\w*schlüssel\w*|clés?|llaves?|zuständig|leite[tn]?"
    r"|bezahl\w*|reservier\w*|schreib\w*)\b",
    r"\b(?:apporte|s['’]occupe|organise|réserve|prend en charge|trae|lleva|organiza|se encarga|reserva|traz|porta"
    r"|organizza|prenota|neemt|brengt|regelt|organiseert)\b|\b(?:принес|отвеча|организ)\w*",
)
"""Somebody takes a task, beside English."""

PERSON = re.compile(
    FIRST_PERSON.pattern + r"|<@\d+>|\b(?i:he|she|his|her|him|hers|er|sie|seine?|ihre?|il|elle|él|ella)\b"
    r"|\b[A-Z][a-zà-ÿ]+ (?:is|was|will|turns|needs|has|had|got|gets|voted|takes|suffers|earns|owes|came|believes"
    r"|prays)\b|\b[A-Z][a-zà-ÿ]+['’]s\b"
)
"""A person is spoken about."""
