"""The word lists by which a follow-up is read; English, with the Russian pronouns."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NO_PERSON = _words(
    """
    hall league award awards university college team center centre street park city county river lake north south east
    west new united national state states day war party house church school company club series cup world american
    press times news post january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
    """
)
"""Words of names that are nobody's."""

THIRD_PERSON = _words(
    """
    he her hers herself him himself his it its itself she their theirs them themselves they
    """
)

POSSESSIVES = _words("its itself their theirs themselves his himself her hers herself")
"""Pronouns that mostly stand in the clause of what they mean."""

PLURAL = _words("they them their theirs themselves")
"""Pronouns that stand for several."""

PEOPLE = _words(
    """
    he her hers herself him himself his she
    """
)
"""Pronouns that stand for a person alone."""

DEMONSTRATIVES = _words(
    """
    such that these this those
    """
)

CONJUNCTIONS = _words("and but or because when while if so и а но или потому когда если")
"""What may open another clause."""

AUXILIARIES = _words(
    """
    am is are was were be been do does did has have had can could may might must shall should will would isn't aren't
    wasn't weren't don't doesn't didn't can't couldn't won't wouldn't shouldn't haven't hasn't hadn't
    """
)

POLITE = _words(
    "ok okay yes yeah no oh ah wow hmm cool interesting thanks thank you please well sure great nice hi hello"
)
"""Answers to an answer, that ask for nothing."""

FRAGMENT_OPENINGS = _words("what how which who when where in for with since until")
"""What a question without a verb begins with."""

STANDS_FOR_NOUN = _words(
    """
    another both either former latter neither one ones others
    """
)
"""What stands where a noun would."""

RUSSIAN = _words(
    """
    его ее ей ему её им их ней нем ним ними них нём он она они оно оттуда та там те тех тогда той
    тот туда эта эти этих это этого этой этом этому этот
    """
)
"""Pronouns and what points back, in Russian."""

DETERMINERS = _words("the a an our your my his her its their")
"""What stands before a noun, never before a verb."""

SUPERLATIVES = _words(
    """
    best biggest cheapest easiest first greatest healthiest highest largest latest longest lowest most
    newest oldest shortest smallest worst
    """
)

COMPLEMENTS = _words(
    """
    about at behind between for from in of on that to which who with
    """
)
"""What opens the part that says which: "the price of", "the man who"."""

FUNCTION = _words(
    """
    а и но или да же ли бы не ни в во на о об по с со к из за от до для у при через кто кого кому кем что чего чему чем
    где куда когда как почему зачем сколько какой какая какое какие каких каком чей был была было были будет есть
    a about above actually after again against ah ain't all already also although always am among an and
    another any are aren't around as at be because been before behind being below beneath beside besides
    between beyond both but by can can't cool could couldn't d despite did didn't do does doesn't doing
    don't done down during each earlier either else enough even ever every except few fewer for from
    great had hadn't has hasn't have haven't having he he's hello her here hers herself hi him himself
    his hmm how how's however i i'd i'll i'm i've if in inside instead interesting into is isn't it
    it'll it's its itself just later least less let's like ll m many may maybe me might more most
    much must my myself near neither never nice no none nor not now of off often oh ok okay on once one
    ones only onto or other others ought our ours ourselves out outside over past per perhaps please
    quite rather re really s same several shall she she's should shouldn't since so some sorry still
    such sure t than thank thanks that that's the their theirs them themselves then there there's these
    they they're this those though through throughout to too toward towards under until up upon us ve
    versus very via vs was wasn't we we're well were weren't what what's when where where's whether
    which while who who's whom whose why will with within without won't would wouldn't wow yeah yes yet
    you you're you've your yours yourself
    """
)
"""Words that carry no topic: articles, prepositions, pronouns, auxiliaries, greetings."""

