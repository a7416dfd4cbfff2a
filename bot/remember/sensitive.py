"""Matters that are not kept about a person, as far as words tell them: the second lock of facts and preferences."""

from __future__ import annotations

import re

_ENDLESS = re.compile(r"(\\[wWsSd]|(?<!\\)\.)([*+])(?![*+?])")
_LONGEST = {"*": "{0,40}", "+": "{1,40}"}


def any_of(*patterns: str) -> re.Pattern[str]:
    """What any of the patterns matches, in capitals or not.

    What they repeat without end is bounded, so that no text makes them try the same again from every place in it.
    """
    return re.compile(_ENDLESS.sub(lambda match: match[1] + _LONGEST[match[2]], "|".join(patterns)), re.IGNORECASE)


_AGES = (
    "three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|drei|vier|fünf"
    "|sechs|sieben|acht|neun|zehn|elf|zwölf"
)

SENSITIVE = any_of(
    # health
    r"\b(?:pregnan\w+|diagnosed with|depress(?:ion|ive)|adhd|autis\w+|(?:brain )?tumou?r|cancer|diabet\w+|hiv|surgery"
    r"|chemo\w*|psychiatr\w+|psycholog\w+|(?:psycho)?therap(?:y|ist|ie)|antidepress\w+|epilep\w+|asthma\w*|miscarriage"
    r"|abortion|alcoholic|rehab|suicid\w+|self[- ]harm\w*|hospitali[sz]ed|in (?:the )?hospital|migraines?|insulin"
    r"|bulimi\w+|anorexi\w+|ptsd|heart attack|eating disorder|dentist)\b",
    r"\b(?:schwanger\w*|\w*krebs|depressionen|adhs|krankenhaus|krank(?:geschrieben)?|magersucht|essstörung\w*"
    r"|suizid\w*|(?:est|suis|tombée) enceinte|malade|dépress\w+|déprim\w+|à l['’]hôpital|chimio\w*|embarazad\w*|cáncer"
    r"|depresi\w+|deprimid\w+|en el hospital|quimio\w*|terapia|grávida|câncer|no hospital|incinta|ospedale|zwanger"
    r"|kanker|depressie|ziekenhuis|w ciąży|depresj\w+|szpital\w*|gravid|sjukhus\w*)\b",
    r"\b(?:беременн|депресс|диабет|больниц|онколог)\w*|\b(?:рак|раком)\b|妊娠|癌|うつ病|鬱病|糖尿|入院|白血病|怀孕|抑郁|住院|임신|우울증|당뇨|입원",
    # finance
    r"\b(?:salar(?:y|ies)|(?:my|his|her|their) income|in debt|mortgage|bankrupt\w*|overdraft|credit score|payday"
    r"|net worth|savings account|paychecks?|behind on (?:the )?rent|unemployment benefit|laid off|\d+ ?k (?:a"
    r"|per) (?:year|month)|gehalt|schulden|salaire|sueldo|salário|stipendio|salaris|зарплат\w*)\b|給料|借金|工资",
    # sexuality
    r"\b(?:gay|lesbian|bisexual|pansexual|asexual|transgender|lgbt\w*|queer|non-?binary|homosexu\w*|omosessual\w*"
    r"|heterosexual\w*|closeted|sexual orientation|had sex|hooked up|schwul|lesbisch|lesbienne|lesbiana)\b|ゲイ|同性恋",
    # religion
    r"\b(?:muslim\w*|islam\w*|moslim|musulm\w+|muçulman\w*|catholic|católic[oa]|cattolic[oa]|catholique|katholi\w+"
    r"|jewish|jüdisch|juive|judí[oa]|hindu|buddhist|sikh|atheist|mormon|evangelisch|(?:go(?:es)? to|from|at|my|his|her"
    r"|our|their) (?:church|mosque|temple|synagogue)|pray(?:s|ed|ing))\b|\b(?:мусульман|католи[кч]|православн)\w*|教徒",
    # politics
    r"\b(?:vot(?:e|es|ed) (?:for )?(?:labour|tory|tories|green|republican|democrat\w*|conservative|afd|spd|cdu)"
    r"|(?:labour|conservative) party|trump supporter|liberal voter|union member)\b",
    # minors
    r"\b(?:daughter|son|kid|child|tochter|sohn|fille|fils|hij[oa]|filh[oa])\b.{0,20}\b(?:is|ist|a|tiene"
    r"|tem) (?:only )?"
    rf"(?:[3-9]|1[0-7]|{_AGES})\b",
    rf"\bi(?:['’]m| am) (?:only )?(?:{_AGES})\b(?! \w+s\b)|\bin (?:first|second|third|\w+th|\d+th) grade\b",
    r"\b(?:[3-9]|1[0-7])[- ]?(?:years?[- ]old|yo|y/o|jährige\w?)\b|\bunderage\b|\bin (?:[1-9]|1[0-2])(?:st|nd|rd"
    r"|th) grade\b",
    # of life and faith, in the words that people use of themselves
    r"\b(?:came out|out of the closet|months? sober|years? sober|AA meeting|on welfare|off welfare|baptised|baptized"
    r"|kosher|halal|wheelchair|recovering \w+|virgin|brothel|my transition|cut myself|lost my baby|is broke|are broke"
    r"|am broke|my doctor|my liver|weed|(?:earn|make)s? \d+ ?k\b|seropositiv\w+|sida|catorce años|quatorze ans|voto a"
    r"|je vote|la messe|l['’]église|euros? (?:par|al|pro|im) (?:mois|mes|monat)|suis (?:homo|juif|juive|bipolaire|gay)"
    r"|wähle|Zeuge|stehe auf (?:männer|frauen)|ich bin 1[0-7]|(?:fünfte|sechste|siebte|achte|neunte|zehnte) klasse)\b"
    r"|\b(?:гей|голосую|церковь)\b|четырнадцать лет|\bi (?:have|['’]ve) (?-i:MS)\b|\bi turn (?:ten|\w+teen)\b",
    # where somebody can be found
    r"\b(?:my|our|meine|mon|mi) (?:home )?(?:address|adresse|dirección)\b|\b(?:phone|mobile|handy) ?(?:number"
    r"|nummer)\b|\bat (?-i:[A-Z])\w+(?:straße|strasse|gasse|weg| street| road| avenue) \d",
    # other
    r"\b(?:criminal record|on parole|illegal immigrant|immigration status|court (?:date|hearing)|raped?)\b",
)
"""Matters that are not kept about a person (Discord's Developer Policy; special categories of the GDPR, article 9)."""

