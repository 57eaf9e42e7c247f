"""Countries, and the capitals and seats of power by which reports call them."""

from __future__ import annotations

from rag.support.text import fold

_COUNTRIES = """
afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahamas bahrain bangladesh barbados
belarus belgium belize benin bhutan bolivia bosnia botswana brazil brunei bulgaria burundi cambodia cameroon canada chad chile
china colombia comoros congo croatia cuba cyprus czechia denmark djibouti ecuador egypt eritrea estonia eswatini ethiopia fiji
finland france gabon gambia georgia germany ghana greece grenada guatemala guinea guyana haiti honduras hungary iceland india
indonesia iran iraq ireland israel italy jamaica japan jordan kazakhstan kenya kiribati kosovo kuwait kyrgyzstan laos latvia
lebanon lesotho liberia libya liechtenstein lithuania luxembourg madagascar malawi malaysia maldives mali malta mauritania
mauritius mexico micronesia moldova monaco mongolia montenegro morocco mozambique myanmar namibia nauru nepal netherlands
nicaragua niger nigeria norway oman pakistan palau palestine panama paraguay peru philippines poland portugal qatar romania
russia rwanda samoa senegal serbia seychelles singapore slovakia slovenia somalia spain sudan suriname sweden switzerland syria
taiwan tajikistan tanzania thailand togo tonga tunisia turkey turkmenistan tuvalu uganda ukraine uruguay uzbekistan vanuatu
venezuela vietnam yemen zambia zimbabwe us uk uae ussr britain england scotland wales america korea zealand lanka
россия сша китай украина казахстан киргизия кыргызстан таджикистан туркменистан туркмения узбекистан германия франция италия
испания польша турция иран индия япония израиль грузия армения азербайджан белоруссия беларусь великобритания россии китае
украине казахстане киргизии кыргызстане таджикистане туркменистане узбекистане германии франции италии испании польше турции
иране индии японии израиле грузии армении азербайджане белоруссии беларуси великобритании
"""
_SEATS = """
us washington american america;russia moscow kremlin russian;china beijing chinese;uzbekistan tashkent uzbek;kazakhstan astana kazakh
kyrgyzstan bishkek kyrgyz;tajikistan dushanbe tajik;turkmenistan ashgabat turkmen;ukraine kyiv kiev ukrainian;uk london britain british
france paris french;germany berlin german;israel israeli;iran tehran iranian;turkey ankara turkish;japan tokyo japanese
india delhi indian;poland warsaw polish;italy rome italian;spain madrid spanish;eu brussels;azerbaijan baku azerbaijani
armenia yerevan armenian;georgia tbilisi georgian;belarus minsk belarusian;mongolia ulaanbaatar mongolian;taiwan taipei taiwanese
россия москва кремль;сша вашингтон;китай пекин;узбекистан ташкент;казахстан астана;украина киев
""".replace("\n", ";")
_IS_COUNTRY = frozenset(fold(word) for word in _COUNTRIES.split())
_COUNTRY_OF = {
    fold(word): fold(line.split()[0]) for line in _SEATS.split(";") if line for word in line.split()
}


def is_country(low: str) -> bool:
    """Tell whether a folded word is, or ends, the name of a country."""
    return low in _IS_COUNTRY


def country_of(low: str) -> str:
    """Return the country that a folded word stands for in reports; "" for any other word."""
    return _COUNTRY_OF.get(low, "")