VERBS = _words(
    """
    belong belongs export import
    add added affect affected affects agree agreed allow allowed allows alter announce announced answer
    appear appeared applied apply argue argued arrest arrested arrive arrived ask asked attack attacked
    attend attended avoid avoided bake ban banned based bear beat became become becomes began begin
    begins begun behave being believe born borrow borrowing bought break breaks bring broke brought
    build built buy call called came carried carries carry catch caught cause caused causing celebrate
    change changed changes chip choose chose chosen close closed collect collected combine combined come
    comes compare compete compose composed conclude concluded connect connected consider considering
    contain contains continue continued continues contrast contribute contributed control controlled
    cost costs cover covered create created decide decided defend defended define defined deliver
    delivered demand denied deny depend depends describe design designed destroy destroyed determine
    develop developed die died differ differed differs discover discovered discuss discussed divorced
    doing drink drinks drive eat eats elect elected end ended enter entered escape establish established
    evolve evolved exist existed exists expand expect expected experience explain exported fall famous
    feel feeling feels fell felt fight find finish finished fix fixed focus follow followed follows form
    formed fought found founded gain gained get gets getting give go goes going gone got govern governs
    grew grow handle happen happened happens having hear heard held help helped helps hold hope hopes
    identify imply imported improve improves include included includes increase increases inform inspire
    inspired intend introduce introduced invent invented invest involve involved join joined joins keep
    keeps knew know knowing known last launch launched lead leads learn learning led left legalize let
    lies like liked list live lived lives look looking lose lost made make makes making manage managed
    married marry matter matters mean means meant measure meet mention mentioned met miss missed move
    moved name need needs negotiate negotiated occur occurred occurs offer offered offers open opened
    operate operated oppose opposed order organize originate originated outweigh owe owed own paid pass
    passed pay perform performed plan planned plans play played plays point predict prepare prevent
    prevents produce produced produces promise promote propose proposed protect prove proved provide
    provided provides publish published purchase push put raise raised ran reach react reacted read
    receive received receives recommend recommended reduce reduces refer refers reject rejected relate
    related relates release released remain remained remember replace replaced report reported represent
    represents request require required requires resign resigned resolve respond responded retire
    retired return returned reveal review rise ruled run runs said save saved say says see seem seemed
    seems sell send sent separate serve served set show sign signed sit sleep sold solve sound sounds
    speak spell spend spent spread spreading spreads stand start started starting starts stay stop
    stopped suffer suffered suggest summarize support supported supports surround survive switch take
    takes talk talked teach tell think thought threaten took train transform translate transport travel
    treat treated tried trust try trying turn turned understand understood unite use used uses using
    vary visit vote voted votes walk want warn watch wear went win withdraw won wonder work worked works
    worry write written wrote
    """
)
"""Common verbs, so that no verb is taken for a topic."""

RELATIONAL = _words(
    """
    accident achievement adaptation advantage advice age agreement aim album alternative amount animal
    answer application approach area argument article aspect attitude attraction author authority award
    background battery beginning behavior belief benefit book brand breed budget capacity capital career
    case category cause ceo chairman challenge character characteristic chief child childhood choice
    city claim class climate company comparison competitor component con concept conclusion condition
    connection consequence contract contribution controversy cost country coverage creation creator
    criterion critic criticism culture cure custom danger date daughter deal death decline definition
    detail development diagnosis diet difference director disadvantage discovery dish distinction doctor
    downside drawback drawing drink duration economy education effect element end equipment era
    establishment event evidence evolution example expense experience experiment fact factor failure
    fall family feature fee figure film finding food form formation founder founding function future
    goal government group growth guideline habitat head height history husband idea impact importance
    improvement incident industry influence information ingredient instance institution invention
    inventor issue job kind language law leader legacy length level life limitation link location loser
    market marriage material meaning measure mechanism member method minister mission model movement
    movie name negative neighborhood news nickname number objective opinion opponent option organization
    origin outcome owner parent part past people percentage period phase place plan plant plot policy
    popularity population position positive practice president prevention price principle pro problem
    procedure process product prognosis program project proof property purpose range rate reaction
    reason recipe recommendation region regulation relation relationship religion report requirement
    research response result rise risk rival role rule salary sale sample science share side-effect sign
    significance similarity situation size solution son song sort species speed spot stage standard
    state statement statistic step story strategy strength study success supporter symptom system team
    technique term test theme theory therapy ticket time tip tool town trade tradition treatment treaty
    trial type upside use value variant variation variety version view way weakness weather weight wife
    winner work year
    """
)
"""Nouns that say little without another noun: the symptoms of what, the winner of what."""

LOOSE = _words(
    """
    ton tons tonne tonnes barrel barrels
    amount anybody anything available average away back bad beautiful best better big bigger biggest bit
    broadly certain cheap common cost-effective current currently daily day days deadly different
    difficult earliest early easier easiest easy effective else everyone everything exactly expensive
    false famous far final first general good great greater greatest hard harder hardest healthiest
    healthy high higher highest home important initial interesting key large larger largest last late
    latest likely long long-term longer longest lot lots low lower lowest main major mandatory mind
    minor modern more natural nearby new newer newest next normal nowadays nutshell old older oldest
    once original originally overall own people person popular possible previous real recent recently
    recommended safe second short short-term shorter shortest side similar small smaller smallest
    somebody someone something somewhere special specific specifically still successful tell term thing
    things third time times today total traditional true twice typical unique usual various visible way
    ways whatsoever whole world worse worst
    """
)
"""Words that describe or fill, and name no topic by themselves."""

KNOWN_TO_ALL = _words(
    """
    afternoon air autumn beginning best body brain century day earth east economy end environment eu
    evening fall first future heart house human internet last least media middle month moon morning most
    next night north ocean past present public rest same sea second sky south spring summer sun third
    time u.s uk un united universe us usa water way web week weekend west wild winter world worst year
    """
)
"""What follows "the" without having been spoken of before."""