SENSITIVE_OF_PERSON = any_of(
    r"\b(?:diagnos\w+|mental health|depressed|anxiety|bipolar|aids|std|medications?|meds|prescri(?:bed|ption)"
    r"|disab(?:led|ility)|seizures?|allerg(?:y|ic|ies)|overdos\w+|addict(?:ed|ion)?|covid|earns? \S*\d|debts?|owes?"
    r"|bank accounts?|(?:a|my|his|her|their) loans?|(?:can['’]?t|cannot|could(?:n['’]t| not)) afford|evict(?:ed|ion)"
    r"|trans (?!fat)\w+|to transition|christian|protestant|jew|baptist|converted to|ramadan|vot(?:e|es|ed) for"
    r"|republican|democrat|communist|socialist|fascist|nazi|maga|left[- ]wing|right[- ]wing|arrested|convicted"
    r"|in (?:jail|prison)|undocumented|divorc\w+|cheated on|abused)\b",
    r"\b(?:i(?:['’]m| am)|(?:is|are|will be|turn(?:s|ed|ing)?|she['’]s|he['’]s)) (?:only )?(?:[3-9]"
    r"|1[0-7])(?: ?(?:years? old|yo|y/o))?(?=\W*$|[,.;!]|\s(?:years?|yo|y/o|and|today|now|on)\b)",
)
"""Words of such matters that are as common of things ("disabled by default"): they count where a person is meant."""


def is_sensitive(text: str) -> bool:
    """Whether a text about a person tells such a matter, by clear words or by common ones."""
    return bool(SENSITIVE.search(text) or SENSITIVE_OF_PERSON.search(text))
