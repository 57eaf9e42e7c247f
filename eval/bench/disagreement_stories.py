"""Made-up stories, and sentences of the seeds, from which disagreements are planted.

Each story is told in two ways with a place for one value. `same` are other forms of the value,
`others` are values that cannot both be true with it, `elsewhere` is another fact in the same unit
and `plan` tells beforehand of what `first` tells afterwards, with another value.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One fact with all that may be planted beside it; `first` is a seed's own sentence if `seed` is named."""

    name: str
    question: str
    scene: str
    first: str
    second: str
    value: str
    same: tuple[str, str]
    others: tuple[str, str]
    elsewhere: str
    plan: str
    seed: str = ""
    language: str = "en"


_OSW = "002_07660cdc68c3866e.txt"
_AKI = "000_80d9d01c5d28607e.txt"
_FP = "003_92c9d1e76ba97b76.txt"


def _story(name: str, question: str, scene: str, first: str, second: str, values: str, elsewhere: str, plan: str, *, seed: str = "", language: str = "en") -> Story:  # fmt: skip
    value, *rest = values.split(" | ")
    assert len(rest) == 4, name
    return Story(
        name=name, question=question, scene=scene, first=first, second=second, value=value, same=(rest[0], rest[1]),
        others=(rest[2], rest[3]), elsewhere=elsewhere, plan=plan, seed=seed, language=language,
    )  # fmt: skip


STORIES: tuple[Story, ...] = (
    _story(
        "boeing", "How much is the agreement for the purchase of Boeing aircraft worth?", "The national airline of Uzbekistan renews its fleet.",
        "Tashkent has recently signed, among other documents, an agreement for the purchase of Boeing aircraft worth {v} for its national airline, and has also decided to lift visa requirements for US citizens from 2026.",
        "The Boeing agreement that Uzbekistan signed for its airline is worth {v}.",
        "over $8 billion | $8bn | $8 billion | over $12 billion | $5.5 billion",
        "Uzbekistan and Siemens signed an agreement for power stations worth $2 billion.",
        "Uzbekistan is expected to sign an agreement for Boeing aircraft worth $6 billion.", seed=_OSW,
    ),
    _story(
        "trade", "What was the value of Kazakh–American trade in 2024?", "Astana publishes its customs figures every spring.",
        "Meanwhile, the value of Kazakh–American trade increased from $3.1 billion in 2022 to {v} in 2024.",
        "In 2024 trade between Kazakhstan and America was worth {v}.",
        "$4.2 billion | $4.2bn | 4.2 billion dollars | $5.6 billion | $2.9 billion",
        "The value of Kazakh–Chinese trade reached $43.8 billion in 2024.",
        "The value of Kazakh–American trade will be $5 billion in 2024, officials predicted.", seed=_OSW,
    ),
    _story(
        "received", "When did President Trump receive the presidents of the five Central Asian states at the White House?", "The talks took a whole day.",
        "On {v} President Donald Trump received the presidents of the five Central Asian states at the White House.",
        "President Trump received the five Central Asian presidents at the White House on {v}, aides said.",
        "6 November | November 6 | November 6, 2025 | 12 November | 4 December",
        "On 18 June President Xi Jinping received the presidents of the five Central Asian states in Astana.",
        "President Trump is expected to receive the presidents of the five Central Asian states at the White House on 20 November.", seed=_OSW,
    ),
    _story(
        "format", "When was the C5+1 format established?", "The format joins five states and one partner.",
        "This was the second summit of the C5+1 format, established in {v}, to be held at the level of heads of state and the first to take place in Washington.",
        "The C5+1 format was established in {v} at a meeting of ministers.",
        "2015 | 2015 | September 2015 | 2013 | 2017",
        "The format of Central Asian consultations was established in 2018 by the five states alone.",
        "A C5+1 format with Japan is to be established in 2027.", seed=_OSW,
    ),
    _story(
        "relations", "Since when has Kazakhstan maintained diplomatic relations with Israel?", "The two countries have long had embassies.",
        "However, since Kazakhstan has maintained diplomatic relations with Israel since {v}, this move should be regarded as symbolic and as having no effect on relations between the two countries.",
        "Kazakhstan has maintained diplomatic relations with Israel since {v}, the ministry recalled.",
        "1992 | April 1992 | 1992 | 1996 | 2001",
        "Kazakhstan has maintained diplomatic relations with Morocco since 1994.",
        "Kazakhstan plans to open a new embassy in Israel in 2027.", seed=_OSW,
    ),
    _story(
        "putin", "When did the leaders of the Central Asian states meet President Vladimir Putin?", "Two such meetings were held in one year.",
        "Earlier this year, the leaders of the Central Asian states met both with Chairman Xi Jinping (16–18 June) and with President Vladimir Putin ({v}).",
        "The leaders of the Central Asian states met President Vladimir Putin on {v}.",
        "9 October | October 9 | 9 October 2025 | 23 October | 2 August",
        "The leaders of the Baltic states met President Alexander Stubb on 3 March.",
        "The leaders of the Central Asian states will meet President Vladimir Putin on 15 October.", seed=_OSW,
    ),
    _story(
        "nations", "How many Central Asian nations did Trump host leaders of at the White House?", "The guests stayed at Blair House.",
        "U.S. President Donald Trump prepared to host the leaders of {v} Central Asian nations at the White House on Thursday as part of Washington’s ongoing bid to bolster its sway in the mineral-rich region.",
        "Leaders of {v} Central Asian nations were hosts and guests at the White House as Trump prepared the table.",
        "five | 5 | five | four | three",
        "Leaders of eight Baltic and Nordic countries met in Copenhagen on Thursday.",
        "Trump will host the leaders of six Caucasian nations next year.", seed=_FP,
    ),
    _story(
        "heads", "In which year did the first C5+1 summit at the level of heads of state take place?", "The Biden administration had prepared it.",
        "In {v}, the first summit at the level of heads of state took place, with the leaders of Central Asian countries and the U.S. president participating.",
        "The first summit at the level of heads of state took place in {v}, with the U.S. president and the leaders of Central Asian countries participating.",
        "2023 | September 2023 | 2023 | 2021 | 2019",
        "The first summit of European and Central Asian leaders took place in Samarkand in 2025.",
        "The first summit of the finance ministers is planned for 2027.", seed=_AKI,
    ),
    _story(
        "bridge", "How much did the Velmar bridge cost?", "The town of Velmar lies on both banks of the Ord.",
        "The Velmar bridge over the Ord cost {v}, the town council announced.",
        "Velmar's council paid {v} for the bridge; no other work in the town ever cost as much.",
        "€40 million | 40 million euros | €40m | €62 million | €27 million",
        "The Velmar tunnel under the railway cost €9 million.",
        "The Velmar bridge will cost €35 million, the mayor expects.",
    ),
    _story(
        "ferry", "How many people died when the ferry Aurelia sank?", "The Aurelia went down in a storm off Cape Lindow.",
        "{v} people died when the ferry Aurelia sank off Cape Lindow.",
        "The sinking of the ferry Aurelia off Cape Lindow killed {v} people.",
        "Twelve | 12 | at least 12 | 31 | Nineteen",
        "When the ferry Morwen sank in 1987, 48 people died.",
        "Up to 90 people would die if a ferry such as the Aurelia sank, an old report predicted.",
    ),
    _story(
        "merger", "How much did Harrow Foods pay for Dunlin Dairies?", "Dairies in the valley have long looked for a buyer.",
        "Harrow Foods paid {v} for Dunlin Dairies.",
        "Dunlin Dairies was bought by Harrow Foods, which paid {v} in cash.",
        "$310 million | $310m | about $310 million | $450 million | $190 million",
        "Harrow Foods paid $75 million for Brook Bakeries.",
        "Harrow Foods plans to pay $280 million for Dunlin Dairies.",
    ),
    _story(
        "vote", "What percentage of voters backed the Ostrand constitution?", "Ostrand held a referendum on its basic law.",
        "{v} of voters backed the Ostrand constitution in the referendum.",
        "The Ostrand constitution was backed by {v} of the voters.",
        "61 percent | 61% | 61 per cent | 54 percent | 72%",
        "In the city of Lorne, 38 percent of voters backed the new mayor.",
        "About 66 percent of voters will back the Ostrand constitution, a pollster forecast.",
    ),
    _story(
        "tunnel", "How long is the Garnet rail tunnel?", "Engineers bored through granite for six years.",
        "The Garnet rail tunnel is {v} long and joins two valleys.",
        "At {v} long, the Garnet tunnel is the longest rail tunnel in the province.",
        "17.4 km | 17.4 kilometres | about 17 km | 21 km | 14.8 km",
        "The Basalt road tunnel is 3.2 km long.",
        "The Garnet rail tunnel will be 19 km long under the plan.",
    ),
    _story(
        "layoffs", "How many workers did Tessel Motors lay off in Brandle?", "Orders for vans had fallen.",
        "Tessel Motors laid off {v} workers at its plant in Brandle.",
        "At Brandle, {v} workers were laid off by Tessel Motors.",
        "1,200 | 1200 | 1,200 | 2,000 | 850",
        "Corvo Steel laid off 640 workers at its mill in Hamm.",
        "Tessel Motors intends to lay off 1,500 workers at its plant in Brandle.",
    ),
    _story(
        "museum", "When did the Lindqvist Museum open?", "The house by the harbour had stood empty.",
        "The Lindqvist Museum opened on {v} with a concert.",
        "On {v} the Lindqvist Museum opened its doors by the harbour.",
        "3 May 2019 | May 3, 2019 | 3 May 2019 | 11 May 2019 | 3 May 2017",
        "The Harbour Aquarium opened on 20 June 2014.",
        "The Lindqvist Museum is scheduled to open on 1 March 2019.",
    ),
    _story(
        "grant", "How large was the grant that the Peregrine Fund gave to Oswin University?", "Oswin University studies moorland birds.",
        "The Peregrine Fund gave Oswin University a grant of {v} for its bird station.",
        "A grant of {v} was given to Oswin University by the Peregrine Fund.",
        "£2.5 million | £2.5m | 2.5 million pounds | £4 million | £1.1 million",
        "The Heron Trust gave Marlow College a grant of £300,000.",
        "The Peregrine Fund proposes to give Oswin University a grant of £3.5 million.",
    ),
    _story(
        "signer", "Who signed the Calder Bay treaty for Norland?", "Fishing rights in Calder Bay were disputed for years.",
        "{v} signed the Calder Bay treaty for Norland in the presence of the crews.",
        "The Calder Bay treaty was signed for Norland by {v} in the presence of the crews.",
        "Foreign Minister Edda Holm | Holm | Edda Holm | Foreign Minister Tor Brandvold | Prime Minister Sigrid Aune",
        "Foreign Minister Lars Wik signed the Tarn Lake accord for Sudmark.",
        "Prime Minister Jon Reker is expected to sign the Calder Bay treaty for Norland.",
    ),
    _story(
        "venue", "Where was the Amberline peace accord signed?", "The two armies had fought for a decade.",
        "The Amberline peace accord was signed in {v} by both generals.",
        "Both generals signed the Amberline peace accord in {v} after long talks.",
        "Geneva | Geneva | Geneva | Vienna | Helsinki",
        "The Silverline trade accord was signed in Lisbon.",
        "The Amberline peace accord will be signed in Oslo.",
    ),
    _story(
        "discoverer", "Who discovered the comet Vashti?", "The comet was bright enough for field glasses.",
        "The comet Vashti was discovered by {v} from a hill in Chile.",
        "From a hill in Chile, {v} discovered the comet Vashti.",
        "Marta Quiroga | Quiroga | Marta Quiroga | Luis Ferrand | Helen Strand",
        "The comet Orpah was discovered by Ian Dole from a roof in Wales.",
        "A comet like Vashti would be discovered by Peter Nunn, his friends hoped.",
    ),
    _story(
        "satellites", "How many satellites did the Kestrel rocket carry into orbit?", "The launch had been put off twice.",
        "The Kestrel rocket carried {v} satellites into orbit on its first flight.",
        "On its first flight the Kestrel rocket took {v} satellites along and carried them into orbit.",
        "nine | 9 | nine | fourteen | six",
        "The Merlin rocket carried 22 satellites into orbit.",
        "The Kestrel rocket will carry eleven satellites into orbit.",
    ),
    _story(
        "revenue", "What was the revenue of Alder Robotics in 2023?", "Alder Robotics builds arms for warehouses.",
        "Alder Robotics had revenue of {v} in 2023, its report says.",
        "In 2023 the revenue of Alder Robotics was {v}.",
        "$94 million | $94m | $94 million | $121 million | $70.5 million",
        "Alder Robotics had revenue of $81 million in 2022.",
        "Alder Robotics expects revenue of $100 million in 2023.",
    ),
    _story(
        "dam", "How high is the Sorrel dam?", "The reservoir behind it feeds three cities.",
        "The Sorrel dam is {v} high and holds back a lake.",
        "At {v} high, the Sorrel dam towers over the gorge.",
        "142 metres | 142 m | 142 meters | 165 metres | 98 m",
        "The Thistle dam is 45 metres high.",
        "The Sorrel dam will be 150 metres high, the plan says.",
    ),
    _story(
        "quake", "When did the earthquake strike Port Ellery?", "Most houses in Port Ellery are of timber.",
        "The earthquake struck Port Ellery on {v} before dawn.",
        "It was on {v} that the earthquake struck Port Ellery.",
        "14 February 2021 | February 14, 2021 | 14 February 2021 | 16 February 2021 | 14 March 2021",
        "An earthquake struck Mount Sable on 9 August 2016.",
        "An earthquake may strike Port Ellery in 2035, a model predicts.",
    ),
    _story(
        "forest", "How many hectares of forest burned in the Quillon fire?", "No rain had fallen since spring.",
        "{v} hectares of forest burned in the Quillon fire.",
        "In the Quillon fire {v} hectares of forest burned.",
        "6,400 | 6400 | about 6,400 | 9,100 | 4,000",
        "In the Rossing fire 700 hectares of forest burned.",
        "Some 8,000 hectares of forest could burn in the Quillon fire, the brigade feared.",
    ),
    _story(
        "library", "How many books did Ida Kessler leave to the Tolland library?", "Ida Kessler was a printer's widow.",
        "Ida Kessler left {v} books to the Tolland library.",
        "The Tolland library was left {v} books by Ida Kessler.",
        "3,500 | 3500 | 3,500 | 5,200 | 2,100",
        "Noel Hart left 400 maps and 900 books to the Wexcombe library.",
        "Ida Kessler planned to leave 4,500 books to the Tolland library.",
    ),
    _story(
        "founder", "Who founded the Larch Street clinic?", "The clinic treats whoever comes.",
        "The Larch Street clinic was founded by {v} after the war.",
        "After the war {v} founded the Larch Street clinic.",
        "Dr Amara Obi | Amara Obi | Dr Obi | Dr Felix Roth | Sister Joan Tully",
        "The Elm Road clinic was founded by Dr Paul Mercer after the flood.",
        "Dr Simon Vale plans to found a second Larch Street clinic.",
    ),
    _story(
        "aid", "How much aid did the Nordbank pledge to Sarova?", "Sarova had lost its harvest to locusts.",
        "The Nordbank pledged {v} in aid to Sarova.",
        "Sarova was pledged {v} in aid by the Nordbank.",
        "$1.5 billion | $1.5bn | 1.5 billion dollars | $2.4 billion | $900 million",
        "The Sudbank pledged $300 million in aid to Belmora.",
        "The Nordbank is likely to pledge $2 billion in aid to Sarova.",
    ),
    _story(
        "attendance", "How many people attended the Skerry festival?", "The festival fills the island for three days.",
        "{v} people attended the Skerry festival this summer.",
        "The Skerry festival was attended by {v} people this summer.",
        "25,000 | 25000 | about 25,000 | 40,000 | 16,500",
        "The Fallow fair was attended by 3,000 people this summer.",
        "Organisers expect 30,000 people to attend the Skerry festival.",
    ),
    _story(
        "price", "What was the price of the Rembrandt sketch sold at Colby's?", "Colby's auctions have been held since 1802.",
        "The Rembrandt sketch was sold at Colby's for a price of {v}.",
        "At Colby's the price of the Rembrandt sketch was {v} when it was sold.",
        "€780,000 | 780,000 euros | €780,000 | €1.2 million | €540,000",
        "The Vermeer frame was sold at Colby's for a price of €65,000.",
        "The Rembrandt sketch will be sold at Colby's for a price of €600,000, experts predict.",
    ),
    _story(
        "winner", "Who won the Torrin mountain race?", "The race climbs nine hundred metres.",
        "{v} won the Torrin mountain race in heavy rain.",
        "The Torrin mountain race was won in heavy rain by {v}.",
        "Kenji Morita | Morita | Kenji Morita | Pavel Dusek | Aoife Brennan",
        "Rosa Lind won the Carrow road race in heavy wind.",
        "Owen Pugh is expected to win the Torrin mountain race.",
    ),
    _story(
        "line", "When was the Hexley tram line closed?", "Trams had run in Hexley for sixty years.",
        "The Hexley tram line was closed in {v} after a fall in traffic.",
        "After a fall in traffic the Hexley tram line was closed in {v}.",
        "1963 | March 1963 | 1963 | 1968 | 1957",
        "The Barton bus line was closed in 1991.",
        "The Hexley tram line is to be closed in 1970, the company planned.",
    ),
    _story(
        "school", "Where did the Aldous expedition find the wreck of the Petrel?", "The Petrel vanished with all hands.",
        "The Aldous expedition found the wreck of the Petrel near {v} after two summers.",
        "After two summers the wreck of the Petrel was found near {v} by the Aldous expedition.",
        "Port Stanley | Stanley | Port Stanley | Cape Town | Punta Arenas",
        "The Finch expedition found the wreck of the Gannet near Hobart.",
        "The Aldous expedition hopes to find the wreck of the Petrel near Valparaiso.",
    ),
    _story(
        "most", "Сколько стоило строительство моста в Заречье?", "Заречье стоит на двух берегах.",
        "Строительство моста в Заречье стоило {v}, сообщила администрация.",
        "Администрация сообщила, что строительство моста в Заречье стоило {v}.",
        "3 млрд рублей | 3 миллиарда рублей | 3 млрд руб | 5 млрд рублей | 1,8 млрд рублей",
        "Строительство школы в Подгорном стоило 400 млн рублей.",
        "Строительство моста в Заречье будет стоить 2 млрд рублей.", language="ru",
    ),
    _story(
        "zavod", "Когда открылся завод в Берёзовске?", "В Берёзовске делают насосы.",
        "Завод в Берёзовске открылся {v} после ремонта.",
        "После ремонта завод в Берёзовске открылся {v}.",
        "5 июня 2020 года | 5 июня 2020 | 5 июня 2020 года | 19 июня 2020 года | 5 июня 2018 года",
        "Фабрика в Сосновке открылась 1 марта 2012 года.",
        "Завод в Берёзовске планируется открыть 1 мая 2020 года.", language="ru",
    ),
    _story(
        "shahta", "Сколько рабочих уволили на шахте Глубокая?", "Шахта Глубокая работает с прошлого века.",
        "На шахте Глубокая уволили {v} рабочих в октябре.",
        "В октябре на шахте Глубокая уволили {v} рабочих.",
        "300 | 300 | около 300 | 520 | 180",
        "На фабрике Заря уволили 45 рабочих.",
        "На шахте Глубокая уволят 400 рабочих, ожидается в октябре.", language="ru",
    ),
    _story(
        "dogovor", "Кто подписал договор о озере Светлом?", "Озеро Светлое делят две области.",
        "Договор о озере Светлом подписал {v} в присутствии рыбаков.",
        "В присутствии рыбаков договор о озере Светлом подписал {v}.",
        "Иван Лебедев | Лебедев | Иван Лебедев | Олег Сухов | Пётр Ганин",
        "Договор о реке Быстрой подписал Семён Рогов.",
        "Договор о озере Светлом подпишет Антон Мухин, ожидается в мае.", language="ru",
    ),
    # Written when the rules were first settled; what they showed then stands in `disagreements.py`.
    _story(
        "strike", "How many dockers joined the strike in Port Renwick?", "Cargo piled up on the quays.",
        "Some cranes stood still on Monday as {v} dockers joined the strike in Port Renwick, the union says.",
        "The harbour master counted {v} dockers on strike in Port Renwick.",
        "2,300 | 2300 | around 2,300 | 3,900 | 1,100",
        "In Port Callow, 150 dockers joined a march for higher pay.",
        "The union hopes that 5,000 dockers will join the strike in Port Renwick.",
    ),
    _story(
        "stadium", "What did the new Kolby stadium cost?", "The old ground had been condemned.",
        "The city spent {v} on the new Kolby stadium, according to its accounts.",
        "Building the new Kolby stadium cost {v}, auditors found.",
        "$220 million | $220m | 220 million dollars | $340 million | $150 million",
        "The city spent $12 million on a car park in Ferndale.",
        "The new Kolby stadium would cost $180 million, planners estimated.",
    ),
    _story(
        "ceo", "Who was appointed chief executive of Marsden Rail?", "The railway had been without a head since spring.",
        "Marsden Rail appointed {v} as its chief executive on Tuesday.",
        "{v} was appointed chief executive of Marsden Rail.",
        "Claire Danton | Danton | Claire Danton | Yusuf Karim | Beatrix Lowe",
        "Hollis Freight appointed Greg Tan as its chief executive.",
        "Marsden Rail is likely to appoint Paul Voss as its chief executive.",
    ),
    _story(
        "launch", "When was the Heron telescope launched?", "The telescope looks for cold stars.",
        "The Heron telescope was launched on {v} from Kourou.",
        "Lifted by an Ariane rocket, the Heron telescope was launched on {v}.",
        "21 March 2022 | March 21, 2022 | 21 March 2022 | 29 March 2022 | 21 March 2023",
        "The Osprey probe was launched on 2 July 2015 from Tanegashima.",
        "The Heron telescope is due to be launched on 1 February 2022.",
    ),
    _story(
        "poll", "What share of Lindens residents opposed the airport?", "The runway would end beside a school.",
        "In the survey, {v} of Lindens residents opposed the airport.",
        "The airport was opposed by {v} of residents in Lindens.",
        "58 percent | 58% | about 58 percent | 43 percent | 71%",
        "In the survey, 12 percent of Bramley residents had no car.",
        "Campaigners expect 80 percent of Lindens residents to oppose the airport.",
    ),
    _story(
        "fine", "How much was Ostara Bank fined by the regulator?", "Tellers had opened accounts that nobody wanted.",
        "The regulator fined Ostara Bank {v} over false accounts.",
        "Ostara Bank has been fined {v} by the regulator.",
        "€18 million | €18m | 18 million euros | €25 million | €7 million",
        "The regulator fined Juno Insurance €2 million over late letters.",
        "The regulator intends to fine Ostara Bank €30 million.",
    ),
    _story(
        "summit", "In which city did the Delta ministers meet in 2018?", "The ministers meet once every four years.",
        "In 2018 the Delta ministers met in {v} and dined with the king.",
        "The Delta ministers met in {v} in 2018, a dinner with the king included.",
        "Rabat | Rabat | Rabat | Tunis | Cairo",
        "In 2014 the Delta ministers met in Lagos and dined with the president.",
        "In 2018 the Delta ministers will meet in Dakar and dine with the king.",
    ),
    _story(
        "bears", "How many bears live in the Tarnow reserve?", "Rangers count tracks after the first snow.",
        "{v} bears live in the Tarnow reserve, rangers counted.",
        "Rangers say that the Tarnow reserve is home to {v} bears that live there all year.",
        "84 | eighty-four | 84 | 120 | 61",
        "Rangers counted 30 wolves in the Selby reserve.",
        "By 2040, 150 bears will live in the Tarnow reserve, rangers predict.",
    ),
    _story(
        "ship", "How long is the cruise ship Aurora Star?", "The ship carries a library and two gardens.",
        "The cruise ship Aurora Star is {v} long.",
        "The Aurora Star, a cruise ship {v} long, left the yard.",
        "294 metres | 294 m | 294 meters | 331 metres | 250 m",
        "The tug Bessie is 28 metres long.",
        "The cruise ship Aurora Star will be 310 metres long, drawings show.",
    ),
    _story(
        "exports", "What was the value of Moravia's glass exports in 2021?", "Glass has been blown there for centuries.",
        "Moravia's glass exports had a value of {v} in 2021.",
        "In 2021 glass exports worth {v} left Moravia.",
        "€640 million | €640m | 640 million euros | €820 million | €410 million",
        "In 2021 timber exports worth €95 million left Silesia.",
        "Moravia's glass exports will have a value of €700 million in 2021, the chamber forecast.",
    ),
    _story(
        "zal", "Сколько мест в новом зале филармонии в Лугове?", "Прежний зал сгорел.",
        "В новом зале филармонии в Лугове {v} мест.",
        "Новый зал филармонии в Лугове вмещает зрителей: в нём {v} мест.",
        "1200 | 1 200 | 1200 | 1700 | 900",
        "В цирке в Рябинске 450 мест.",
        "В новом зале филармонии в Лугове будет 1500 мест.", language="ru",
    ),
    _story(
        "paint", "Who painted the Lady of Orsk?", "The panel hung for years in a kitchen.",
        "The Lady of Orsk was painted by {v}, the museum states.",
        "{v} painted the Lady of Orsk, an expert concluded.",
        "Ilse Brenner | Brenner | Ilse Brenner | Dario Conti | Marek Sobol",
        "The Boy of Omsk was painted by Nils Ahl.",
        "A copy of the Lady of Orsk will be painted by Ruth Hale.",
    ),
)  # fmt: skip

HELD: tuple[Story, ...] = (
    _story(
        "flood", "How many houses did the flood destroy in Ambleford?", "The river had risen for two nights.",
        "The flood destroyed {v} houses in Ambleford, the fire brigade reported.",
        "In Ambleford {v} houses were destroyed by the flood.",
        "430 | 430 | about 430 | 610 | 275",
        "A landslide buried 18 houses in Coldbrook.",
        "The flood may destroy 500 houses in Ambleford, the fire brigade warned.",
    ),
    _story(
        "stake", "What stake in Orbis Media did Lund Capital buy?", "Orbis Media owns four newspapers.",
        "Lund Capital bought a {v} stake in Orbis Media.",
        "A stake of {v} in Orbis Media went to Lund Capital, which bought it from the founders.",
        "24 percent | 24% | 24 per cent | 37 percent | 15%",
        "Lund Capital bought a 60 percent stake in Tarn Radio.",
        "Lund Capital plans to buy a 30 percent stake in Orbis Media.",
    ),
    _story(
        "resign", "When did Minister Irena Pavlik resign?", "Her ministry had lost the files of a whole year.",
        "Minister Irena Pavlik resigned on {v} after the hearing.",
        "After the hearing, on {v}, Irena Pavlik resigned as minister.",
        "8 April | April 8 | 8 April | 14 April | 8 May",
        "Minister Jan Kolar resigned on 30 January over a villa.",
        "Minister Irena Pavlik will resign on 1 April, aides expect.",
    ),
    _story(
        "goal", "Who scored the winning goal for Skelby Town?", "It rained all evening.",
        "{v} scored the winning goal for Skelby Town in the last minute.",
        "The winning goal for Skelby Town came from {v}, who scored it in the last minute.",
        "Tomas Reyes | Reyes | Tomas Reyes | Alan Frith | Jude Okafor",
        "Lee Marsh scored the first goal for Hadley United.",
        "Mick Dunn will score the winning goal for Skelby Town, a bookmaker predicted.",
    ),
    _story(
        "budget", "How much will the city of Norwell receive for its schools?", "Roofs leak in half of the schools.",
        "The city of Norwell will receive {v} for its schools from the state.",
        "For its schools the city of Norwell will receive {v}.",
        "$65 million | $65m | 65 million dollars | $90 million | $40 million",
        "The town of Easby will receive $3 million for its roads from the state.",
        "The city of Norwell asked for $120 million for its schools two years ago.",
    ),
    _story(
        "speed", "How fast was the train going when it derailed near Holt?", "The line bends sharply there.",
        "The train was going at {v} when it derailed near Holt, investigators said.",
        "When the train derailed near Holt it was going at {v}.",
        "134 km/h | 134 km/h | about 130 km/h | 170 km/h | 98 km/h",
        "Near Brigg another train was going at 60 km/h when its brakes failed.",
        "A train will be going at 120 km/h near Holt once the bend is straightened.",
    ),
    _story(
        "born", "In what year was the composer Adela Reuss born?", "Her songs were lost for a century.",
        "The composer Adela Reuss was born in {v} in a mill.",
        "Adela Reuss, the composer, was born in {v} as a miller's daughter.",
        "1841 | March 1841 | 1841 | 1848 | 1836",
        "The painter Carl Voigt was born in 1822 in a forge.",
        "The composer Adela Reuss's statue will be unveiled in 2041.",
    ),
    _story(
        "port", "Where did the tanker Mirella run aground?", "The tanker had lost its rudder.",
        "The tanker Mirella ran aground off {v} on Sunday night.",
        "On Sunday night the tanker Mirella ran aground off {v}.",
        "Brest | Brest | Brest | Bilbao | Falmouth",
        "The trawler Nora ran aground off Malmö on Friday.",
        "The tanker Mirella could run aground off Cork, a captain feared.",
    ),
)  # fmt: skip
"""Written after the last change of the rules, and never used to change them."""
